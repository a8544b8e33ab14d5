"""Directions of a sweep: the cells of one model in one configuration that differ in one load factor alone.

A direction holds every declared cell, whatever its outcome, so that a model which fits only one load, or none, is not lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.analysis.measure.dataset import Dataset
from greenreport.catalog import CURVE_FACTORS, FactorKind, fields_of
from greenreport.plan import Excluded
from greenreport.study import Configuration, Model

FEWEST_LOADS = 3


@dataclass(frozen=True, slots=True)
class Direction:
    """One model in one configuration at every declared level of one factor.

    Attributes:
        base: the configuration with the factor at its default.
        cells: ascending in the factor; excluded: those left out by design, likewise.
    """

    model: Model
    factor: str
    base: Configuration
    cells: tuple[CellView, ...]
    excluded: tuple[Excluded, ...]

    @property
    def label(self) -> str:
        """The configuration without the factor."""
        return label_of(self.base)

    @property
    def items(self) -> tuple[CellView | Excluded, ...]:
        """Every declared cell, also those left out."""
        return self.cells + self.excluded

    @property
    def levels(self) -> frozenset[float]:
        """Every declared load."""
        return frozenset(load_of(item.configuration, self.factor) for item in self.items)


def directions(dataset: Dataset) -> tuple[Direction, ...]:
    """Return every direction of the study with at least three declared loads for its model, in the order of models, few replicas first.

    Several replicas need one load only: there they are compared with one replica.
    """
    models = [model.id for model in dataset.study.models]
    swept: list[Direction] = []
    for factor, row in CURVE_FACTORS.items():
        # Beside a factor of the requests, replicas, threads and output lengths only tell its series apart.
        beside = () if row.kind is FactorKind.REQUESTS else swept
        taken = {(d.model.id, item.configuration.id) for d in beside for item in d.items}
        every = list(_directions(dataset, factor, taken))
        models_swept = {direction.model.id for direction in every if len(direction.levels) >= FEWEST_LOADS}
        kept = [d for d in every if d.model.id in models_swept and (len(d.levels) > 1 or d.base.replicas > 1)]
        swept += sorted(kept, key=lambda direction: (models.index(direction.model.id), direction.base.replicas))
    return tuple(swept)


def _directions(dataset: Dataset, factor: str, taken: set[tuple[str, str]]) -> Iterator[Direction]:
    groups: dict[tuple[str, str], list[CellView | Excluded]] = {}
    items: tuple[CellView | Excluded, ...] = dataset.cells + dataset.excluded
    for item in items:
        if getattr(item.configuration, factor) is not None and (item.model.id, item.configuration.id) not in taken:
            groups.setdefault((item.model.id, without(item.configuration, factor).id), []).append(item)
    for group in groups.values():
        ordered = sorted(group, key=lambda item: load_of(item.configuration, factor))
        cells = tuple(item for item in ordered if isinstance(item, CellView))
        excluded = tuple(item for item in ordered if isinstance(item, Excluded))
        yield Direction(ordered[0].model, factor, without(ordered[0].configuration, factor), cells, excluded)


def without(configuration: Configuration, factor: str) -> Configuration:
    """Return the configuration without the factor, as if the study had not named it."""
    own = configuration.model_fields_set - fields_of(factor)
    return Configuration.model_validate({name: getattr(configuration, name) for name in own})


def load_of(configuration: Configuration, factor: str) -> float:
    """Return the level of a factor."""
    return float(getattr(configuration, factor))


def load_text(factor: str, load: float) -> str:
    """Return a load in words: ``batch 8``, ``4 clients``, ``2.5 requests/s``."""
    return CURVE_FACTORS[factor].in_sentence(load)
