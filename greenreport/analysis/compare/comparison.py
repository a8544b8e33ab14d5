"""Two studies, or one study on two machines: do they rank configurations alike, and are their ratios alike?

Cells are matched by model and configuration id. Ratios to a configuration both have are compared, never joules or seconds, since
these belong to a machine. The interval of the quotient of two ratios joins the intervals of both on a logarithmic scale (MOVER:
Donner and Zou 2012); the two studies share no run, so they are independent.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from scipy import stats

from greenreport.analysis.compare.study_diff import Difference, design_differences, environment_differences, on_one_machine
from greenreport.analysis.hypotheses.claims import Claim, compare
from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.fidelity import NotRanked, assess, not_ranked, reference_of
from greenreport.analysis.quality.judgement import study_quality, with_losses
from greenreport.analysis.stats import Interval, NotComputable
from greenreport.catalog import METRICS, MetricInfo
from greenreport.study import Configuration, Model
from greenreport.units import THIN, counted, declared_percent, number

COMPARED = ("energy_j", "duration_s", "j_per_output_token", "ram_rss_peak_b")
METHOD = "intervals of both ratios, combined on a log scale (MOVER)"


class Likeness(StrEnum):
    """What the quotient of two ratios says."""

    ALIKE = "alike"
    DIFFERENT = "different"
    OPEN = "cannot be told apart"
    UNKNOWN = "no interval"


@dataclass(frozen=True, slots=True)
class RatioPair:
    """One configuration against the common reference on one model, in both studies.

    Attributes:
        quotient: ratio in the second ÷ ratio in the first; 1 means that the difference is the same.
        same_way: whether both ratios lie on the same side of 1, or both within the margin around it.
    """

    model: str
    configuration: str
    label: str
    first: Claim
    second: Claim
    quotient: float
    ci: Interval | NotComputable
    likeness: Likeness
    same_way: bool


@dataclass(frozen=True, slots=True)
class MetricComparison:
    """One metric over all cells that both studies have.

    Attributes:
        reference: label of the configuration the ratios are taken against.
        margin: relative difference of no practical interest.
        taus: (model, Kendall's τ-b of the configurations' medians); None where fewer than three configurations are shared.
    """

    metric: str
    reference: str
    margin: float
    pairs: tuple[RatioPair, ...]
    taus: tuple[tuple[str, float | None], ...]

    @property
    def info(self) -> MetricInfo:
        """The metric."""
        return METRICS[self.metric]

    @property
    def same_way(self) -> int:
        """Number of ratios that point the same way in both."""
        return sum(pair.same_way for pair in self.pairs)

    def sentences(self) -> Iterator[str]:
        """Yield what was found: directions, sizes, ranks."""
        verb = "points" if self.same_way == 1 else "point"
        only = sum(pair.same_way and pair.likeness is Likeness.DIFFERENT for pair in self.pairs)
        sizes = f", {only} of them in the same direction only: the sizes differ" if only else ""
        yield f"{self.same_way} of {counted(len(self.pairs), 'ratio')} to {self.reference} {verb} the same way in both{sizes}."
        counts = Counter(pair.likeness for pair in self.pairs)
        within = f"±{declared_percent(self.margin)}"
        meanings = {
            Likeness.ALIKE: f"alike: the interval of the quotient lies within {within}",
            Likeness.DIFFERENT: f"different: the interval of the quotient excludes 1 and does not lie within {within}",
            Likeness.OPEN: f"not told apart by these runs: the interval of the quotient includes 1 and reaches beyond {within}",
            Likeness.UNKNOWN: "without an interval",
        }
        parts = [f"{n} {'is' if n == 1 else 'are'} {meanings[likeness]}" for likeness in Likeness if (n := counts[likeness])]
        yield f"{'; '.join(parts)}."
        defined = [(model, tau) for model, tau in self.taus if tau is not None]
        if defined and all(tau > 1 - 1e-9 for _, tau in defined):
            every = "the one model" if len(self.taus) == 1 else f"all {len(self.taus)} models"
            models = every if len(defined) == len(self.taus) else f"{len(defined)} of {len(self.taus)} models"
            yield f"Both rank the configurations alike on {models} (Kendall's τ-b is 1)."
        elif defined:
            ranks = ", ".join(f"{model} {'−' if tau < 0 else '+'}{abs(tau):.2f}" for model, tau in defined)
            yield f"Rank agreement of the configurations (Kendall's τ-b, 1: the same order, −1: the reverse): {ranks}."


@dataclass(frozen=True, slots=True)
class StudyComparison:
    """Two studies beside each other.

    Attributes:
        environment, design: everything about machine and software, and about workload and protocol, that differs.
        withheld: cells both have that are not compared, with the reason.
        same_machine: None where a machine is not known.
    """

    first: str
    second: str
    environment: tuple[Difference, ...]
    design: tuple[Difference, ...]
    metrics: tuple[MetricComparison, ...]
    shared: int
    withheld: tuple[str, ...]
    same_machine: bool | None

    def headline(self) -> str:
        """Return the comparison in one sentence."""
        if not self.metrics:
            return f"{self.first} and {self.second} have nothing that can be compared"
        item = self.metrics[0]
        total = len(item.pairs)
        if total == 1:
            way = "the same way" if item.same_way else "opposite ways"
            return f"The one {item.info.noun} ratio that {self.first} and {self.second} share points {way}"
        return f"{item.same_way} of {total} {item.info.noun} ratios point the same way in {self.first} and in {self.second}"

    def lines(self) -> Iterator[str]:
        """Yield the comparison in words, for the console."""
        yield f"{self.first} against {self.second}: {self.shared} cells in common"
        for item in (*self.environment, *self.design):
            yield f"  {item.name}: {item.first} | {item.second}"
        yield from (f"  not compared: {text}" for text in self.withheld)
        if not self.metrics:
            yield "nothing can be compared: no metric has values in both for a common configuration"
        for metric in self.metrics:
            yield from ("", f"{metric.info.label}, relative to {metric.reference}:")
            for pair in metric.pairs:
                yield (
                    f"  {pair.label} on {pair.model}: {number(pair.first.value)} × | {number(pair.second.value)} ×"
                    f"   ratio of ratios {quotient_text(pair)}   {pair.likeness.value}"
                )
            yield from (f"  {sentence}" for sentence in metric.sentences())


def quotient_text(pair: RatioPair) -> str:
    """Return the quotient of a pair with its interval."""
    text = f"{number(pair.quotient)}{THIN}×"
    return text if isinstance(pair.ci, NotComputable) else f"{text} [{number(pair.ci.low)}, {number(pair.ci.high)}]"


def compare_studies(first: Dataset, second: Dataset, names: tuple[str, str]) -> StudyComparison:
    """Compare two datasets over the models and configurations both have; cells that either study does not rank are withheld."""
    models = [m for m in first.models if any(other.id == m.id for other in second.models)]
    shared = [c for c in first.configurations if any(other.id == c.id for other in second.configurations)]
    unranked = {
        cell: f"not ranked in {name}: {reason}"
        for dataset, name in zip((first, second), names, strict=True)
        for cell, reason in not_ranked(with_losses(assess(dataset), study_quality(dataset))).items()
    }
    metrics = (_metric(first, second, metric, models, shared, unranked) for metric in COMPARED)
    both = [(m, c) for m in models for c in shared if first.cell(m.id, c.id) and second.cell(m.id, c.id)]
    withheld = tuple(f"{label_of(c)} on {m.label}: {unranked[m.id, c.id]}" for m, c in both if (m.id, c.id) in unranked)
    return StudyComparison(
        *names,
        tuple(environment_differences(first, second)),
        tuple(design_differences(first, second, models)),
        tuple(item for item in metrics if item is not None),
        len(both),
        withheld,
        on_one_machine(first, second),
    )


def _metric(
    first: Dataset, second: Dataset, metric: str, models: list[Model], shared: list[Configuration], left_out: NotRanked
) -> MetricComparison | None:
    if not shared:
        return None
    reference = reference_of(first)
    base = next((c for c in shared if c.id == reference), shared[0])
    margin = first.study.smallest_effect(metric)
    pairs = [
        pair
        for model in models
        if (model.id, base.id) not in left_out
        for configuration in shared
        if configuration.id != base.id
        and (model.id, configuration.id) not in left_out
        and (pair := _pair(first, second, metric, model, configuration, base, margin)) is not None
    ]
    if not pairs:
        return None
    ranked = {model.id: [c for c in shared if (model.id, c.id) not in left_out] for model in models}
    taus = tuple((model.label, _tau(first, second, metric, model, ranked[model.id])) for model in models)
    return MetricComparison(metric, label_of(base), margin, tuple(pairs), taus)


def _pair(
    first: Dataset, second: Dataset, metric: str, model: Model, configuration: Configuration, base: Configuration, margin: float
) -> RatioPair | None:
    one = compare(first, metric, configuration, base, [model])
    other = compare(second, metric, configuration, base, [m for m in second.models if m.id == model.id])
    if one is None or other is None:
        return None
    ci = quotient_interval(one, other)
    # Below, within or above the range of no practical interest.
    sides = {(c.value > 1 + margin, c.value < 1 / (1 + margin)) for c in (one, other)}
    same_way = len(sides) == 1 or (one.value - 1) * (other.value - 1) > 0
    quotient, label = other.value / one.value, label_of(configuration)
    return RatioPair(model.label, configuration.id, label, one, other, quotient, ci, _likeness(ci, margin), same_way)


def quotient_interval(one: Claim, other: Claim) -> Interval | NotComputable:
    """Return the interval of other ÷ one from the intervals of both."""
    if isinstance(one.ci, NotComputable):
        return one.ci
    if isinstance(other.ci, NotComputable):
        return other.ci
    a, low_a, high_a = (math.log(value) for value in (one.value, one.ci.low, one.ci.high))
    b, low_b, high_b = (math.log(value) for value in (other.value, other.ci.low, other.ci.high))
    low = b - a - math.hypot(b - low_b, high_a - a)
    high = b - a + math.hypot(high_b - b, a - low_a)
    return Interval(math.exp(low), math.exp(high), min(one.ci.level, other.ci.level), METHOD)


def _likeness(ci: Interval | NotComputable, margin: float) -> Likeness:
    if isinstance(ci, NotComputable):
        return Likeness.UNKNOWN
    if 1 / (1 + margin) <= ci.low and ci.high <= 1 + margin:
        return Likeness.ALIKE
    return Likeness.OPEN if ci.low <= 1 <= ci.high else Likeness.DIFFERENT


def _tau(first: Dataset, second: Dataset, metric: str, model: Model, shared: list[Configuration]) -> float | None:
    cells = [(first.cell(model.id, c.id), second.cell(model.id, c.id)) for c in shared]
    medians = [(a.median(metric), b.median(metric)) for a, b in cells if a and b and a.values(metric) and b.values(metric)]
    if len(medians) < 3:
        return None
    tau = float(stats.kendalltau(*zip(*medians, strict=True)).statistic)
    return tau if math.isfinite(tau) else None
