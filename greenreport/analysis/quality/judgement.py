"""The answers of a study judged, model by model: shares of right answers, losses against the reference, and what a right one costs.

::

    verdicts ─ problems × configurations ─┬ share with its interval over problems
                                          ├ difference to the reference, on the same problems (McNemar, Bonferroni over all pairs)
                                          ├ ratio of costs per right answer: over problems (drawn again) and runs (within blocks)
                                          └ front: more right answers against less time or energy per answer
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from greenreport.analysis.measure.cell_view import in_blocks
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.fidelity import CellFidelity, reference_of
from greenreport.analysis.quality.problem_tests import adjusted, family, level
from greenreport.analysis.quality.problems import CellAnswers, cell_answers
from greenreport.analysis.quality.resampling import Costs, ratio_of_costs, resampled
from greenreport.analysis.stats import Interval, NotComputable, blocked_pair, reach
from greenreport.analysis.stats.paired_shares import PairedDifference, paired_difference, pass_at_k, share_of_right
from greenreport.study import Model, Quality
from greenreport.units import THIN, counted, percent


class Loss(StrEnum):
    """Whether a configuration loses more right answers than the study allows."""

    REFERENCE = "reference"
    KEPT = "within the bound"
    LOST = "loses more than the bound"
    LOST_FOR_CERTAIN = "certainly loses more than the bound"


@dataclass(frozen=True, slots=True)
class CostRatio:
    """A cost per right answer ÷ that of the reference, with its interval over problems and blocks."""

    value: float
    ci: Interval | NotComputable


@dataclass(frozen=True, slots=True)
class FrontPlace:
    """Whether no other configuration gives more right answers at no higher a cost per answer, and how often that holds in resamples."""

    on_front: bool
    probability: float


@dataclass(frozen=True, slots=True)
class ConfigurationQuality:
    """The answers of one configuration on one model.

    Attributes:
        share: of right answers, 0 to 1: the mean over problems; ci: over problems.
        pass_at: (k, chance that one of k answers is right); None where there are fewer answers.
        difference: against the reference; p_adjusted for all pairs of configurations, as on the page of the question.
        time_ratio, energy_ratio: of the cost per right answer; None where one has no right answer, or energy answers nothing.
        same: share of problems whose first answer is the same text as the reference's.
        time_front, energy_front: place among the configurations of the model.
    """

    configuration: str
    answers: CellAnswers
    share: float
    ci: Interval | NotComputable
    pass_at: tuple[tuple[int, float | None], ...]
    difference: PairedDifference | None
    p_adjusted: float | None
    loss: Loss
    time_ratio: CostRatio | None
    energy_ratio: CostRatio | None
    same: float | None
    time_front: FrontPlace | None
    energy_front: FrontPlace | None

    @property
    def problems(self) -> int:
        """Number of problems."""
        return len(self.answers.problems)

    @property
    def solved(self) -> float:
        """Problems solved; a share of one where answers to it vary."""
        return float(self.answers.shares.sum())

    @property
    def lost(self) -> bool:
        """Whether it is not ranked."""
        return self.loss in (Loss.LOST, Loss.LOST_FOR_CERTAIN)

    def right(self) -> str:
        """Return how many problems are solved, in words: ``22 of 60``; the mean share where answers vary."""
        if self.answers.steady:
            return f"{round(self.solved)} of {self.problems}"
        return f"{percent(self.share)} of {counted(self.problems, 'problem')}"

    def against(self) -> str:
        """Return how many more or fewer right answers than the reference: ``9 fewer``, ``as many``; in percentage points where answers vary."""
        if self.difference is None:
            return ""
        points = self.difference.value
        if points == 0:
            return "as many"
        if self.difference.counts:
            number = f"{abs(self.difference.only_first - self.difference.only_second)}"
        else:
            number = f"{100 * abs(points):.3g}{THIN}percentage points"
        return f"{number} {'more' if points > 0 else 'fewer' if self.difference.counts else 'less'}"

    def beside(self, reference: str) -> str:
        """Return the same with the name of the reference: ``9 fewer than Torch · CPU``, ``as many as Torch · CPU``."""
        equal = self.difference is not None and self.difference.value == 0
        return f"{self.against()} {'as' if equal else 'than'} {reference}"


@dataclass(frozen=True, slots=True)
class ModelQuality:
    """The configurations of one model, in the study's order; all on the same problems."""

    model: Model
    reference: str | None
    rows: tuple[ConfigurationQuality, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """Digests of the prompts."""
        return self.rows[0].answers.problems

    def row(self, configuration: str | None) -> ConfigurationQuality | None:
        """Return the row of a configuration; None where it has no judged answer."""
        return next((row for row in self.rows if row.configuration == configuration), None)


@dataclass(frozen=True, slots=True)
class StudyQuality:
    """The answers of a study; a model without judged answers is not among them.

    Attributes:
        alpha: level at which a difference to the reference is shown.
    """

    declared: Quality
    models: tuple[ModelQuality, ...]
    alpha: float

    def row(self, model: str, configuration: str) -> ConfigurationQuality | None:
        """Return the row of a cell; None where it has no judged answer."""
        return next((item.row(configuration) for item in self.models if item.model.id == model), None)


def study_quality(dataset: Dataset) -> StudyQuality | None:
    """Judge the answers of a study; None where it does not declare `quality:`, or no answer has a verdict."""
    declared = dataset.study.quality
    if declared is None or not dataset.verdicts:
        return None
    models = tuple(item for model in dataset.models if (item := _model_quality(dataset, declared, model)) is not None)
    return StudyQuality(declared, models, level(dataset)) if models else None


def _model_quality(dataset: Dataset, declared: Quality, model: Model) -> ModelQuality | None:
    found = [cell_answers(dataset, cell) for cell in dataset.cells_of(model.id)]
    every = [answers for answers in found if answers is not None]
    common = [problem for problem in every[0].problems if all(problem in a.problems for a in every)] if every else []
    if not common:
        return None
    tables = {answers.cell.configuration.id: answers.on(common) for answers in every}
    wanted = reference_of(dataset)
    reference = wanted if wanted in tables else next(iter(tables))
    seed = zlib.crc32(model.id.encode())
    base = tables[reference]
    differences = {
        name: paired_difference(table.shares, base.shares, seed=seed) for name, table in tables.items() if name != reference
    }
    pairs = family(dataset, model)
    together = {name: adjusted(found.p, pairs) for name, found in differences.items()}
    time, energy = (resampled(tables, seed, of_energy=of_energy, over_blocks=False) for of_energy in (False, True))
    fronts = [_front(resampled(tables, seed, of_energy=of_energy, over_blocks=True)) for of_energy in (False, True)]
    rows = tuple(
        ConfigurationQuality(
            name,
            table,
            *share_of_right(table.shares, seed),
            tuple((k, pass_at_k(table.answered.sum(axis=0), table.right.sum(axis=0), k)) for k in declared.k if k > 1),
            differences.get(name),
            together.get(name),
            _loss(differences.get(name), declared.largest_loss),
            _ratio(dataset, time, table, base, "s_per_right_answer"),
            _ratio(dataset, energy, table, base, "j_per_right_answer"),
            None if name == reference else _same(dataset, table, base),
            *(front.get(name) for front in fronts),
        )
        for name, table in tables.items()
    )
    return ModelQuality(model, reference, rows)


def _loss(difference: PairedDifference | None, largest: float) -> Loss:
    if difference is None:
        return Loss.REFERENCE
    if difference.value >= -largest - 1e-12:  # a loss of exactly the bound is admitted
        return Loss.KEPT
    return Loss.LOST_FOR_CERTAIN if reach(difference.value, difference.ci)[1] < -largest else Loss.LOST


def _ratio(
    dataset: Dataset, costs: Mapping[str, Costs], table: CellAnswers, base: CellAnswers, metric: str
) -> CostRatio | None:
    first, second = (answers.cell.configuration.id for answers in (table, base))
    if first == second or first not in costs or second not in costs:
        return None
    runs = blocked_pair(*in_blocks((table.cell, base.cell), metric), step=dataset.step(metric, table.cell.model.id))
    found = ratio_of_costs(costs[first], costs[second], runs.ratio)
    return None if found is None else CostRatio(*found)


def _same(dataset: Dataset, table: CellAnswers, base: CellAnswers) -> float:
    """Return the share of problems whose first answers are the same text."""

    def text(digest: str) -> str:
        output = dataset.outputs.get(digest)
        return digest if output is None else output.text

    return sum(text(a) == text(b) for a, b in zip(table.first, base.first, strict=True)) / len(table.first)


def _front(costs: Mapping[str, Costs]) -> dict[str, FrontPlace]:
    if len(costs) < 2:
        return {}
    spent, right = (
        np.array([getattr(cost, part) for cost in costs.values()]) for part in ("spent", "right")
    )  # names × resamples
    better = (spent[None] <= spent[:, None]) & (right[None] >= right[:, None])
    better &= (spent[None] < spent[:, None]) | (right[None] > right[:, None])
    free = np.asarray(~better.any(axis=1))  # the first column holds the data as they are
    return {name: FrontPlace(bool(row[0]), float(row[1:].mean())) for name, row in zip(costs, free, strict=True)}


def with_losses(fidelity: Sequence[CellFidelity], quality: StudyQuality | None) -> tuple[CellFidelity, ...]:
    """Return the verdicts on outputs with the configurations that lose too many right answers, which are not ranked either."""
    if quality is None:
        return tuple(fidelity)
    bound = f"{100 * quality.declared.largest_loss:g}"
    result = []
    for item in fidelity:
        row = quality.row(item.model, item.configuration)
        lost = None
        if row is not None and row.lost and row.difference is not None:
            points = f"{100 * -row.difference.value:.3g}{THIN}percentage points"
            lost = f"its share of right answers is {points} below that of the reference, and the study allows {bound}"
        result.append(replace(item, loss=lost))
    return tuple(result)
