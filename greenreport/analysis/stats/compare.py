"""Compare the groups of one factor: assumptions, omnibus test, all pairs, effect sizes, and what it means in practice.

::

    clean ─ describe ─ Shapiro–Wilk, Levene ─ choose ─┬ Welch's ANOVA ── Games–Howell ── Hedges' g ──┐
                                                      ├ Kruskal–Wallis ─ Dunn, Holm ──── Cliff's δ ──┼ ratio ─ verdict ─ letters
                                                      └ Friedman ─────── Wilcoxon, Holm  δ in blocks ┘

Nothing here is random: no resampling, and the same values give the same result whatever the order of runs. Degenerate input
gets an answer with its reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Literal

import numpy as np

from greenreport.analysis.stats.assumptions import homogeneity, normality
from greenreport.analysis.stats.compact_letters import compact_letters
from greenreport.analysis.stats.describe import describe
from greenreport.analysis.stats.multiplicity import Correction, adjust
from greenreport.analysis.stats.practical_significance import judge
from greenreport.analysis.stats.procedures import PairTest, ProcedureResult, friedman_test, kruskal_test, not_tested, welch_test
from greenreport.analysis.stats.ratios import pair_ratios
from greenreport.analysis.stats.results import Group, GroupTest, Pair, Procedure
from greenreport.analysis.stats.samples import FEWEST_RUNS, Floats, NotComputable, Sample, clean, complete_rows
from greenreport.units import counted

#: Welch's F rejects too often with many small groups: above 5 groups, `auto` uses it from 2 + 0.4 · groups runs on
#: (docs/statistics-simulation.md).
_FEW_GROUPS = 5
_RUNS_PER_GROUP = 0.4
#: With fewer runs per group and more than two groups, Welch's F rejects some hundredths too often (same page).
_LEVEL_RUNS = 10


@np.errstate(all="ignore")
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

    Returns:
        The groups in the order given and all their pairs, judged.
    """
    samples = {name: clean(values)[0] for name, values in groups.items()}
    described = tuple(_group(name, values, samples[name], alpha) for name, values in groups.items())
    tested = [group.name for group in described if group.tested]
    blocks: Floats | None = None
    if test == "friedman" and tested:
        blocks = complete_rows([groups[name] for name in tested])
        blocks = blocks[np.lexsort(blocks.T)]  # the order of blocks must not show in the last digits
    tested_samples = [samples[name] for name in tested]
    procedure, reason = _choose(test, described, blocks)
    outcome = _run(procedure, reason, tested_samples, blocks)
    unjudged = GroupTest(
        groups=described,
        homogeneity=homogeneity(tested_samples, alpha),
        test=procedure if outcome.omnibus.p is not None else None,
        reason=reason + _powerless(outcome, correction, alpha),
        omnibus=outcome.omnibus,
        posthoc=_posthoc(outcome, correction),
        pairs=_pairs(samples, tested, outcome, correction, blocks),
        alpha=alpha,
        correction=correction,
        smallest_effect=max(0.0, smallest_effect),
        noise_floor=noise_floor,
    )
    return _judged(unjudged, len(outcome.pairs), [None] * len(unjudged.pairs))


def over_family(tests: Sequence[GroupTest]) -> tuple[GroupTest, ...]:
    """Adjust the pairs of several comparisons (all models × pairs of a hypothesis) together, with Holm's method.

    Sets `p_family` of every pair and decides significance, verdict, advised runs and letters again; raw and
    within-comparison p values stay.
    """
    adjusted = adjust([pair.p for test in tests for pair in test.pairs], "holm")
    family_p = iter(adjusted)
    comparisons = sum(p is not None for p in adjusted)
    return tuple(_judged(test, comparisons, [next(family_p) for _ in test.pairs]) for test in tests)


def _judged(test: GroupTest, comparisons: int, family_p: Sequence[float | None]) -> GroupTest:
    """Return the test with all pairs judged, and with letters where anything was tested."""
    pairs = tuple(judge(pair, test, comparisons, p_family=p) for pair, p in zip(test.pairs, family_p, strict=True))
    if test.test is None:
        return replace(test, pairs=pairs)
    ranked = sorted((group.description.median or 0.0, group.name) for group in test.groups if group.tested)
    different = {frozenset((pair.a, pair.b)) for pair in pairs if pair.significant}
    letters = compact_letters([name for _, name in ranked], different)
    groups = tuple(replace(group, letters=letters.get(group.name, ())) for group in test.groups)
    return replace(test, pairs=pairs, groups=groups)


def _group(name: str, values: Sample, x: Floats, alpha: float) -> Group:
    enough = x.size >= FEWEST_RUNS
    reason = None if enough else f"{counted(x.size, 'run')}; a test needs {FEWEST_RUNS}"
    return Group(name, describe(values), normality(x, alpha), enough, (), reason)


