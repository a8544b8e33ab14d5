"""Test the hypotheses of a study: which groups are compared on each model, what is withheld and why, and the family's adjustment.

The unit of analysis is the run. A group is a configuration on one model; its values are the runs that are ok. A configuration
whose cell is unfaithful, has no values, or has another measurement boundary than the rest is withheld from the test with the
reason, never silently.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from greenreport.analysis.measure.cell_view import in_blocks
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.fidelity import CellFidelity, NotRanked, losses, unfaithful
from greenreport.analysis.measure.subjects import MODELS, Subject
from greenreport.analysis.quality.problem_tests import compare_shares
from greenreport.analysis.quality.problems import OVER_PROBLEMS
from greenreport.analysis.stats import Group, GroupTest, Robustness, compare, over_models, with_robustness
from greenreport.catalog import METRICS, MetricInfo
from greenreport.study import Hypothesis, Model
from greenreport.units import counted


class Decision(StrEnum):
    """What the tests say about a null hypothesis."""

    REJECTED = "rejected"
    PARTLY = "rejected for some models"
    NOT_REJECTED = "not rejected"
    NOT_COMPUTABLE = "not computable"


@dataclass(frozen=True, slots=True)
class Withheld:
    """A configuration that is not compared on a model, and why."""

    configuration: str
    reason: str


@dataclass(frozen=True, slots=True)
class ModelTest:
    """The comparison of configurations on one model; groups are named by configuration id."""

    model: Model
    test: GroupTest
    withheld: tuple[Withheld, ...]

    @property
    def computable(self) -> bool:
        """Whether the omnibus test could be computed."""
        return self.test.omnibus.p is not None


@dataclass(frozen=True, slots=True)
class Finding:
    """A hypothesis with its tests, one per model.

    Attributes:
        labels: configuration id → label.
        subject: what the configurations are compared on, in words.
    """

    hypothesis: Hypothesis
    tests: tuple[ModelTest, ...]
    boundary: str | None
    estimated: bool
    labels: Mapping[str, str]
    subject: Subject = MODELS

    @property
    def metric(self) -> MetricInfo:
        """The dependent variable."""
        return METRICS[self.hypothesis.metric]

    @property
    def models(self) -> tuple[str, ...]:
        """Labels of the models it was tested on."""
        return tuple(test.model.label for test in self.tests)

    @property
    def rejected(self) -> tuple[ModelTest, ...]:
        """Models for which the null hypothesis is rejected."""
        return tuple(t for t in self.tests if t.test.rejected)

    @property
    def kept(self) -> tuple[ModelTest, ...]:
        """Models for which it is not rejected."""
        return tuple(t for t in self.tests if t.computable and not t.test.rejected)

    @property
    def unknown(self) -> tuple[ModelTest, ...]:
        """Models for which nothing could be tested."""
        return tuple(t for t in self.tests if not t.computable)

    @property
    def groups(self) -> tuple[tuple[ModelTest, Group], ...]:
        """Every configuration on every model, with the test it is part of."""
        return tuple((item, group) for item in self.tests for group in item.test.groups)

    @property
    def decision(self) -> Decision:
        """The decision over all models."""
        if not self.rejected and not self.kept:
            return Decision.NOT_COMPUTABLE
        if not self.rejected:
            return Decision.NOT_REJECTED
        return Decision.REJECTED if not self.kept else Decision.PARTLY

    @property
    def robustness(self) -> tuple[str, ...]:
        """In words, for each other test, on how many pairs of all models it agrees with the one that decides."""
        tests: dict[str, list[Robustness]] = {}
        for item in self.tests:
            for other in item.test.robustness:
                tests.setdefault(other.name, []).append(other)
        return tuple(_agreement(name, results) for name, results in tests.items())

    def statement(self) -> str:
        """Return the null hypothesis in words."""
        return self.hypothesis.statement or f"There is no difference in {self.metric.noun} between serving configurations."


def _agreement(name: str, results: Sequence[Robustness]) -> str:
    agreeing, compared, more = (
        sum(part) for part in zip(*((r.agreeing, r.compared, r.only_there) for r in results), strict=True)
    )
    if not agreeing and not more and all(result.powerless for result in results):
        return f"{name} cannot decide a pair with so few runs"
    text = f"{name} agrees on {agreeing} of {counted(compared, 'pair')}"
    if agreeing == compared:
        return text
    finds = [f"{number} {word}" for number, word in ((compared - agreeing - more, "fewer"), (more, "more")) if number]
    return f"{text} and finds {' and '.join(finds)}"


def examine_hypotheses(dataset: Dataset, fidelity: Sequence[CellFidelity]) -> tuple[Finding, ...]:
    """Test every hypothesis; omnibus tests are adjusted over all models and hypotheses of one research question."""
    findings = [_test(dataset, hypothesis, fidelity) for hypothesis in dataset.study.hypotheses]
    for question in dict.fromkeys(h.question for h in dataset.study.hypotheses):
        members = [index for index, f in enumerate(findings) if f.hypothesis.question == question]
        adjusted = iter(over_models([test.test for index in members for test in findings[index].tests]))
        for index in members:
            tests = tuple(replace(test, test=next(adjusted)) for test in findings[index].tests)
            findings[index] = replace(findings[index], tests=tests)
    return tuple(findings)


def _test(dataset: Dataset, hypothesis: Hypothesis, fidelity: Sequence[CellFidelity]) -> Finding:
    metric = hypothesis.metric
    tests = compare_models(dataset, metric, fidelity, providers=hypothesis.providers, hypothesis=hypothesis, robustness=True)
    estimated = any(cell.estimated(metric) for cell in dataset.cells)
    return Finding(hypothesis, tests, "; ".join(dataset.boundaries(metric)) or None, estimated, dataset.labels, dataset.subject)


def compare_models(
    dataset: Dataset,
    metric: str,
    fidelity: Sequence[CellFidelity],
    *,
    providers: Sequence[str] | None = None,
    bound: tuple[str, float] | None = None,
    hypothesis: Hypothesis | None = None,
    robustness: bool = False,
    ranked: bool = False,
) -> tuple[ModelTest, ...]:
    """Compare the configurations on every model in a metric.

    Args:
        providers: only configurations with these execution providers.
        bound: (metric, largest median): only cells that stay within it.
        robustness: run the other tests beside the one that decides.
        hypothesis: level, test and smallest effect; when absent, those of the study's hypothesis about the metric, so that every
            page says the same of a pair.
        ranked: leave out the configurations that lose too many right answers, too.
    """
    left_out = {cell: f"unfaithful: {reason}" for cell, reason in unfaithful(fidelity).items()}
    left_out |= losses(fidelity) if ranked else {}
    about = (item for item in dataset.study.hypotheses if item.metric == metric)
    rule = hypothesis or next(about, Hypothesis(id="H", question="Q", metric=metric))
    return tuple(_test_model(dataset, metric, rule, providers, bound, model, left_out, robustness) for model in dataset.models)


def _test_model(
    dataset: Dataset,
    metric: str,
    rule: Hypothesis,
    providers: Sequence[str] | None,
    bound: tuple[str, float] | None,
    model: Model,
    left_out: NotRanked,
    robustness: bool,
) -> ModelTest:
    of_model = list(dataset.cells_of(model.id))
    cells = [cell for cell in of_model if providers is None or cell.configuration.provider in providers]
    boundaries = Counter(cell.boundaries(metric) for cell in cells if cell.values(metric))
    usual = max(boundaries, key=lambda boundary: boundaries[boundary], default=frozenset())  # others cannot be compared with it
    compared = []
    withheld = []
    for cell in cells:
        reason = left_out.get((model.id, cell.configuration.id))
        if reason is not None:
            withheld.append(Withheld(cell.configuration.id, reason))
        elif not cell.values(metric):
            withheld.append(Withheld(cell.configuration.id, cell.absence(metric)))
        elif bound is not None and ((middle := cell.median(bound[0])) is None or middle > bound[1]):
            withheld.append(Withheld(cell.configuration.id, f"its median {METRICS[bound[0]].noun} is above the bound"))
        elif cell.boundaries(metric) != usual:
            other = cell.boundary(metric) or ""
            withheld.append(Withheld(cell.configuration.id, f"its boundary is {other}, the others' {'; '.join(sorted(usual))}"))
        else:
            compared.append(cell)
    if metric in OVER_PROBLEMS:
        return ModelTest(model, compare_shares(dataset, compared, rule), tuple(withheld))
    groups = dict(zip([cell.configuration.id for cell in compared], in_blocks(compared, metric), strict=True))
    test = compare(
        groups,
        alpha=rule.alpha,
        test=rule.test,
        smallest_effect=rule.smallest_effect,
        noise_floor=dataset.noise_floor if METRICS[metric].unit in ("s", "J") else None,
        comparisons=dataset.comparisons(metric, model.id),
        step=dataset.step(metric, model.id),
        interim=dataset.interim,
    )
    return ModelTest(model, with_robustness(test, groups) if robustness else test, tuple(withheld))
