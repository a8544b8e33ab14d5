"""Values over several models by named aggregators, by size category; every one can be unfolded to its rows.

The arithmetic mean of the models' medians, which large models decide, is what Durán et al. print as "aggregated median". In the
geometric mean of the ratios to the reference every model counts the same; it stands wherever a ratio is over several models.
Medians of parts do not add up to the median of the whole, so nothing is added here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from greenreport.analysis.hypotheses.claims import Claim, compare
from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.fidelity import CellFidelity, not_ranked, reference_of
from greenreport.catalog import METRICS
from greenreport.study import Model


@dataclass(frozen=True, slots=True)
class AggregateRow:
    """One configuration over the models of a category.

    Attributes:
        mean: arithmetic mean of the medians, in the metric's unit.
        claim: geometric mean of the ratios to the reference; None for the reference itself.
        medians: (model label, median over runs) of each model.
    """

    label: str
    mean: float
    claim: Claim | None
    wins: int
    medians: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A metric over the models of a size category (or all models).

    Attributes:
        models: those that have values in every configuration that is shown; the others are in `left_out`.
        reference: label of the configuration the ratios refer to.
    """

    metric: str
    category: str
    models: tuple[str, ...]
    left_out: tuple[str, ...]
    reference: str | None
    rows: tuple[AggregateRow, ...]


def aggregates(dataset: Dataset, metric: str, fidelity: Sequence[CellFidelity]) -> tuple[Aggregate, ...]:
    """Return the aggregates of a metric: one per size category with several models, then all models."""
    categories = sorted({str(m.size_category) for m in dataset.models if m.size_category is not None})
    groups: dict[str, Sequence[Model]] = {}
    if len(categories) > 1:
        groups = {f"size category {c}": [m for m in dataset.models if str(m.size_category) == c] for c in categories}
    groups["all models"] = dataset.models
    every = (_aggregate(dataset, metric, category, models, fidelity) for category, models in groups.items())
    return tuple(aggregate for aggregate in every if aggregate is not None)


def _aggregate(
    dataset: Dataset, metric: str, category: str, models: Sequence[Model], fidelity: Sequence[CellFidelity]
) -> Aggregate | None:
    unfaithful = not_ranked(fidelity)
    ranked: dict[str, dict[str, float]] = {model.id: {} for model in models}
    for cell in dataset.cells:
        key, middle = (cell.model.id, cell.configuration.id), cell.median(metric)
        if cell.model.id in ranked and key not in unfaithful and middle is not None:
            ranked[cell.model.id][cell.configuration.id] = middle
    compared = [c for c in dataset.configurations if any(c.id in row for row in ranked.values())]
    complete = [m for m in models if all(c.id in ranked[m.id] for c in compared)]
    if len(complete) < 2 or len(compared) < 2:
        return None
    reference = reference_of(dataset)
    base = next((c for c in compared if c.id == reference), compared[0])
    pick = max if METRICS[metric].direction == "higher" else min
    leaders = [pick(compared, key=lambda c, row=ranked[m.id]: row[c.id]).id for m in complete]  # type: ignore[misc]
    rows = tuple(
        AggregateRow(
            label_of(c),
            sum(ranked[m.id][c.id] for m in complete) / len(complete),
            None if c.id == base.id else compare(dataset, metric, c, base, complete),
            leaders.count(c.id),
            tuple((m.label, ranked[m.id][c.id]) for m in complete),
        )
        for c in compared
    )
    left_out = tuple(m.label for m in models if m not in complete)
    return Aggregate(metric, category, tuple(m.label for m in complete), left_out, label_of(base), rows)
