"""Tests and ratios of shares of right answers: problems take the place of runs.

A greedy model answers alike in every run, so the spread over runs is zero and says nothing about the share. What is compared are the
answers to the same problems. All pairs of a model are one family (Bonferroni). The exact test decides: an interval reaches to
equality where that is not rejected and ends there where it is, so that the two cannot disagree (docs/decisions/0022-right-answers-are-tested-over-problems.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from scipy import stats

from greenreport.analysis.measure.cell_view import CellView, in_blocks
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.quality.problems import OVER_PROBLEMS, CellAnswers, cell_answers
from greenreport.analysis.stats import GroupTest, Interval, NotComputable, Pair, PairVerdict, Ratio, compare
from greenreport.analysis.stats.compact_letters import compact_letters
from greenreport.analysis.stats.paired_shares import MCNEMAR, PairedDifference, paired_difference
from greenreport.analysis.stats.results import MeanDifference, Omnibus
from greenreport.analysis.stats.samples import Floats
from greenreport.study import Configuration, Hypothesis, Model
from greenreport.units import counted, declared_percent

METHOD = "Student's t of log ratios over problems"
SYMBOL = "problems that tell the two apart"
_NO_EFFECT = NotComputable("the difference of the shares says how large it is")


def compare_shares(dataset: Dataset, cells: Sequence[CellView], rule: Hypothesis) -> GroupTest:
    """Compare the shares of right answers of some cells of one model, each pair over the problems that both answered.

    Together the configurations differ when one pair does.
    """
    names, metric = [cell.configuration.id for cell in cells], rule.metric
    described = compare(dict(zip(names, in_blocks(cells, metric), strict=True)), alpha=rule.alpha)
    found = {name: cell_answers(dataset, cell) for name, cell in zip(names, cells, strict=True)}
    tables = {name: answers for name, answers in found.items() if answers is not None}
    comparisons = family(dataset, cells[0].model) if cells else 0
    pairs = tuple(
        _pair((a, b), both, rule, comparisons) for a, b in combinations(tables, 2) if (both := _on_common(tables[a], tables[b]))
    )
    reason = "" if pairs else "fewer than two configurations have judged answers to the same problems"
    unequal = {frozenset((pair.a, pair.b)) for pair in pairs if pair.significant}
    letters = compact_letters(sorted(tables, key=lambda name: float(tables[name].shares.mean())), unequal) if pairs else {}
    groups = tuple(
        replace(group, tested=group.name in tables, letters=letters.get(group.name, ()), reason=None if group.name in tables else "no judged answer")
        for group in described.groups
    )  # fmt: skip
    steady = all(table.steady for table in tables.values())
    name = MCNEMAR if steady else "sign flips over problems"
    least = min((pair for pair in pairs if pair.p_adjusted is not None), key=lambda pair: pair.p_adjusted or 0.0, default=None)
    omnibus = (
        Omnibus("none", "", None, (), None, NotComputable(reason), reason)
        if least is None
        else Omnibus(name, SYMBOL, least.statistic, (), least.p_adjusted, _NO_EFFECT)
    )
    spread = replace(described.homogeneity, statistic=None, df=(), p=None, equal=None, reason="problems are compared, not runs")
    return GroupTest(
        groups, spread, "problems" if pairs else None, reason or "answers to the same problems are compared", omnibus, name, pairs,
        rule.alpha, "bonferroni", rule.smallest_effect, comparisons=comparisons,
    )  # fmt: skip


def family(dataset: Dataset, model: Model) -> int:
    """Return the pairs of configurations whose shares of right answers are compared on a model: one family on every page."""
    judged = [cell for cell in dataset.cells_of(model.id) if any(cell.recorded(metric) for metric in OVER_PROBLEMS)]
    return max(1, len(judged) * (len(judged) - 1) // 2)


def level(dataset: Dataset) -> float:
    """Return α of the study's hypothesis about right answers, 0.05 without one: one level on every page."""
    return next((rule.alpha for rule in dataset.study.hypotheses if rule.metric in OVER_PROBLEMS), 0.05)


def adjusted(p: float, comparisons: int) -> float:
    """Return a p value for so many comparisons together (Bonferroni)."""
    return min(1.0, p * comparisons)


def _on_common(first: CellAnswers, second: CellAnswers) -> tuple[CellAnswers, CellAnswers] | None:
    """Return the answers of two cells to the problems that both answered; None without such a problem."""
    common = [problem for problem in first.problems if problem in second.problems]
    return (first.on(common), second.on(common)) if common else None


def _pair(names: tuple[str, str], both: tuple[CellAnswers, CellAnswers], rule: Hypothesis, comparisons: int) -> Pair:
    first, second = both
    found = paired_difference(first.shares, second.shares, 1 - rule.alpha / comparisons)
    together = adjusted(found.p, comparisons)
    apart = together < rule.alpha
    points, ratio = _points(found, apart), share_ratio(first, second, rule.alpha, comparisons)
    verdict, reason = _verdict(found, points, apart, rule, 100 * min(float(table.shares.mean()) for table in both))
    return Pair(
        *names, len(first.blocks), len(second.blocks), SYMBOL, float(found.only_first + found.only_second), None, found.p, together,
        _NO_EFFECT, ratio, points, apart, verdict, None, reason,
    )  # fmt: skip


