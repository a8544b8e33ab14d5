"""One run as the analysis sees it: its outcome, its observations, and what pages show of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from greenreport.analysis.measure.downsample import Rail
from greenreport.analysis.measure.metrics import PhaseRow
from greenreport.analysis.measure.observation import Observation
from greenreport.analysis.measure.replicas import Replica
from greenreport.analysis.measure.spans import Beside, Stage
from greenreport.catalog import Accuracy
from greenreport.record import Facts, Flag, Mark, Missing, Outcome, Phase, Request, RunSpec
from greenreport.traces import Coverage
from greenreport.validity import Agreement


@dataclass(frozen=True, slots=True)
class Sampling:
    """How one channel was sampled over the window of a run.

    Attributes:
        channel: what was observed: ``package-0 energy``.
        interval_s: median time between two samples.
        of_energy: whether energy is computed from it.
        accuracy: what is known of the errors of its instrument; None where nothing is.
    """

    meter: str
    channel: str
    interval_s: float
    coverage: Coverage
    of_energy: bool = False
    accuracy: Accuracy | None = None


@dataclass(frozen=True, slots=True)
class RunView:
    """One run: its outcome and its value of every metric.

    Attributes:
        host: digest of the machine; times of the monotonic clock compare within one.
    """

    run_id: str
    repetition: int
    position: int
    outcome: Outcome
    reason: str | None
    started_at: str
    start_ns: int
    duration_s: float
    flags: tuple[Flag, ...] = ()
    missing: tuple[Missing, ...] = ()
    observations: Mapping[str, Observation] = field(default_factory=dict)
    phases: tuple[PhaseRow, ...] = ()
    rails: tuple[Rail, ...] = field(default=(), repr=False)
    agreements: tuple[Agreement, ...] = ()
    sampling: tuple[Sampling, ...] = ()
    foreign_load: float | None = None
    stages: tuple[Stage, ...] = ()
    concurrent: tuple[Beside, ...] = ()
    replicas: tuple[Replica, ...] = ()
    requests: tuple[Request, ...] = ()
    facts: Facts | None = None
    detail: str | None = None
    spec: RunSpec = field(default_factory=RunSpec)
    host: str = ""

    @property
    def window(self) -> Mark | None:
        """The measured window; None where the run did not reach it."""
        return next((row.mark for row in self.phases if row.mark.phase is Phase.WINDOW), None)

    @property
    def prompt_tokens(self) -> int | None:
        """Tokens of all answered prompts; None where a request has no count."""
        return _total([request.prompt_tokens for request in self.requests if request.error is None])

    @property
    def output_tokens(self) -> int | None:
        """Tokens of all outputs; None where a request has no count."""
        return _total([request.output_tokens for request in self.requests if request.error is None])

    def value(self, metric: str) -> float | None:
        """Return the run's value of a metric, or None."""
        observation = self.observations.get(metric)
        return None if observation is None else observation.value


def _total(numbers: Sequence[int | None]) -> int | None:
    counts = [number for number in numbers if number is not None]
    return sum(counts) if counts and len(counts) == len(numbers) else None


@dataclass(frozen=True, slots=True)
class HostControl:
    """The fixed work that a host of a cluster performed before a block.

    Attributes:
        host: digest of the machine; seconds: what it took.
        drift: by how much it differed from before, in words, where that is too much.
    """

    host: str
    started_at: str
    seconds: float
    drift: str | None


@dataclass(frozen=True, slots=True)
class ModelPreparation:
    """A download or conversion done for a cell: what, how long, how large."""

    model: str
    engine: str
    what: str
    seconds: float
    size_b: int
