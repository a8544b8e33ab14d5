"""Cold starts: time and energy until a server can answer, and the number of requests after which they pay off.

A configuration whose start costs more than that of the reference and whose requests cost less breaks even after
N = (difference of the energies of the cold starts) ÷ (difference of the energies per request) requests.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from greenreport.analysis.hypotheses.claims import Claim, compare
from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.fidelity import reference_of
from greenreport.analysis.stats import Interval
from greenreport.catalog import LOAD_FACTORS

START, REQUEST = "cold_start_energy_j", "j_per_request"
RESAMPLES = 2000
#: What does not change how a server starts.
_NOT_OF_THE_START = {"name", *(name for name, factor in LOAD_FACTORS.items() if factor.is_load)}


@dataclass(frozen=True, slots=True)
class ColdStart:
    """The cold start of a model in a configuration, at the lightest load it was measured with.

    Attributes:
        worth: energy of the start in requests of the same cell; None where either is not known.
        against: when it has used as much energy as the reference configuration, in words; in brackets 95 in 100 resamples of the runs.
    """

    cell: CellView
    worth: float | None
    against: str


def cold_starts(dataset: Dataset) -> Iterator[ColdStart]:
    """Yield the cold start of every model in every configuration; the loads of a sweep start alike, so each is given once."""
    name = reference_of(dataset)
    lightest: dict[tuple[str, str], CellView] = {}
    for cell in dataset.cells:
        key = cell.model.id, cell.configuration.model_dump_json(exclude=_NOT_OF_THE_START)
        lighter = lightest.get(key)
        if cell.values("cold_start_s") and (lighter is None or len(cell.configuration.load) < len(lighter.configuration.load)):
            lightest[key] = cell
    for cell in lightest.values():
        start, request = cell.values(START), cell.values(REQUEST)
        worth = float(np.median(start) / np.median(request)) if start and request and min(request) > 0 else None
        yield ColdStart(cell, worth, _against(dataset, cell, dataset.cell(cell.model.id, name) if name else None))


def _against(dataset: Dataset, cell: CellView, reference: CellView | None) -> str:
    if reference is None or not reference.values("cold_start_s"):
        return "the reference configuration has no cold start here"
    if cell.key == reference.key:
        return "the reference"
    if cell.configuration.load != reference.configuration.load:
        return "measured under another load than the reference"
    pair = (cell.configuration, reference.configuration, [cell.model])
    start, request = compare(dataset, START, *pair), compare(dataset, REQUEST, *pair)
    if start is None or request is None:
        return "energy of both is not known with one boundary"
    return _words(_direction(start), _direction(request), cell, reference)


def _direction(claim: Claim) -> int:
    """Return −1 for clearly less, 1 for clearly more, 0 where the interval includes equality or there is none."""
    if not isinstance(claim.ci, Interval):
        return 0
    return -1 if claim.ci.high < 1 else 1 if claim.ci.low > 1 else 0


def _words(start: int, request: int, cell: CellView, reference: CellView) -> str:
    if start == 0 and request == 0:
        return "no clear difference"
    if request == 0:
        return f"the start costs {'less' if start < 0 else 'more'}, a request does not clearly differ"
    if start * request >= 0:  # alike, or only requests differ: one of the two is ahead whatever the number of requests
        return "less from the first request on" if request < 0 else "more, however many requests"
    number, low, high = break_even(cell, reference)
    until = f"{high:,.0f}" if math.isfinite(high) else "endlessly many"
    requests_until = f"about {number:,.0f} requests ({low:,.0f} to {until})"
    return f"less after {requests_until}" if request < 0 else f"less up to {requests_until}"


def break_even(cell: CellView, reference: CellView) -> tuple[float, float, float]:
    """Return after how many requests two configurations have used equal energy, from medians, with bootstrap percentiles.

    The ends come from 2,000 resamples of the runs; a resample in which the two never meet counts as infinitely many requests.
    """
    random = np.random.default_rng(0)
    samples = [np.array(c.values(metric)) for metric in (START, REQUEST) for c in (cell, reference)]
    drawn = [np.median(s[random.integers(0, len(s), (RESAMPLES, len(s)))], axis=1) for s in samples]
    with np.errstate(all="ignore"):
        meetings = (drawn[0] - drawn[1]) / (drawn[3] - drawn[2])
    meetings = np.where(np.isfinite(meetings) & (meetings > 0), meetings, np.inf)
    middle = [float(np.median(s)) for s in samples]
    low, high = np.quantile(meetings, [0.025, 0.975], method="inverted_cdf")
    return _ceil((middle[0] - middle[1]) / (middle[3] - middle[2])), _ceil(float(low)), _ceil(float(high))


def _ceil(value: float) -> float:
    return float(math.ceil(value)) if math.isfinite(value) else value
