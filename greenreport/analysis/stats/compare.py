"""Compare the groups of one factor: all pairs within blocks, the registered test, and what it means in practice.

::

    describe ─┬ blocked model: t within blocks, Bonferroni ─ ratio with interval ─ verdict ─ letters
              └ beside it, or deciding where a study asks for it:
                  Welch's ANOVA ── Games–Howell ── Hedges' g
                  Kruskal–Wallis ─ Dunn, Holm ──── Cliff's δ
                  Friedman ─────── Wilcoxon, Holm  δ in blocks
                  permutation within blocks, Holm

The ratio of a pair, its interval and its verdict always come from the blocked model, so they cannot disagree. The same values
give the same result in whatever order the blocks stand. Degenerate input gets an answer with its reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Literal, TypeAlias

import numpy as np

from greenreport.analysis.stats import blocked
from greenreport.analysis.stats.assumptions import homogeneity, normality
from greenreport.analysis.stats.compact_letters import compact_letters
from greenreport.analysis.stats.describe import describe
from greenreport.analysis.stats.multiplicity import Correction, adjust
from greenreport.analysis.stats.practical_significance import judge, rejects
from greenreport.analysis.stats.procedures import (
    PairTest,
    ProcedureResult,
    at_look,
    blocked_test,
    friedman_test,
    kruskal_test,
    not_tested,
    permutation_test,
    welch_test,
)
from greenreport.analysis.stats.results import Group, GroupTest, Pair, Procedure, Robustness
from greenreport.analysis.stats.samples import FEWEST_RUNS, Floats, NotComputable, Sample, clean, complete_rows
from greenreport.analysis.stats.sequential import Interim, over_looks
from greenreport.units import counted

#: What a study may ask for; `gated` chooses between Welch and Kruskal–Wallis as Durán et al. (2024) did.
Test: TypeAlias = Literal["blocked", "gated", "welch", "kruskal", "friedman", "permutation"]

#: Welch's F rejects too often with many small groups: above 5 groups, `gated` uses it from 2 + 0.4 · groups runs on
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
    test: Test = "blocked",
    correction: Correction = "holm",
    smallest_effect: float = 0.05,
    noise_floor: float | None = None,
    comparisons: int | None = None,
    step: float | None = None,
    interim: Interim | None = None,
) -> GroupTest:
    """Compare groups of runs in one metric.

    Args:
        groups: name → runs in the order of their blocks, in the metric's unit; None, NaN and infinite entries are missing runs.
        alpha: level of every test and of all intervals of a family together.
        test: that decides; gated takes Welch when every group passes Shapiro–Wilk, Kruskal–Wallis otherwise. With two groups:
            Welch's t, Mann–Whitney, Wilcoxon's signed ranks.
        correction: of the pairs of rank tests; Games–Howell corrects itself, and the blocked model is simultaneous.
        smallest_effect: relative difference below which a difference is of no practical interest.
        noise_floor: relative difference two identical configurations show on this machine; None when not known.
        comparisons: pairs of the family the groups belong to, where they are only a part of it; None: the pairs given here.
        step: smallest difference that values of that family show; None: that of the groups given here.
        interim: which look this is, for every test, where the data are looked at after each block; None where it is the only one.

    Returns:
        The groups in the order given and all their pairs, judged.
    """
    samples = {name: clean(values)[0] for name, values in groups.items()}
    described = tuple(_group(name, values, samples[name], alpha) for name, values in groups.items())
    tested = [group.name for group in described if group.tested]
    family = comparisons or len(tested) * (len(tested) - 1) // 2
    step = blocked.smallest_step(groups.values()) if step is None else step
    logs = blocked.on_log_scale({name: groups[name] for name in tested})
    within = {
        pair: blocked.blocked_pair(
            *map(groups.__getitem__, pair), alpha=alpha, comparisons=family, logs=logs, step=step, interim=interim
        )
        for pair in combinations(groups, 2)
    }
    procedure, reason = _choose(test, described, logs)
    outcome = _run(procedure, reason, groups, samples, tested, within, logs, family, interim)
    if procedure != "blocked":
        outcome = at_look(outcome, interim)
    unjudged = GroupTest(
        groups=described,
        homogeneity=homogeneity([samples[name] for name in tested], alpha),
        test=procedure if outcome.omnibus.p is not None else None,
        reason=reason,
        powerless=_powerless(outcome, correction, alpha),
        omnibus=outcome.omnibus,
        posthoc=_posthoc(outcome, correction),
        pairs=_pairs(samples, tested, outcome, correction, within, interim),
        alpha=alpha,
        correction=correction,
        smallest_effect=max(0.0, smallest_effect),
        noise_floor=noise_floor,
        comparisons=family,
        interim=interim,
    )
    return _judged(unjudged)


@np.errstate(all="ignore")
def with_robustness(test: GroupTest, groups: Mapping[str, Sample]) -> GroupTest:
    """Return a comparison with the results of the other tests on the same groups."""
    shown: tuple[tuple[str, Procedure], ...] = (
        ("Welch with Games–Howell", "welch"), ("Kruskal–Wallis with Dunn", "kruskal"), ("permutation within blocks", "permutation"),
    )  # fmt: skip
    if test.test is None:
        return test
    samples = {name: clean(values)[0] for name, values in groups.items()}
    others = (("blocked model", "blocked"), *shown) if test.test != "blocked" else shown
    results = [_beside(test, name, other, groups, samples) for name, other in others if other != test.test]
    return replace(test, robustness=tuple(results))


def _beside(
    test: GroupTest, name: str, other: Procedure, groups: Mapping[str, Sample], samples: Mapping[str, Floats]
) -> Robustness:
    """Return what another test says of the same groups; how they differ and what that means is known already."""
    tested = [group.name for group in test.groups if group.tested]
    logs = blocked.on_log_scale({name: groups[name] for name in tested})
    pairs = tuple(combinations(tested, 2))
    within = {}
    if other == "blocked":
        step = blocked.smallest_step(groups.values())
        within = {
            (a, b): blocked.blocked_pair(
                groups[a], groups[b], alpha=test.alpha, comparisons=len(pairs), logs=logs, step=step, interim=test.interim
            )
            for a, b in pairs
        }
    outcome = _run(other, "", groups, samples, tested, within, logs, len(pairs), test.interim)
    if other != "blocked":
        outcome = at_look(outcome, test.interim)
    p = {pair: adjusted for pair, (_, adjusted) in _tests(outcome, tested, test.correction, test.interim).items()}
    its = tuple(p.get((pair.a, pair.b)) for pair in test.pairs)
    both = [(pair.significant, q) for pair, q in zip(test.pairs, its, strict=True) if pair.p is not None and q is not None]
    told = [(here, q < test.alpha and rejects(outcome.omnibus.p, other, test.alpha)) for here, q in both]
    only_here, only_there = told.count((True, False)), told.count((False, True))
    powerless = _powerless(outcome, test.correction, test.alpha)
    return Robustness(name, outcome.omnibus.p, its, len(both), only_here, only_there, powerless)


def over_models(tests: Sequence[GroupTest]) -> tuple[GroupTest, ...]:
    """Adjust the omnibus tests of one question, a test for each model and hypothesis, with Holm's method."""
    adjusted = adjust([test.omnibus.p for test in tests], "holm")
    return tuple(
        replace(test, omnibus=replace(test.omnibus, p_family=p)) if len(tests) > 1 else test
        for test, p in zip(tests, adjusted, strict=True)
    )


