"""What pages say first: the scope of a study's headline, and headings that are findings where there is one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from greenreport.analysis.hypotheses.claims import Claim
from greenreport.analysis.measure.dataset import label_of
from greenreport.catalog import METRICS, Better
from greenreport.record import Outcome
from greenreport.report.context import StudyContext
from greenreport.report.figure import Figure
from greenreport.report.figures.cells import matrix_cells


def headline_scope(study: StudyContext) -> str:
    """Return where the headline was found, and interval, scope and runs of its claim; empty before any run."""
    if not study.dataset.outcomes.total():
        return ""
    known = study.dataset.environment is not None
    where = f"On {study.machine}" if known else "On a machine that is not known here"
    claim = next((part for part in study.analysis.headline if isinstance(part, Claim)), None)
    if claim is None:
        return f"{where}; medians over valid runs."
    runs = "one run" if claim.n == 1 else f"at least {claim.n} runs"
    compared = f"{claim.numerator} against {claim.denominator}, {claim.interval()}; {claim.scope_text()}"
    return f"{where}: {compared}; {runs} in each cell."


def matrix_heading(study: StudyContext, metrics: Sequence[str]) -> str:
    """Say which configuration has the best median of the first metric with values on most models."""
    for metric in metrics:
        if not study.dataset.has(metric):
            continue
        info = METRICS[metric]
        firsts = Counter(cell.label for cell in matrix_cells(study, metric) if cell.excess == 1)
        if firsts:
            label, number = firsts.most_common(1)[0]
            word = "highest" if info.better is Better.HIGHER else "lowest"
            return f"{label} has the {word} median {info.noun} {_on(number, len(study.dataset.models))}"
    return "No configuration has a value on any model yet"


def guidelines_heading(study: StudyContext) -> str:
    """Name the configuration that leads in what is wished for first."""
    for guideline in study.analysis.guidelines:
        place = guideline.standing
        if place is not None:
            number = dict(place.wins).get(place.leader.id, 0)
            return f"{guideline.objective.wish}: {label_of(place.leader)} {_on(number, place.models)}"
    return "What to choose, these runs do not tell yet"


def tradeoffs_heading(figures: Sequence[Figure]) -> str:
    """Return what the first pair of wishes showed."""
    return figures[0].finding if figures else "No two wishes can be set against each other yet"


def data_heading(study: StudyContext) -> str:
    """Say how much there is to take away."""
    number = study.dataset.outcomes[Outcome.OK]
    runs = "1 valid run" if number == 1 else f"{number} valid runs"
    if not study.dataset.outcomes.total():
        return "Nothing to take away yet but the study file"
    return f"{runs}, measured elsewhere" if study.dataset.imported else f"{runs}, with every request, output and sample"


def _on(number: int, models: int) -> str:
    return "on the one model" if models == 1 else f"on {number} of {models} models"
