"""The statistics agree with R; inputs and recorded outputs are in `data/`, with the scripts that made them."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from greenreport.analysis.stats import compare, describe, detectable_effect, studentized_range_sf
from greenreport.analysis.stats.compact_letters import compact_letters
from greenreport.analysis.stats.mean_tests import games_howell, moments
from greenreport.analysis.stats.multiplicity import adjust
from greenreport.analysis.stats.results import Effect, GroupTest

DATA = Path(__file__).parent / "data"
CASES: dict[str, dict[str, list[float]]] = json.loads((DATA / "statistics_cases.json").read_text())
R: dict[str, Any] = json.loads((DATA / "statistics_expected.json").read_text())
MANY = [name for name, groups in CASES.items() if len(groups) > 2]
TWO = [name for name, groups in CASES.items() if len(groups) == 2]
BLOCKS = [name for name in CASES if "friedman" in R["cases"][name]]

close = pytest.approx


def expected(name: str) -> Any:
    return R["cases"][name]


def pair_values(test: GroupTest, rows: list[dict[str, Any]], *fields: str) -> list[list[Any]]:
    """Return the named fields of the pairs in R's order, as columns."""
    return [[getattr(test.pair(row["a"], row["b"]), field) for row in rows] for field in fields]


@pytest.mark.parametrize("name", CASES)
def test_descriptions(name: str) -> None:
    """Mean, standard deviation and quartiles are R's."""
    for group, values in CASES[name].items():
        found, wanted = describe(values), expected(name)["describe"][group]
        assert found.mean == close(wanted["mean"], rel=1e-12)
        assert found.sd == close(wanted["sd"], rel=1e-9)
        quartiles = [found.minimum, found.q1, found.median, found.q3, found.maximum]
        assert quartiles == close(wanted["quartiles"], rel=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_assumptions(name: str) -> None:
    """Shapiro–Wilk is R's shapiro.test, Levene is car's with the median."""
    test, wanted = compare(CASES[name]), expected(name)
    for group in test.groups:
        assert group.normality.statistic == close(wanted["shapiro"][group.name]["w"], rel=1e-6)
        assert group.normality.p == close(wanted["shapiro"][group.name]["p"], rel=1e-5)
        assert group.normality.normal == (wanted["shapiro"][group.name]["p"] >= 0.05)
    assert test.homogeneity.statistic == close(wanted["levene"]["statistic"], rel=1e-6)
    assert test.homogeneity.p == close(wanted["levene"]["p"], rel=1e-2)  # R prints three digits


@pytest.mark.parametrize("name", MANY)
def test_welch_and_games_howell(name: str) -> None:
    """Welch's ANOVA is oneway.test; Games–Howell is the formula with ptukey, to the accuracy of ptukey, and rstatix's."""
    test, wanted = compare(CASES[name], test="welch"), expected(name)
    assert test.omnibus.statistic == close(wanted["welch"]["statistic"], rel=1e-8)
    assert test.omnibus.df == close(wanted["welch"]["df"], rel=1e-8)
    assert test.omnibus.p == close(wanted["welch"]["p"], rel=1e-6)
    rows = wanted["games_howell"]
    t, df, raw, adjusted = pair_values(test, rows, "statistic", "df", "p", "p_adjusted")
    assert t == close([row["t"] for row in rows], rel=1e-8)
    assert df == close([row["df"] for row in rows], rel=1e-8)
    assert raw == close([row["raw"] for row in rows], rel=1e-7)
    assert adjusted == close([row["adjusted"] for row in rows], abs=5e-5)
    assert adjusted == close([row["rstatix"] for row in rows], abs=6e-4)  # rstatix prints three decimals


@pytest.mark.parametrize("name", MANY)
def test_kruskal_and_dunn(name: str) -> None:
    """Kruskal–Wallis is kruskal.test, ε² is effectsize's, Dunn–Holm is rstatix's."""
    test, wanted = compare(CASES[name], test="kruskal"), expected(name)
    assert test.omnibus.statistic == close(wanted["kruskal"]["statistic"], rel=1e-10)
    assert test.omnibus.p == close(wanted["kruskal"]["p"], rel=1e-8)
    assert isinstance(test.omnibus.effect, Effect)
    assert test.omnibus.effect.value == close(wanted["epsilon2"], rel=1e-8)
    rows = wanted["dunn"]
    z, raw, adjusted = pair_values(test, rows, "statistic", "p", "p_adjusted")
    assert z == close([row["z"] for row in rows], rel=1e-8, abs=1e-12)
    assert raw == close([row["p"] for row in rows], rel=1e-8)
    assert adjusted == close([row["adjusted"] for row in rows], rel=1e-8)


@pytest.mark.parametrize("name", CASES)
def test_effect_sizes(name: str) -> None:
    """Hedges' g is effectsize's d with unpooled variances times Hedges' factor; Cliff's δ is effectsize's."""
    wanted, pairs = expected(name), expected(name)["dunn"]
    welch, kruskal = (compare(CASES[name], test=kind) for kind in ("welch", "kruskal"))
    hedges, cliff = ([test.pair(row["a"], row["b"]).effect for row in pairs] for test in (welch, kruskal))
    assert [e.value for e in hedges if isinstance(e, Effect)] == close(list(np.ravel(wanted["hedges"])), rel=1e-9)
    assert [e.value for e in cliff if isinstance(e, Effect)] == close(list(np.ravel(wanted["cliff"])), abs=1e-12)


@pytest.mark.parametrize("name", BLOCKS)
def test_friedman_and_wilcoxon(name: str) -> None:
    """Friedman is friedman.test, W its rescaling, the pairs are pairwise.wilcox.test(paired = TRUE) with Holm."""
    test, wanted = compare(CASES[name], test="friedman"), expected(name)
    assert isinstance(test.omnibus.effect, Effect)
    assert test.omnibus.effect.value == close(wanted["kendall_w"], rel=1e-10)
    if len(CASES[name]) > 2:
        assert test.omnibus.statistic == close(wanted["friedman"]["statistic"], rel=1e-10)
        assert test.omnibus.p == close(wanted["friedman"]["p"], rel=1e-8)
    rows = wanted["wilcoxon"]
    raw, adjusted = pair_values(test, rows, "p", "p_adjusted")
    assert raw == close([row["p"] for row in rows], rel=1e-9)
    assert adjusted == close([row["adjusted"] for row in rows], rel=1e-9)


@pytest.mark.parametrize("name", TWO)
def test_two_groups(name: str) -> None:
    """Welch's t is t.test, Mann–Whitney is wilcox.test, exact and with ties."""
    t, u = (compare(CASES[name], test=kind).omnibus for kind in ("welch", "kruskal"))
    wanted = expected(name)
    assert (t.name, u.name) == ("Welch's t", "Mann–Whitney")
    assert (t.statistic, t.df[0], t.p) == close(tuple(wanted["t"].values()), rel=1e-8)
    assert (u.statistic, u.p) == close(tuple(wanted["mann_whitney"].values()), rel=1e-9)


@pytest.mark.parametrize("name", [name for name in MANY if name != "many_groups"])
def test_letters_say_what_multcompview_says(name: str) -> None:
    """Two groups share a letter exactly when they do in R's display of the same p values, with as many letters."""
    rows, theirs = expected(name)["dunn"], expected(name)["letters"]
    different = {frozenset((row["a"], row["b"])) for row in rows if row["adjusted"] < 0.05}
    letters = compact_letters(list(CASES[name]), different)
    for a, b in combinations(CASES[name], 2):
        assert bool(set(letters[a]) & set(letters[b])) == bool(set(theirs[a]) & set(theirs[b]))
    assert len({x for found in letters.values() for x in found}) == len(set("".join(theirs.values())))


def test_studentized_range() -> None:
    """The fast studentized range is R's ptukey, whose own error reaches 6e-4; scipy and closed forms are the sharper tests."""
    grid = R["ptukey"]
    for groups in sorted({row["k"] for row in grid}):
        rows = [row for row in grid if row["k"] == groups]
        found = studentized_range_sf([row["q"] for row in rows], groups, [row["df"] for row in rows])
        assert found == close(np.array([row["p"] for row in rows]), abs=7e-4)


def test_games_howell_of_two_groups_is_welch() -> None:
    """With two groups the studentized range gives the p value of Welch's t."""
    pair = games_howell(moments([np.array(x) for x in CASES["two_unequal"].values()]), np.array([0]), np.array([1]))
    assert pair.adjusted == close(pair.p, abs=1e-9)


def test_adjustment() -> None:
    """Holm and Bonferroni are p.adjust's."""
    raw = R["adjust"]["raw"]
    assert adjust(raw) == close(R["adjust"]["holm"])
    assert adjust(raw, "bonferroni") == close(R["adjust"]["bonferroni"])


def test_detectable_effect() -> None:
    """R's power.t.test needs 7.04 runs to detect 5 % at a variation of 3 %: seven detect a little more, eight less."""
    assert R["power_n"] == close(7.0356, abs=1e-4)
    seven, eight = (detectable_effect(0.03, n, test="welch") for n in (7, 8))
    assert isinstance(seven, float) and isinstance(eight, float)
    assert eight < 0.05 < seven < 0.051
