"""A cell of a study with its runs, as the analysis sees it.

Only runs with the outcome `ok` carry values into tests; all others stay visible with their reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, wraps
from statistics import median
from typing import TypeVar

from greenreport.analysis.measure.run_view import RunView
from greenreport.analysis.stats import Description, describe, screen
from greenreport.analysis.stats.outliers import Policy
from greenreport.catalog import METRICS
from greenreport.record import FlagCode, Method, Outcome
from greenreport.study import Configuration, Model

T = TypeVar("T")
NOT_MEASURED = "energy was not measured here, only modelled from the CPU load"  # why modelled energy answers nothing
#: Flags of other programs that compute beside a run, and why such runs answer nothing.
DISTURBED = frozenset({FlagCode.FOREIGN_LOAD, FlagCode.FOREIGN_GPU_PROCESS})
DISTURBANCE = "other programs kept the processors busy during most runs, so these tell nothing about the configurations"


def once_per_metric(method: Callable[[CellView, str], T]) -> Callable[[CellView, str], T]:
    """Keep what a method of a cell returns for each metric: a large study asks for it hundreds of times."""

    @wraps(method)
    def kept(cell: CellView, metric: str) -> T:
        known: dict[str, T] = vars(cell).setdefault(f"_{method.__name__}", {})
        if metric not in known:
            known[metric] = method(cell, metric)
        return known[metric]

    return kept


@dataclass(frozen=True)
class CellView:
    """A cell with all its runs, in order of repetition.

    Attributes:
        outliers: the study's rule for runs set aside in analysis.
        estimates_answer: whether the study lets energy that is modelled from the CPU load answer questions.
    """

    model: Model
    configuration: Configuration
    runs: tuple[RunView, ...]
    outliers: Policy = "none"
    estimates_answer: bool = False

    @cached_property
    def key(self) -> str:
        """Readable identity."""
        return f"{self.model.id}/{self.configuration.id}"

    @property
    def slug(self) -> str:
        """Name of its folder and files in a site; values of options in the key may hold a stroke."""
        return self.key.replace("/", "--")

    @cached_property
    def ok(self) -> tuple[RunView, ...]:
        """The runs whose values count."""
        return tuple(run for run in self.runs if run.outcome is Outcome.OK)

    def values(self, metric: str) -> tuple[float, ...]:
        """Return the values of a metric that may answer a question: over the runs that count, without outliers.

        Where a run is below the instrument's resolution there are none: the others alone would make the cell look larger than it is.
        Where energy is modelled from the CPU load there are none either: a model restates the CPU time. Nor are there any where other
        programs disturbed most runs, also if the study allows that: what was measured is those programs.
        """
        return () if self.modelled(metric) or self.disturbed else self.recorded(metric)

    @cached_property
    def disturbed(self) -> bool:
        """Whether other programs used the processors in more than half of the runs that count."""
        return 2 * sum(any(flag.code in DISTURBED for flag in run.flags) for run in self.ok) > len(self.ok)

    @once_per_metric
    def recorded(self, metric: str) -> tuple[float, ...]:
        """Return the same values, those of modelled energy too, for description."""
        seen = [observation for run in self.ok if (observation := run.observations.get(metric)) is not None]
        if any(observation.below_resolution for observation in seen):
            return ()
        return screen(tuple(observation.value for observation in seen if observation.value is not None), self.outliers)

    @once_per_metric
    def by_repetition(self, metric: str) -> Mapping[int, float]:
        """Return the same values by their repetition, which is the block."""
        kept = set(self.values(metric))
        return {run.repetition: value for run in self.ok if (value := run.value(metric)) is not None and value in kept}

    @once_per_metric
    def median(self, metric: str) -> float | None:
        """Return the median of the values, or None without any."""
        values = self.values(metric)
        return median(values) if values else None

    def description(self, metric: str) -> Description | None:
        """Return median, spread and intervals of what was recorded, modelled or not, or None without any."""
        values = self.recorded(metric)
        return describe(values) if values else None

    def absence(self, metric: str) -> str:
        """Return why a metric has no values here."""
        if self.disturbed:
            return DISTURBANCE
        if self.modelled(metric):
            return NOT_MEASURED
        for run in self.ok:
            observation = run.observations.get(metric)
            if observation is not None and observation.value is None:
                return observation.reason or "not recorded"
        reasons = Counter(run.reason or run.outcome.value for run in self.runs if run.outcome is not Outcome.OK)
        return reasons.most_common(1)[0][0] if reasons else "no value was recorded" if self.ok else "not run yet"

    @once_per_metric
    def methods(self, metric: str) -> frozenset[Method]:
        """Return whether the values were measured or estimated."""
        sample = (run.observations.get(metric) for run in self.ok)
        return frozenset(o.method for o in sample if o is not None and o.method is not None and o.value is not None)

    @once_per_metric
    def boundaries(self, metric: str) -> frozenset[str]:
        """Return the boundaries of the values."""
        sample = (run.observations.get(metric) for run in self.ok)
        return frozenset(o.boundary for o in sample if o is not None and o.boundary is not None and o.value is not None)

    def boundary(self, metric: str) -> str | None:
        """Return the boundaries of the values in words, or None where they have none."""
        return "; ".join(sorted(self.boundaries(metric))) or None

    def estimated(self, metric: str) -> bool:
        """Whether any value comes from a power model."""
        return Method.ESTIMATED in self.methods(metric)

    def modelled(self, metric: str) -> bool:
        """Whether the metric is energy that was not measured, and the study does not let its estimate answer questions."""
        return not self.estimates_answer and METRICS[metric].of_energy and self.estimated(metric)

    @property
    def outcomes(self) -> Counter[Outcome]:
        """How the runs ended."""
        return Counter(run.outcome for run in self.runs)


def in_blocks(cells: Sequence[CellView], metric: str) -> list[tuple[float | None, ...]]:
    """Return the values of each cell, a place for each block that any of them has a run in; None where it has none."""
    values = [cell.by_repetition(metric) for cell in cells]
    blocks = sorted(set().union(*values))
    return [tuple(of_cell.get(block) for block in blocks) for of_cell in values]