def _points(found: PairedDifference, rejected: bool) -> MeanDifference:
    """Return a difference of shares in percentage points."""
    ci = found.ci
    if isinstance(ci, Interval):
        ci = _agreeing(replace(ci, low=100 * ci.low, high=100 * ci.high), found.value, 0.0, rejected)
    return MeanDifference(100 * found.value, ci)


def _agreeing(ci: Interval, value: float, equal: float, rejected: bool) -> Interval:
    """Return an interval that agrees with the exact test: it reaches to equality where that is not rejected, and not beyond where it is."""
    if not rejected:
        return replace(ci, low=min(ci.low, equal), high=max(ci.high, equal))
    return replace(ci, low=max(ci.low, equal)) if value > equal else replace(ci, high=min(ci.high, equal))


def _verdict(
    found: PairedDifference, points: MeanDifference, apart: bool, rule: Hypothesis, share: float
) -> tuple[PairVerdict, str]:
    """Return what a pair means, and why; `share`: the smaller one in percent, of which the smallest effect is a part."""
    number = found.only_first + found.only_second
    told = f"{number} of {counted(found.problems, 'problem')} {'tells' if number == 1 else 'tell'} the two apart"
    margin = rule.smallest_effect * share
    if apart:
        return (PairVerdict.HIGHER if found.value > 0 else PairVerdict.LOWER), told
    if isinstance(points.ci, Interval) and -margin <= points.ci.low and points.ci.high <= margin:
        return PairVerdict.NO_PRACTICAL_DIFFERENCE, f"the interval lies within ±{declared_percent(rule.smallest_effect)}"
    return PairVerdict.INCONCLUSIVE, f"{told}; more problems would help, more runs would not"


def share_ratio(first: CellAnswers, second: CellAnswers, alpha: float, comparisons: int = 1) -> Ratio:
    """Return the ratio of two shares of right answers to the same problems, with its interval over problems.

    Args:
        alpha: level of the whole family; comparisons: pairs in it.
    """
    a, b = first.shares, second.shares
    if not a.any() or not b.any():
        reason = "a share of right answers is zero"
        return Ratio(None, NotComputable(reason), reason)
    value, log_parts = float(a.mean() / b.mean()), a / a.mean() - b / b.mean()
    method = METHOD + (f", Bonferroni over {comparisons} pairs" if comparisons > 1 else "")
    ci = _interval_of_logs(math.log(value), log_parts, alpha, comparisons, method)
    if not log_parts.any():  # no problem tells them apart, which leaves the difference open
        points = paired_difference(a, b, 1 - alpha / comparisons).ci
        ci = replace(ci, low=1 + points.low / b.mean(), high=1 + points.high / b.mean()) if isinstance(points, Interval) else ci
    if isinstance(ci, Interval):
        ci = _agreeing(ci, value, 1.0, paired_difference(a, b).p * comparisons < alpha)
    return Ratio(value, ci)


def _interval_of_logs(log: float, parts: Floats, alpha: float, comparisons: int, method: str) -> Interval | NotComputable:
    """Return the interval of a ratio from what each problem adds to its logarithm (delta method)."""
    if parts.size < 2:
        return NotComputable("one problem says nothing about others")
    error = float(parts.std(ddof=1)) / math.sqrt(parts.size)
    wide = float(stats.t.ppf(1 - alpha / comparisons / 2, parts.size - 1)) * error
    if wide > 600:
        return NotComputable("too few answers are right for an interval")
    return Interval(math.exp(log - wide), math.exp(log + wide), 1 - alpha, method)


@dataclass(frozen=True, slots=True)
class SharesOnModel:
    """The right answers of two configurations on one model, to the problems that both answered."""

    model: Model
    numerator: CellAnswers
    denominator: CellAnswers

    @property
    def percents(self) -> tuple[float, float]:
        """Both shares in percent."""
        return 100 * float(self.numerator.shares.mean()), 100 * float(self.denominator.shares.mean())


def shares_on_models(
    dataset: Dataset, numerator: Configuration, denominator: Configuration, models: Sequence[Model]
) -> list[SharesOnModel]:
    """Return the right answers of two configurations on the models on which both have some."""
    result = []
    for model in models:
        cells = [dataset.cell(model.id, configuration.id) for configuration in (numerator, denominator)]
        first, second = (None if cell is None else cell_answers(dataset, cell) for cell in cells)
        both = None if first is None or second is None else _on_common(first, second)
        if both and all(table.right.any() for table in both):
            result.append(SharesOnModel(model, *both))
    return result


def mean_share_ratio(dataset: Dataset, shares: Sequence[SharesOnModel]) -> Ratio:
    """Return the geometric mean over models of the ratios of shares; where models share problems, the problems vary together."""
    alpha = level(dataset)
    if not shares:
        reason = "no model has right answers of both"
        return Ratio(None, NotComputable(reason), reason)
    if len(shares) == 1:
        return share_ratio(shares[0].numerator, shares[0].denominator, alpha, family(dataset, shares[0].model))
    parts: dict[str, float] = {}
    logs = []
    for item in shares:
        a, b = item.numerator.shares, item.denominator.shares
        logs.append(math.log(float(a.mean() / b.mean())))
        for problem, part in zip(item.numerator.problems, (a / a.mean() - b / b.mean()).tolist(), strict=True):
            parts[problem] = parts.get(problem, 0.0) + part / len(shares)
    log = math.fsum(logs) / len(logs)
    return Ratio(math.exp(log), _interval_of_logs(log, np.array(list(parts.values())), alpha, 1, METHOD))
