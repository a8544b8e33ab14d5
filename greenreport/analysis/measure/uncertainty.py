"""What instruments add to the uncertainty of a cell's values, and of a ratio of two cells."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

from greenreport import traces as tr
from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.observation import Observation
from greenreport.catalog import METRICS
from greenreport.units import THIN, number


@dataclass(frozen=True, slots=True)
class RatioUncertainty:
    """What instruments add to a ratio of two cells, beyond the spread of their runs.

    Attributes:
        expanded: relative, k = 2.
        common: how many meters read both; None where different ones read them, so that no error cancels.
    """

    expanded: float
    common: int | None

    def explains(self, ratio: float) -> bool:
        """Whether instruments alone may make two equal values look as different as this ratio, which is above 0."""
        return abs(math.log(ratio)) <= math.log1p(self.expanded)

    @property
    def words(self) -> str:
        """The uncertainty, and what of it cancels in the ratio."""
        if self.common is None:
            why = "they were read by different instruments, so none of their errors cancels"
        elif self.common == 1:
            why = "one instrument read both, so the error of its scale cancels; its constant error and what differs from load to load stay"
        else:
            why = (
                "the same instruments read both, so the errors of their scales cancel as far as each has the same share in both; constant "
                "errors and what differs from load to load stay"
            )
        return f"±{THIN}{number(100 * self.expanded, 2)}{THIN}% (k = 2), beside the interval of the runs: {why}"


def expanded_uncertainty(cell: CellView, metric: str) -> float | None:
    """Return what instruments add to each run's value, k = 2, in the unit of the metric: the median over the runs that count.

    None where a run that counts has a value without a budget, or none has a value.
    """
    valued = _valued(cell, metric)
    known = [o.budget.expanded for o in valued if o.budget is not None]
    return median(known) if known and len(known) == len(valued) else None


def ratio_uncertainty(first: CellView, second: CellView, metric: str) -> RatioUncertainty | None:
    """Return what instruments add to the ratio of two cells of one machine, from their runs of median value; None where it is not known."""
    return _of_ratio(_middle(first, metric), _middle(second, metric))


def largest_ratio_uncertainty(families: Iterable[Sequence[CellView]], metric: str) -> RatioUncertainty | None:
    """Return the largest uncertainty of a ratio of two cells of one family; None where none is known."""
    found = []
    for cells in families:
        middle = [_middle(cell, metric) for cell in cells]
        found += [one for pair in combinations(middle, 2) if (one := _of_ratio(*pair)) is not None]
    return max(found, key=lambda one: one.expanded, default=None)


def why_unknown(cell: CellView, metric: str) -> str | None:
    """Return why values of energy carry no uncertainty of an instrument; None where they do, or where it is no energy."""
    if not METRICS[metric].of_energy or not _valued(cell, metric) or expanded_uncertainty(cell, metric) is not None:
        return None
    if cell.estimated(metric):
        return "it is modelled from the CPU load, and a model has errors that no instrument states"
    return "nothing is known of the errors of its instrument"


def _valued(cell: CellView, metric: str) -> list[Observation]:
    seen = (run.observations.get(metric) for run in cell.ok)
    return [observation for observation in seen if observation is not None and observation.value is not None]


def _middle(cell: CellView, metric: str) -> Observation | None:
    """Return the observation of median value, the lower of the middle two."""
    valued = sorted(_valued(cell, metric), key=lambda observation: observation.value or 0.0)
    return valued[(len(valued) - 1) // 2] if valued else None


def _of_ratio(one: Observation | None, other: Observation | None) -> RatioUncertainty | None:
    if one is None or other is None or one.budget is None or other.budget is None or not one.value or not other.value:
        return None
    relative = tr.ratio_uncertainty(one.budget, one.value, other.budget, other.value)
    meters = [{c.meter for c in budget.contributions} for budget in (one.budget, other.budget)]
    return RatioUncertainty(tr.COVERAGE_FACTOR * relative, len(meters[0]) if meters[0] == meters[1] else None)
