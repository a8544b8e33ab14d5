"""Pareto sets of two metrics: which configurations no other dominates, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.fidelity import CellFidelity, not_ranked
from greenreport.analysis.stats import ParetoFront, pareto
from greenreport.catalog import METRICS
from greenreport.study import Model

#: The pairs a reader asks for: what a second, a byte or a first token costs in energy.
PAIRS = (("duration_s", "energy_j"), ("ram_rss_peak_b", "energy_j"), ("ram_rss_peak_b", "duration_s"))


@dataclass(frozen=True, slots=True)
class Tradeoff:
    """The Pareto set of two metrics on each model; points are named by configuration id."""

    first: str
    second: str
    models: tuple[tuple[Model, ParetoFront], ...]


def tradeoffs(dataset: Dataset, fidelity: Sequence[CellFidelity]) -> tuple[Tradeoff, ...]:
    """Return the trade-offs that have data: at least two configurations with both metrics on some model."""
    pairs = (_tradeoff(dataset, *pair, fidelity) for pair in PAIRS)
    return tuple(item for item in pairs if item.models)


def _tradeoff(dataset: Dataset, first: str, second: str, fidelity: Sequence[CellFidelity]) -> Tradeoff:
    unfaithful = not_ranked(fidelity)
    models = []
    for model in dataset.models:
        points = {
            cell.configuration.id: ([run.value(first) for run in cell.ok], [run.value(second) for run in cell.ok])
            for cell in dataset.cells
            if cell.model.id == model.id
            and (model.id, cell.configuration.id) not in unfaithful
            and cell.values(first)
            and cell.values(second)
        }
        if len(points) > 1:
            models.append((model, pareto(points, [METRICS[metric].direction for metric in (first, second)])))
    return Tradeoff(first, second, tuple(models))
