"""Compare the groups of one factor: assumptions, omnibus test, all pairs, effect sizes, and what it means in practice.

::

    clean ─ describe ─ Shapiro–Wilk, Levene ─ choose ─┬ Welch's ANOVA ── Games–Howell ── Hedges' g ──┐
                                                      ├ Kruskal–Wallis ─ Dunn, Holm ──── Cliff's δ ──┼ ratio ─ verdict ─ letters
                                                      └ Friedman ─────── Wilcoxon, Holm  δ in blocks ┘

Nothing here is random: no resampling, the same values give the same result whatever the order of runs. Degenerate input is an
answer with its reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from greenreport.analysis.stats.adjust import AdjustedP, Correction, adjust
from greenreport.analysis.stats.assumptions import homogeneity, normality
from greenreport.analysis.stats.describe import describe
from greenreport.analysis.stats.judge import Rule, judge
from greenreport.analysis.stats.letters import compact_letters
from greenreport.analysis.stats.procedures import Row, Tested, friedman_test, kruskal_test, welch_test
from greenreport.analysis.stats.ratios import pair_ratios
from greenreport.analysis.stats.results import Group, GroupTest, Omnibus, Pair, Procedure, Verdict
from greenreport.analysis.stats.values import FEWEST_RUNS, Floats, NotComputable, Sample, binary_exponent, clean, runs, scaled

#: Welch's F rejects too often with many small groups: above 5 groups, `auto` uses it from 2 + 0.4 · groups runs on
#: (docs/statistics-simulation.md).
_FEW_GROUPS = 5
_RUNS_PER_GROUP = 0.4
#: With fewer runs a group and more than two groups, Welch's F rejects some hundredths too often (same page).
_LEVEL_RUNS = 10

_RUN = {"welch": welch_test, "kruskal": kruskal_test}


@dataclass(frozen=True, slots=True)
class _Choice:
    test: Procedure | None
    reason: str


def compare(
    groups: Mapping[str, Sample],
    *,
    alpha: float = 0.05,
    test: Literal["auto", "welch", "kruskal", "friedman"] = "auto",
    correction: Correction = "holm",
    smallest_effect: float = 0.05,
    noise_floor: float | None = None,
) -> GroupTest:
    """Compare groups of runs in one metric.

    Args:
        groups: name → runs, in the metric's unit; None, NaN and infinite entries are missing runs. For `friedman` the position
            in the sequence is the block, and only blocks complete in all tested groups count.
        alpha: level of every test, and of the decision about normality.
        test: auto takes Welch when every group passes Shapiro–Wilk, Kruskal–Wallis otherwise. With two groups: Welch's t,
            Mann–Whitney, Wilcoxon's signed ranks.
        correction: of the pairs of rank tests; Games–Howell corrects itself.
        smallest_effect: relative difference of medians below which a difference is of no practical interest.
        noise_floor: relative difference two identical configurations show on this machine; None when not known.
    """
    with np.errstate(all="ignore"):
        return _compare(groups, test, _Settings(alpha, correction, max(0.0, smallest_effect), noise_floor))


@dataclass(frozen=True, slots=True)
class _Settings:
    alpha: float
    correction: Correction
    smallest_effect: float
    noise_floor: float | None


def _compare(groups: Mapping[str, Sample], test: str, settings: _Settings) -> GroupTest:
    samples = {name: clean(values)[0] for name, values in groups.items()}
    found = [_group(name, groups[name], samples[name], settings.alpha) for name in groups]
    tested = [group.name for group in found if group.tested]
    exponent = binary_exponent(np.concatenate([*samples.values(), np.zeros(1)]))
    samples = {name: scaled(x, exponent) for name, x in samples.items()}
    blocks = _complete_blocks([groups[name] for name in tested], exponent) if test == "friedman" else None
    choice = _choose(test, found, blocks)
    outcome = _test([samples[name] for name in tested], choice, blocks)
    if outcome.omnibus.p is None:
        choice = replace(choice, test=None)
    pairs = _pairs(list(groups), samples, tested, outcome, settings, blocks)
    rejected = outcome.omnibus.p is not None and outcome.omnibus.p < settings.alpha
    rule = Rule(settings.alpha, len(outcome.rows), settings.smallest_effect, settings.noise_floor, rejected)
    pairs = [judge(pair, rule, identical=_identical(samples[pair.a], samples[pair.b])) for pair in pairs]
    return GroupTest(
        groups=_lettered(found, pairs, computable=choice.test is not None),
        homogeneity=homogeneity([samples[name] for name in tested], settings.alpha),
        test=choice.test,
        reason=choice.reason + _powerless(outcome, settings),
        omnibus=outcome.omnibus,
        posthoc=_posthoc(outcome, settings.correction),
        pairs=tuple(pairs),
        alpha=settings.alpha,
        correction=settings.correction,
        smallest_effect=settings.smallest_effect,
        noise_floor=settings.noise_floor,
    )


def _group(name: str, values: Sample, x: Floats, alpha: float) -> Group:
    enough = x.size >= FEWEST_RUNS
    reason = None if enough else f"{runs(x.size)}; a test needs {FEWEST_RUNS}"
    return Group(name, describe(values), normality(x, alpha), enough, (), reason)


def _complete_blocks(groups: Sequence[Sample], exponent: int) -> Floats:
    """Return blocks × groups of the positions at which every group has a finite value."""
    length = max((len(values) for values in groups), default=0)
    table = np.full((length, len(groups)), np.nan)
    for column, values in enumerate(groups):
        table[: len(values), column] = [np.nan if value is None else value for value in values]
    complete = scaled(table[np.isfinite(table).all(axis=1)], exponent)
    return complete[np.lexsort(complete.T)] if complete.size else complete


# --- which test -------------------------------------------------------------------------------------------------------


def _choose(test: str, groups: Sequence[Group], blocks: Floats | None) -> _Choice:
    tested = [group for group in groups if group.tested]
    left_out = [f"{group.name} ({runs(group.description.n)})" for group in groups if not group.tested]
    suffix = f"; left out: {', '.join(left_out)}" if left_out else ""
    if len(tested) < 2:
        return _Choice(None, f"fewer than two groups have {FEWEST_RUNS} runs{suffix}")
    if blocks is not None:
        total = max(group.description.n + group.description.dropped for group in tested)
        return _Choice("friedman", f"forced by the study; {len(blocks)} of {total} blocks are complete{suffix}")
    if test == "auto":
        chosen = _automatic(tested)
        return replace(chosen, reason=chosen.reason + suffix)
    forced: Procedure = "welch" if test == "welch" else "kruskal"
    return _Choice(forced, f"forced by the study{suffix}")


def _automatic(tested: Sequence[Group]) -> _Choice:
    count = len(tested)
    welch, name = ("Welch's t", "Mann–Whitney") if count == 2 else ("Welch's ANOVA", "Kruskal–Wallis")
    constant = [group.name for group in tested if group.normality.p is None]
    if constant:
        why = next(group.normality.reason for group in tested if group.normality.p is None)
        return _Choice("kruskal", f"Shapiro–Wilk is not computable for {', '.join(constant)} ({why}) → {name}")
    failed = [group.name for group in tested if not group.normality.normal]
    if failed:
        return _Choice("kruskal", f"{len(failed)} of {count} groups fail Shapiro–Wilk ({', '.join(failed)}) → {name}")
    fewest = min(group.description.n for group in tested)
    if count > _FEW_GROUPS and fewest < 2 + _RUNS_PER_GROUP * count:
        text = f"all {count} groups pass Shapiro–Wilk, but Welch's test is not reliable with {count} groups of {fewest} runs"
        return _Choice("kruskal", f"{text} → {name}")
    small = (
        f", which keeps its level only approximately with {runs(fewest)} a group" if count > 2 and fewest < _LEVEL_RUNS else ""
    )
    return _Choice("welch", f"all {count} groups pass Shapiro–Wilk → {welch}{small}")


def _test(samples: Sequence[Floats], choice: _Choice, blocks: Floats | None) -> Tested:
    if choice.test is None:
        return Tested(Omnibus("none", "", None, (), None, NotComputable(choice.reason), choice.reason), "none")
    if blocks is not None:
        return friedman_test(blocks)
    return _RUN[choice.test](samples)


# --- pairs ------------------------------------------------------------------------------------------------------------


def _pairs(
    names: Sequence[str],
    samples: Mapping[str, Floats],
    tested: Sequence[str],
    outcome: Tested,
    settings: _Settings,
    blocks: Floats | None,
) -> list[Pair]:
    """Return every pair of groups; the ratio also where the test is not computable."""
    i, j = np.triu_indices(len(names), 1)
    used, paired = [samples[name] for name in names], None
    if blocks is not None and blocks.shape[0] >= FEWEST_RUNS:
        paired = np.full((blocks.shape[0], len(names)), np.nan)
        for column, name in zip(blocks.T, tested, strict=True):
            place = names.index(name)
            paired[:, place], used[place] = column, np.sort(column)
    ratios = pair_ratios(used, names, i, j, paired)
    nothing = Row(None, None, None, None, NotComputable(outcome.omnibus.reason or "a group has too few runs"))
    found = zip(outcome.rows, adjust([row.p for row in outcome.rows], settings.correction), strict=True)
    pairs = []
    for ratio, first, second in zip(ratios, i.tolist(), j.tolist(), strict=True):
        a, b = names[first], names[second]
        row, p = next(found) if outcome.rows and a in tested and b in tested else (nothing, AdjustedP(None, None))
        pair = Pair(
            a=a,
            b=b,
            n_a=used[first].size,
            n_b=used[second].size,
            symbol=outcome.symbol,
            statistic=row.statistic,
            df=row.df,
            p=row.p,
            p_adjusted=p.adjusted if row.adjusted is None else row.adjusted,
            significant=False,
            effect=row.effect,
            ratio=ratio,
            verdict=Verdict.INCONCLUSIVE,
            runs_needed=None,
            reason="",
        )
        pairs.append(pair)
    return pairs


def _identical(a: Floats, b: Floats) -> bool:
    return min(a.size, b.size) >= FEWEST_RUNS and a[0] == a[-1] == b[0] == b[-1]


def _powerless(outcome: Tested, settings: _Settings) -> str:
    """Return a clause that says so where no pair can become significant, whatever the values."""
    factor = 1 if settings.correction == "none" else len(outcome.rows)
    if outcome.smallest_p * factor < settings.alpha:
        return ""
    times = f" × {factor} pairs" if factor > 1 else ""
    return f"; so few runs cannot be significant: the smallest possible p is {outcome.smallest_p:.2g}{times}"


def _posthoc(outcome: Tested, correction: Correction) -> str:
    if not outcome.rows or len(outcome.rows) == 1 or outcome.posthoc == "Games–Howell":
        return outcome.posthoc
    return f"{outcome.posthoc}, {'uncorrected' if correction == 'none' else correction.capitalize()}"


def _lettered(groups: Sequence[Group], pairs: Sequence[Pair], *, computable: bool) -> tuple[Group, ...]:
    """Return the groups with their compact letter display; none where nothing was tested."""
    if not computable:
        return tuple(groups)
    ranked = sorted(
        (group for group in groups if group.tested), key=lambda group: (group.description.median or 0.0, group.name)
    )
    different = {frozenset((pair.a, pair.b)) for pair in pairs if pair.significant}
    letters = compact_letters([group.name for group in ranked], different)
    return tuple(replace(group, letters=letters.get(group.name, ())) for group in groups)


def over_family(tests: Sequence[GroupTest]) -> tuple[GroupTest, ...]:
    """Adjust the pairs of several comparisons (all models × pairs of a hypothesis) together, with Holm's method.

    Sets `p_family` of every pair and decides significance, verdict, advised runs and letters again; raw and
    within-comparison p values stay.
    """
    adjusted = iter(adjust([pair.p for test in tests for pair in test.pairs], "holm"))
    total = sum(pair.p is not None for test in tests for pair in test.pairs)
    found = []
    for test in tests:
        rule = Rule(test.alpha, total, test.smallest_effect, test.noise_floor, test.rejected)
        pairs = tuple(
            judge(pair, rule, identical=_constant(test, pair), p_family=next(adjusted).adjusted) for pair in test.pairs
        )
        groups = _lettered(test.groups, pairs, computable=test.test is not None)
        found.append(replace(test, groups=groups, pairs=pairs))
    return tuple(found)


def _constant(test: GroupTest, pair: Pair) -> bool:
    a, b = (test.group(name).description for name in (pair.a, pair.b))
    return min(a.n, b.n) >= FEWEST_RUNS and a.minimum == a.maximum == b.minimum == b.maximum
