"""Claims: every percentage, ratio and "best" on the site is one, with all that is needed to check it.

A claim names what is compared with what, over which models, by which aggregate, with n, interval, boundary and method, and holds
the rows it was computed from. Its direction is printed in words; the number alone is never printed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import geometric_mean

from greenreport.analysis.hypotheses.ratio_text import difference, interval_text, rounds_to_equal
from greenreport.analysis.measure.cell_view import CellView, in_blocks
from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.subjects import MODELS, Subject
from greenreport.analysis.measure.uncertainty import RatioUncertainty, largest_ratio_uncertainty
from greenreport.analysis.quality.problem_tests import mean_share_ratio, shares_on_models
from greenreport.analysis.quality.problems import OVER_PROBLEMS
from greenreport.analysis.stats import GeometricMean, Interval, NotComputable, blocked_pair, geometric_mean_ratio
from greenreport.catalog import METRICS, MetricInfo
from greenreport.study import Configuration, Model
from greenreport.units import THIN, counted, number


class Aggregator(StrEnum):
    """How the value of a claim comes from its rows."""

    SINGLE = "geometric mean over blocks of the ratios of runs in the same block"
    GEOMETRIC_MEAN = "geometric mean over models of the mean ratios of runs in the same block"
    SHARES = "ratio of the shares of right answers to the same problems; over several models their geometric mean"


class Generality(StrEnum):
    """What the interval of a mean over models speaks of."""

    THESE_MODELS = "these models"
    MODELS_LIKE_THESE = "models like these"


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """One model of a claim: geometric means over the blocks in which both have a run, and their ratio."""

    model: str
    numerator: float
    denominator: float
    n_numerator: int
    n_denominator: int

    @property
    def ratio(self) -> float:
        """Numerator ÷ denominator."""
        return self.numerator / self.denominator


@dataclass(frozen=True, slots=True)
class Claim:
    """A comparison of one configuration with another in one metric.

    Attributes:
        numerator, denominator: labels of the configurations; the value is numerator ÷ denominator.
        numerator_cells, denominator_cells: keys of the cells, in the order of `rows`.
        scope: the models it speaks of, out of `of_models`.
        value: the ratio; ci: its interval. On one model it is the interval of the pair's verdict, simultaneous over all pairs of the
            metric; over several models, it speaks of what `generality` says.
        alone: on one model, the interval of this comparison alone; over several, the same as `ci`.
        mean: over several models, the interval for these models, that for models like these, and the prediction for a further one.
        instruments: what instruments add to the ratio, the largest over the models; None where it is not known, or none measured.
        subject: what the models are in words.
        brief: whether its size is told without the metric, in a sentence that has just named it.
    """

    id: str
    metric: str
    numerator: str
    denominator: str
    numerator_cells: tuple[str, ...]
    denominator_cells: tuple[str, ...]
    aggregator: Aggregator
    scope: tuple[str, ...]
    of_models: int
    rows: tuple[ClaimRow, ...]
    value: float
    ci: Interval | NotComputable
    alone: Interval | NotComputable
    mean: GeometricMean | None
    boundary: str | None
    estimated: bool
    instruments: RatioUncertainty | None = None
    subject: Subject = MODELS
    brief: bool = False

    @property
    def info(self) -> MetricInfo:
        """The metric."""
        return METRICS[self.metric]

    @property
    def generality(self) -> Generality | None:
        """What the interval speaks of; None on one model."""
        if self.mean is None:
            return None
        return Generality.MODELS_LIKE_THESE if self.mean.random else Generality.THESE_MODELS

    @property
    def n(self) -> int:
        """Smallest number of runs of any cell."""
        return min(min(row.n_numerator, row.n_denominator) for row in self.rows)

    @property
    def runs_text(self) -> str:
        """How many runs its cells have: ``3 runs``, or ``at least 3 runs`` where some have more."""
        most = max(max(row.n_numerator, row.n_denominator) for row in self.rows)
        return f"{'' if most == self.n else 'at least '}{counted(self.n, 'run')}"

    @property
    def spread(self) -> tuple[ClaimRow, ClaimRow]:
        """The models with the smallest and the largest ratio."""
        ordered = sorted(self.rows, key=lambda row: row.ratio)
        return ordered[0], ordered[-1]

    @property
    def shown_equal(self) -> bool:
        """Whether the value rounds to no difference."""
        return rounds_to_equal(self.value)

    def size(self) -> str:
        """Return the size in words: ``38 % less energy``, ``2.3 times the energy``; where it is brief, ``38 % less``, ``2.3 times that``."""
        words = difference(self.value, self.info)
        if not self.brief or self.shown_equal or (self.info.counted and self.value < 2):
            return words
        noun = self.info.compared
        return words.replace(f" the {noun}", " that") if self.value >= 2 else words.replace(f" {noun}", "")

    def compared_with(self) -> str:
        """Return what it is compared with, in the words that fit the size: ``than Torch``, ``of Torch`` after a multiple, ``as Torch``."""
        return f"{'as' if self.shown_equal else 'of' if self.value >= 2 else 'than'} {self.denominator}"

    def article(self) -> str:
        """Return the article the size takes inside a sentence: ``a 16 % shorter execution time``, ``an 8 % …``; none for ``16 % less energy``."""
        if self.shown_equal or self.value >= 2 or not self.info.takes_article:
            return ""
        return "an " if self.size().startswith(("8", "11", "18")) else "a "

    def short(self) -> str:
        """Return the size for a large figure: ``38 % less``, ``2.3 ×``."""
        if self.shown_equal:
            return "equal"
        if self.value >= 2:
            return f"{number(self.value)}{THIN}×"
        return difference(self.value, self.info).replace(f" {self.info.compared}", "")

    def interval(self) -> str:
        """Return the interval in the same words as the size, or why there is none."""
        if isinstance(self.ci, NotComputable):
            return f"no interval: {self.ci.reason}"
        about = f" for {self.generality.value}" if self.generality is not None else ""
        return f"{self.ci.level:.0%} CI{about} {interval_text(self.ci.low, self.ci.high, self.value)}".replace(
            "%", f"{THIN}%", 1
        )

    def scope_text(self) -> str:
        """Return the scope: ``on GPT-2 mini``, ``over 12 of 12 models, range 38–89 % less``."""
        if len(self.rows) == 1:
            return f"on {self.rows[0].model}"
        low, high = self.spread
        reach = interval_text(low.ratio, high.ratio, self.value)
        return f"geometric mean over {len(self.rows)} of {self.of_models} {self.subject.plural}, range {reach}"

    def sentence(self) -> str:
        """Return the whole claim: who, how much, against whom, interval, scope."""
        return f"{self.numerator}: {self.size()} {self.compared_with()} ({self.interval()}; {self.scope_text()})"


def once(claims: Iterable[Claim]) -> tuple[Claim, ...]:
    """Return claims without repetitions, in order."""
    return tuple({claim.id: claim for claim in claims}.values())


def compare(
    dataset: Dataset, metric: str, numerator: Configuration, denominator: Configuration, models: Sequence[Model]
) -> Claim | None:
    """Return the claim that compares two configurations in a metric over models, or None where no model has both.

    Both cells of a model must have values of the same boundary in a common block; models without are left out of the scope. Shares of
    right answers are compared over problems.
    """
    if metric in OVER_PROBLEMS:
        return _of_shares(dataset, metric, numerator, denominator, models)
    samples: list[tuple[Model, CellView, CellView]] = []
    for model in models:
        top, bottom = dataset.cell(model.id, numerator.id), dataset.cell(model.id, denominator.id)
        if top is None or bottom is None or not top.values(metric) or not bottom.values(metric):
            continue
        shared = top.by_repetition(metric).keys() & bottom.by_repetition(metric).keys()
        positive = min(*top.values(metric), *bottom.values(metric)) > 0
        if shared and positive and top.boundaries(metric) == bottom.boundaries(metric):
            samples.append((model, top, bottom))
    values = [in_blocks((top, bottom), metric) for _, top, bottom in samples]
    if not values:
        return None
    rows = tuple(_row(model, *both) for (model, *_), both in zip(samples, values, strict=True))
    mean = None
    if len(samples) == 1:
        about = (rule for rule in dataset.study.hypotheses if rule.metric == metric)
        alpha = next((rule.alpha for rule in about), 0.05)
        comparisons, step = dataset.comparisons(metric, samples[0][0].id), dataset.step(metric, samples[0][0].id)
        pair = blocked_pair(*values[0], alpha=alpha, comparisons=comparisons, step=step, interim=dataset.interim)
        value, ci, alone = (
            pair.ratio.value,
            pair.ratio.ci,
            blocked_pair(*values[0], step=step, interim=dataset.interim).ratio.ci,
        )
    else:
        mean = geometric_mean_ratio([(top, bottom) for top, bottom in values], interim=dataset.interim)
        value, ci, alone = mean.value, mean.ci, mean.ci
    if value is None:
        return None
    cells = [cell for _, top, bottom in samples for cell in (top, bottom)]
    return Claim(
        id=f"{metric}-{numerator.id}-{denominator.id}-{_scope_name(dataset, [model.id for model, _, _ in samples])}",
        metric=metric,
        numerator=label_of(numerator),
        denominator=label_of(denominator),
        numerator_cells=tuple(top.key for _, top, _ in samples),
        denominator_cells=tuple(bottom.key for _, _, bottom in samples),
        aggregator=Aggregator.SINGLE if len(samples) == 1 else Aggregator.GEOMETRIC_MEAN,
        scope=tuple(model.label for model, _, _ in samples),
        of_models=len(dataset.models),
        rows=rows,
        value=value,
        ci=ci,
        alone=alone,
        mean=mean,
        boundary="; ".join(sorted({boundary for cell in cells for boundary in cell.boundaries(metric)})) or None,
        estimated=any(cell.estimated(metric) for cell in cells),
        instruments=largest_ratio_uncertainty(((top, bottom) for _, top, bottom in samples), metric),
        subject=dataset.subject,
    )


def _of_shares(
    dataset: Dataset, metric: str, numerator: Configuration, denominator: Configuration, models: Sequence[Model]
) -> Claim | None:
    shares = shares_on_models(dataset, numerator, denominator, models)
    ratio = mean_share_ratio(dataset, shares)
    if ratio.value is None:
        return None
    return Claim(
        id=f"{metric}-{numerator.id}-{denominator.id}-{_scope_name(dataset, [item.model.id for item in shares])}",
        metric=metric,
        numerator=label_of(numerator),
        denominator=label_of(denominator),
        numerator_cells=tuple(item.numerator.cell.key for item in shares),
        denominator_cells=tuple(item.denominator.cell.key for item in shares),
        aggregator=Aggregator.SHARES,
        scope=tuple(item.model.label for item in shares),
        of_models=len(dataset.models),
        rows=tuple(
            ClaimRow(item.model.label, *item.percents, len(item.numerator.blocks), len(item.denominator.blocks))
            for item in shares
        ),
        value=ratio.value,
        ci=ratio.ci,
        alone=ratio.ci,
        mean=None,
        boundary=None,
        estimated=False,
    )


def _scope_name(dataset: Dataset, models: Sequence[str]) -> str:
    """Return a name for a set of models: the model, their number where it is all of them, else their number and digest."""
    if len(models) == 1:
        return models[0]
    name = f"{len(models)}-models"
    if len(models) == len(dataset.models):
        return name
    return f"{name}-{hashlib.sha256(' '.join(sorted(models)).encode()).hexdigest()[:6]}"


def _row(model: Model, top: Sequence[float | None], bottom: Sequence[float | None]) -> ClaimRow:
    both = [(a, b) for a, b in zip(top, bottom, strict=True) if a is not None and b is not None]
    numerators, denominators = zip(*both, strict=True)
    return ClaimRow(model.label, geometric_mean(numerators), geometric_mean(denominators), len(both), len(both))
