"""What is known of a record without reading it."""

from __future__ import annotations

from dataclasses import dataclass

from greenreport.record.run import Outcome


@dataclass(frozen=True, slots=True)
class IndexRow:
    """What the plan needs to know of a run.

    Attributes:
        environment: key of the environment it was made in.
        agreeing: keys of other environments in which it counts too, since they differ only in libraries that its engine does not use.
    """

    run_id: str
    study: str
    key: str
    fingerprint: str
    repetition: int
    environment: str
    outcome: Outcome
    duration_s: float
    started_at: str
    agreeing: frozenset[str] = frozenset()

    def counts_in(self, environment: str) -> bool:
        """Return whether the run may be pooled with those of an environment."""
        return environment == self.environment or environment in self.agreeing