def _judged(test: GroupTest) -> GroupTest:
    """Return the test with all pairs judged, and with letters where anything was tested."""
    pairs = tuple(judge(pair, test) for pair in test.pairs)
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


def _choose(test: Test, groups: Sequence[Group], logs: bool) -> tuple[Procedure | None, str]:
    """Return the procedure, None without two groups to test, and why it is this one."""
    tested = [group for group in groups if group.tested]
    procedure: Procedure | None
    if len(tested) < 2:
        procedure, reason = None, f"fewer than two groups have {FEWEST_RUNS} runs"
    elif test == "gated":
        procedure, reason = _automatic(tested)
    elif test == "blocked":
        scale = "ratios" if logs else "differences, since some values are not positive"
        procedure, reason = "blocked", f"runs are compared within their blocks, by {scale}"
    else:
        procedure, reason = test, "forced by the study"
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


def _run(
    procedure: Procedure | None,
    reason: str,
    groups: Mapping[str, Sample],
    samples: Mapping[str, Floats],
    tested: Sequence[str],
    within: Mapping[tuple[str, str], blocked.BlockedPair],
    logs: bool,
    family: int,
    interim: Interim | None,
) -> ProcedureResult:
    ascending, by_block = [samples[name] for name in tested], [groups[name] for name in tested]
    match procedure:
        case None:
            return not_tested("none", "", reason)
        case "blocked":
            return blocked_test([within[pair] for pair in combinations(tested, 2)], ascending, family, interim)
        case "permutation":
            return permutation_test(by_block, ascending, logs=logs)
        case "friedman":
            blocks = complete_rows(by_block)
            return friedman_test(blocks[np.lexsort(blocks.T)])  # the order of blocks must not show in the last digits
        case "welch":
            return welch_test(ascending)
        case "kruskal":
            return kruskal_test(ascending)
        case "problems":  # they are compared by their answers, not here by runs
            return not_tested("none", "", reason)


