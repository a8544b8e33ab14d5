"""The data of the decision aid: what each cell costs and needs, what it saves, and which cells are statistically tied in energy.

The page's script filters these rows by what a reader can accept and names the most frugal cell that is left; every number in it
is a median with its interval that stands on the cell's page too, every comparison a claim with its derivation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from greenreport.analysis.hypotheses.claim_text import against
from greenreport.analysis.hypotheses.claims import Claim
from greenreport.analysis.hypotheses.findings import compare_models
from greenreport.analysis.hypotheses.savings import METRIC
from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.fidelity import not_ranked, reference_of
from greenreport.analysis.stats import Interval
from greenreport.report.cell_summary import parameters_of
from greenreport.report.context import StudyContext

#: Median, low and high in base units.
Values = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class AidClaim:
    """A comparison in words: its size, what it is against, its interval, and where its derivation stands in the study's folder."""

    text: str
    against: str
    interval: str
    page: str


@dataclass(frozen=True, slots=True)
class AidCell:
    """A cell a reader may end up with; values are (median, low, high) in base units, None where not measured.

    Attributes:
        gpu: whether it needs one.
        page: its page in the study's folder.
        estimated: whether its energy is.
        tie: letters it shares with cells it cannot be told from in energy.
        claim: what it saves against the reference on the model; None for the reference itself.
    """

    model: str
    label: str
    gpu: bool
    page: str
    runs: int
    estimated: bool
    reference: bool
    tie: tuple[str, ...]
    claim: AidClaim | None
    energy: Values | None
    latency: Values | None
    memory: Values | None
    gpu_memory: Values | None
    throughput: Values | None


@dataclass(frozen=True, slots=True)
class AidModel:
    """A model with its number of parameters, None where nobody said or counted it."""

    id: str
    label: str
    parameters: int | None


@dataclass(frozen=True, slots=True)
class DecisionAid:
    """Everything the decision aid knows."""

    models: tuple[AidModel, ...]
    cells: tuple[AidCell, ...]


def decision_aid(study: StudyContext) -> DecisionAid | None:
    """Return the rows of the aid; None when no cell that may be recommended has energy, or where the explorer serves better."""
    if study.large:
        return None
    dataset, fidelity = study.dataset, study.analysis.fidelity
    unfaithful = not_ranked(fidelity)
    tests = {item.model.id: item.test for item in compare_models(dataset, METRIC, fidelity)}
    letters = {(model, group.name): group.letters for model, test in tests.items() for group in test.groups}
    claims = {claim.numerator_cells[0]: claim for claim in study.analysis.savings}
    cells = tuple(
        _cell(dataset, cell, letters, claims.get(cell.key))
        for cell in dataset.cells
        if cell.values(METRIC) and (cell.model.id, cell.configuration.id) not in unfaithful
    )
    if not cells:
        return None
    present = {cell.model for cell in cells}
    models = (AidModel(m.id, m.label, parameters_of(dataset, m)) for m in dataset.models if m.id in present)
    return DecisionAid(tuple(models), cells)


def _cell(dataset: Dataset, cell: CellView, letters: Mapping[tuple[str, str], tuple[str, ...]], claim: Claim | None) -> AidCell:
    return AidCell(
        model=cell.model.id,
        label=label_of(cell.configuration),
        gpu=cell.configuration.provider != "cpu",
        page=f"cells/{cell.slug}/index.html",
        runs=len(cell.values(METRIC)),
        estimated=cell.estimated(METRIC),
        reference=cell.configuration.id == reference_of(dataset),
        tie=tuple(letters.get((cell.model.id, cell.configuration.id), ())),
        claim=None
        if claim is None
        else AidClaim(claim.size(), against((claim,), 0), claim.interval(), f"claims/index.html#{claim.id}"),
        energy=_value(cell, METRIC),
        latency=_value(cell, "latency_p95_s"),
        memory=_value(cell, "ram_rss_peak_b"),
        gpu_memory=_value(cell, "gpu_memory_used_b"),
        throughput=_value(cell, "throughput_tokens_per_s"),
    )


def _value(cell: CellView, metric: str) -> Values | None:
    """Return median, low and high, rounded to the digits anyone reads."""
    description = cell.description(metric)
    if description is None:
        return None
    ci = description.median_ci
    ends = (ci.low, ci.high) if isinstance(ci, Interval) else (None, None)
    return tuple(None if value is None else float(f"{value:.5g}") for value in (description.median, *ends))
