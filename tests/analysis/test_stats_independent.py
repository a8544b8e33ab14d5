"""Second opinions: pingouin and scikit-posthocs on seeded data, where they are installed."""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from greenreport.analysis.stats import Effect, compare


def library(name: str) -> Any:
    """Import an optional library whose own warnings do not concern us, or skip."""
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed: no second opinion from it")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(name)


def groups(seed: int, sizes: tuple[int, ...], digits: int = 3) -> dict[str, list[float]]:
    random = np.random.default_rng(seed)
    return {f"g{k}": np.round(random.normal(10 + 0.4 * k, 1 + 0.3 * k, n), digits).tolist() for k, n in enumerate(sizes)}


def long_table(data: dict[str, list[float]]) -> Any:
    """Return the groups as a table of value, group and block."""
    pandas = library("pandas")
    rows = [(value, name, place) for name, values in data.items() for place, value in enumerate(values)]
    return pandas.DataFrame(rows, columns=["value", "group", "block"])


SHAPES = [(1, (10, 10, 10, 10, 10)), (2, (5, 9, 14)), (3, (6,) * 8)]


@pytest.mark.parametrize(("seed", "sizes"), SHAPES)
def test_pingouin_welch_and_games_howell(seed: int, sizes: tuple[int, ...]) -> None:
    """Welch's ANOVA and Games–Howell are pingouin's."""
    data = groups(seed, sizes)
    pingouin, table, test = library("pingouin"), long_table(data), compare(data, test="welch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        anova = pingouin.welch_anova(table, dv="value", between="group").iloc[0]
        pairs = pingouin.pairwise_gameshowell(table, dv="value", between="group")
    assert test.omnibus.statistic == pytest.approx(anova["F"], rel=1e-9)
    assert test.omnibus.p == pytest.approx(anova.filter(regex="^p.unc$").iloc[0], rel=1e-7)
    for row in pairs.to_dict("records"):
        pair = test.pair(row["A"], row["B"])
        assert (pair.statistic, pair.df) == pytest.approx((row["T"], row["df"]), rel=1e-8)
        assert pair.p_adjusted == pytest.approx(row["pval"], abs=1e-6)


@pytest.mark.parametrize(("seed", "sizes"), [SHAPES[0], SHAPES[2]])
def test_pingouin_friedman(seed: int, sizes: tuple[int, ...]) -> None:
    """Friedman and Kendall's W are pingouin's, with tied values too."""
    data = groups(seed, sizes, digits=0)
    pingouin, test = library("pingouin"), compare(data, test="friedman")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = pingouin.friedman(long_table(data), dv="value", within="group", subject="block").iloc[0]
    assert test.omnibus.statistic == pytest.approx(wanted["Q"], rel=1e-9)
    assert test.omnibus.p == pytest.approx(wanted.filter(regex="^p.unc$").iloc[0], rel=1e-7)
    assert isinstance(test.omnibus.effect, Effect)
    assert test.omnibus.effect.value == pytest.approx(wanted["W"], rel=1e-9)


@pytest.mark.parametrize(("seed", "sizes"), SHAPES)
@pytest.mark.parametrize("digits", [0, 3])
@pytest.mark.parametrize("correction", ["holm", "bonferroni"])
def test_scikit_posthocs_dunn(seed: int, sizes: tuple[int, ...], digits: int, correction: Any) -> None:
    """Dunn's p values are scikit-posthocs', with and without ties."""
    data = groups(seed, sizes, digits)
    wanted = library("scikit_posthocs").posthoc_dunn(list(data.values()), p_adjust=correction).to_numpy()
    test = compare(data, test="kruskal", correction=correction)
    for (i, a), (j, b) in combinations(enumerate(data), 2):
        assert test.pair(a, b).p_adjusted == pytest.approx(wanted[i, j], rel=1e-9)
