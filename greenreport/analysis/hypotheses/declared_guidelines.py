"""Guidelines written in a study, each with the verdict of the data: supported, not supported, or no data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from greenreport.analysis.hypotheses.claims import Claim, compare
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.fidelity import CellFidelity, NotRanked, not_ranked
from greenreport.analysis.stats import reach
from greenreport.catalog import METRICS
from greenreport.study import DeclaredGuideline


class Support(StrEnum):
    """What the data say about a declared guideline."""

    SUPPORTED = "supported"
    NOT_SUPPORTED = "not supported"
    NO_DATA = "no data"


@dataclass(frozen=True, slots=True)
class Declared:
    """A declared guideline with its verdict; `why` is a clause."""

    guideline: DeclaredGuideline
    support: Support
    why: str
    claim: Claim | None


def check_declared(dataset: Dataset, fidelity: Sequence[CellFidelity]) -> tuple[Declared, ...]:
    """Check every guideline the study declares."""
    unfaithful = not_ranked(fidelity)
    return tuple(_check(dataset, guideline, unfaithful) for guideline in dataset.study.guidelines)


def _check(dataset: Dataset, guideline: DeclaredGuideline, unfaithful: NotRanked) -> Declared:
    first, second = (dataset.plainest(side.engine, side.provider) for side in (guideline.uses, guideline.than))
    if first is None or second is None:
        return Declared(guideline, Support.NO_DATA, "a configuration it speaks of is not in this study", None)
    category = guideline.size_category
    models = [
        model
        for model in dataset.models
        if (category is None or str(model.size_category) == str(category))
        and {(model.id, first.id), (model.id, second.id)}.isdisjoint(unfaithful)
    ]
    claim = compare(dataset, guideline.metric, first, second, models)
    if claim is None:
        return Declared(guideline, Support.NO_DATA, "no model has values of both configurations", None)
    low, high = reach(claim.value, claim.ci)
    if low <= 1 <= high:
        return Declared(guideline, Support.NOT_SUPPORTED, "the interval includes no difference", claim)
    better = low > 1 if METRICS[guideline.metric].direction == "higher" else high < 1
    if better:
        return Declared(guideline, Support.SUPPORTED, "the whole interval lies on its side", claim)
    return Declared(guideline, Support.NOT_SUPPORTED, "the data show the opposite", claim)