def _choose(test: str, groups: Sequence[Group], blocks: Floats | None) -> tuple[Procedure | None, str]:
    """Return the procedure, None without two groups to test, and why it is this one."""
    tested = [group for group in groups if group.tested]
    procedure: Procedure | None
    if len(tested) < 2:
        procedure, reason = None, f"fewer than two groups have {FEWEST_RUNS} runs"
    elif blocks is not None:
        total = max(group.description.n + group.description.dropped for group in tested)
        procedure, reason = "friedman", f"forced by the study; {len(blocks)} of {total} blocks are complete"
    elif test == "auto":
        procedure, reason = _automatic(tested)
    else:
        procedure, reason = "welch" if test == "welch" else "kruskal", "forced by the study"
    left_out = [f"{group.name} ({counted(group.description.n, 'run')})" for group in groups if not group.tested]
    return procedure, f"{reason}; left out: {', '.join(left_out)}" if left_out else reason


def _automatic(tested: Sequence[Group]) -> tuple[Procedure, str]:
    count = len(tested)
    welch, ranks = ("Welch's t", "Mann–Whitney") if count == 2 else ("Welch's ANOVA", "Kruskal–Wallis")
    constant = [group for group in tested if group.normality.p is None]
    if constant:
        names = ", ".join(group.name for group in constant)
        return "kruskal", f"Shapiro–Wilk is not computable for {names} ({constant[0].normality.reason}) → {ranks}"
    failed = [group.name for group in tested if not group.normality.normal]
    if failed:
        return "kruskal", f"{len(failed)} of {count} groups fail Shapiro–Wilk ({', '.join(failed)}) → {ranks}"
    passed = f"all {count} groups pass Shapiro–Wilk"
    fewest = min(group.description.n for group in tested)
    if count > _FEW_GROUPS and fewest < 2 + _RUNS_PER_GROUP * count:
        return "kruskal", f"{passed}, but Welch's test is not reliable with {count} groups of {fewest} runs → {ranks}"
    if count > 2 and fewest < _LEVEL_RUNS:
        welch += f", which keeps its level only approximately with {counted(fewest, 'run')} a group"
    return "welch", f"{passed} → {welch}"


def _run(procedure: Procedure | None, reason: str, samples: Sequence[Floats], blocks: Floats | None) -> ProcedureResult:
    if procedure is None:
        return not_tested("none", "", reason)
    if blocks is not None:
        return friedman_test(blocks)
    return welch_test(samples) if procedure == "welch" else kruskal_test(samples)


def _powerless(outcome: ProcedureResult, correction: Correction, alpha: float) -> str:
    """Return a clause that says so where no pair can become significant, whatever the values."""
    factor = 1 if correction == "none" else len(outcome.pairs)
    if outcome.smallest_p * factor < alpha:
        return ""
    times = f" × {factor} pairs" if factor > 1 else ""
    return f"; so few runs cannot be significant: the smallest possible p is {outcome.smallest_p:.2g}{times}"


def _posthoc(outcome: ProcedureResult, correction: Correction) -> str:
    if len(outcome.pairs) < 2 or outcome.posthoc == "Games–Howell":
        return outcome.posthoc
    return f"{outcome.posthoc}, {'uncorrected' if correction == 'none' else correction.capitalize()}"


def _pairs(
    samples: Mapping[str, Floats],
    tested: Sequence[str],
    outcome: ProcedureResult,
    correction: Correction,
    blocks: Floats | None,
) -> tuple[Pair, ...]:
    """Return every pair of groups, not yet judged; the ratio also where the test is not computable."""
    used, paired = dict(samples), None
    if blocks is not None and len(blocks) >= FEWEST_RUNS:
        columns = dict(zip(tested, blocks.T, strict=True))
        used |= {name: np.sort(column) for name, column in columns.items()}
        paired = np.stack([columns.get(name, np.full(len(blocks), np.nan)) for name in samples], axis=1)
    ratios = pair_ratios(list(used.values()), list(used), *np.triu_indices(len(used), 1), paired)
    adjusted = adjust([test.p for test in outcome.pairs], correction)
    tests = dict(zip(combinations(tested, 2), zip(outcome.pairs, adjusted, strict=True), strict=False))
    no_effect = NotComputable(outcome.omnibus.reason or "a group has too few runs")
    untested = PairTest(None, None, None, None, no_effect), None
    pairs = []
    for ratio, (a, b) in zip(ratios, combinations(used, 2), strict=True):
        test, p = tests.get((a, b), untested)
        p_adjusted = p if test.adjusted is None else test.adjusted
        n_a, n_b = used[a].size, used[b].size
        pairs.append(Pair(a, b, n_a, n_b, outcome.symbol, test.statistic, test.df, test.p, p_adjusted, test.effect, ratio))
    return tuple(pairs)