def _powerless(outcome: ProcedureResult, correction: Correction, alpha: float) -> str:
    """Return a clause that says so where no pair can become significant, whatever the values; else empty."""
    factor = 1 if correction == "none" else len(outcome.pairs)
    if outcome.smallest_p * factor < alpha:
        return ""
    times = f" × {factor} pairs" if factor > 1 else ""
    return f"so few runs cannot be significant: the smallest possible p is {outcome.smallest_p:.2g}{times}"


def _posthoc(outcome: ProcedureResult, correction: Correction) -> str:
    if len(outcome.pairs) < 2 or all(pair.adjusted is not None for pair in outcome.pairs if pair.p is not None):
        return outcome.posthoc
    return f"{outcome.posthoc}, {'uncorrected' if correction == 'none' else correction.capitalize()}"


def _pairs(
    samples: Mapping[str, Floats],
    tested: Sequence[str],
    outcome: ProcedureResult,
    correction: Correction,
    within: Mapping[tuple[str, str], blocked.BlockedPair],
    interim: Interim | None,
) -> tuple[Pair, ...]:
    """Return every pair of groups, not yet judged; the ratio also where the test is not computable."""
    tests = _tests(outcome, tested, correction, interim)
    no_effect = NotComputable(outcome.omnibus.reason or "a group has too few runs")
    untested = PairTest(None, None, None, None, no_effect), None
    pairs = []
    for (a, b), blocks in within.items():
        test, p_adjusted = tests.get((a, b), untested)
        n_a, n_b = samples[a].size, samples[b].size
        symbol, ratio, difference = outcome.symbol, blocks.ratio, blocks.difference
        pairs.append(Pair(a, b, n_a, n_b, symbol, test.statistic, test.df, test.p, p_adjusted, test.effect, ratio, difference))
    return tuple(pairs)


def _tests(
    outcome: ProcedureResult, tested: Sequence[str], correction: Correction, interim: Interim | None
) -> dict[tuple[str, str], tuple[PairTest, float | None]]:
    """Return the test of each pair with its adjusted p."""
    corrected = adjust([over_looks(test.p, interim) for test in outcome.pairs], correction)
    adjusted = [p if test.adjusted is None else test.adjusted for test, p in zip(outcome.pairs, corrected, strict=True)]
    return dict(zip(combinations(tested, 2), zip(outcome.pairs, adjusted, strict=True), strict=False))
