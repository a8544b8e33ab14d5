"""One value of one metric of one run."""

from __future__ import annotations

from dataclasses import dataclass

from greenreport.record import Method
from greenreport.traces import Budget

#: Reason of an observation that is below the resolution of its instrument.
UNRESOLVED = "below the resolution of its instrument"


@dataclass(frozen=True, slots=True)
class Observation:
    """One value of one metric of one run.

    Attributes:
        value: in the metric's unit; None when it does not exist, with the `reason`.
        boundary: what the value includes, for energy and power.
        method: `measured`, `estimated`, or None for values that are counted or timed.
        below_resolution: whether the value is absent because its instrument cannot tell it from zero. It is small and unknown, so
            no ratio, ranking or estimate is made of it.
        refused: what was read instead of a value, where it is one that nothing can have.
        statistic: of an imported value that had been aggregated already, which one it is: ``mean``, ``p99``.
        budget: what its instruments add to its uncertainty; None where that is not known, or nothing is measured by an instrument.
    """

    metric: str
    value: float | None
    boundary: str | None = None
    method: Method | None = None
    reason: str | None = None
    below_resolution: bool = False
    budget: Budget | None = None
    refused: float | None = None
    statistic: str | None = None
