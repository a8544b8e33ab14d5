"""The statistics reproduce the saved outcomes of Durán et al. (arXiv 2412.15441), wherever the runs behind them are known.

The reference data stay outside the repository; without them these tests are skipped.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from greenreport.analysis.stats import GroupTest, NotComputable, compare

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "reference" / "duran-2024"
CASE = ("june2024", "codeparrot-small", "CUDA")

needs_reference = pytest.mark.skipif(
    not (FOLDER / "stat_tests.csv").exists(), reason="needs the reference data of Durán et al. beside the repository"
)

Row = dict[str, str]


def table(name: str) -> list[Row]:
    with (FOLDER / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def runs(metric: str) -> dict[str, list[float]]:
    """Return the ten runs of each engine of the one case whose groups are complete."""
    found: dict[str, list[float]] = defaultdict(list)
    for row in table("per_run_values"):
        complete = row["complete_10_runs"] == "True" and row["metric"] == metric
        if complete and (row["campaign"], row["model"], row["provider"]) == CASE:
            found[row["engine"]].append(float(row["value"]))
    return found


def saved(metric: str, test: str) -> list[Row]:
    """Return the saved outcomes of one test of that case."""
    rows = [row for row in table("stat_tests") if (row["campaign"], row["model"], row["provider"]) == CASE]
    return [row for row in rows if row["metric"] == metric and row["test"] == test]


def shapiro(test: GroupTest, engine: str) -> tuple[float, float]:
    normality = test.group(engine).normality
    assert normality.statistic is not None and normality.p is not None
    return normality.statistic, normality.p


@needs_reference
def test_shapiro_wilk() -> None:
    """W and p of GPU usage are the saved ones to 1e-5, or as close as inputs printed with six decimals allow."""
    groups, random = runs("gpu_usage"), np.random.default_rng(0)
    rows = saved("gpu_usage", "shapiro_wilk")
    assert [row["engine_a"] for row in rows] == ["ONNX", "TORCH", "JIT"]
    jittered = [
        compare({name: list(np.array(x) + random.uniform(-5e-7, 5e-7, 10)) for name, x in groups.items()}) for _ in range(40)
    ]
    for row in rows:
        engine, wanted = row["engine_a"], (float(row["statistic"]), float(row["p_value"]))
        found = shapiro(compare(groups), engine)
        spread = np.ptp([shapiro(test, engine) for test in jittered], axis=0)
        for value, target, rounding in zip(found, wanted, spread, strict=True):
            assert value == pytest.approx(target, rel=1e-5, abs=max(rounding, 5e-7))
        assert (found[1] < 0.05) == (row["significant_at_0_05"] == "1")
    assert np.ptp([shapiro(test, "ONNX")[0] for test in jittered]) < 1e-6  # only JIT, nearly constant, feels the rounding


@needs_reference
def test_levene_welch_and_kruskal() -> None:
    """Levene, Welch and Kruskal–Wallis of GPU usage agree to 1e-5."""
    gated, kruskal = compare(runs("gpu_usage"), test="gated"), compare(runs("gpu_usage"), test="kruskal").omnibus
    (levene,), (welch,), (wanted,) = (saved("gpu_usage", kind) for kind in ("levene_median", "welch_anova", "kruskal_wallis"))
    assert gated.reason == "all 3 groups pass Shapiro–Wilk → Welch's ANOVA"
    assert gated.homogeneity.statistic == pytest.approx(float(levene["statistic"]), rel=1e-5)
    assert gated.homogeneity.p == pytest.approx(float(levene["p_value"]), abs=5e-7)
    assert gated.omnibus.statistic == pytest.approx(float(welch["statistic"]), rel=1e-5)
    assert gated.omnibus.df == pytest.approx((float(welch["df1"]), float(welch["df2"])), rel=1e-5)
    assert gated.omnibus.p == pytest.approx(float(welch["p_value"]), rel=5e-5)  # p ~ F^-6
    assert kruskal.statistic == pytest.approx(float(wanted["statistic"]), rel=1e-9)
    assert kruskal.p == pytest.approx(float(wanted["p_value"]), rel=1e-9)


@needs_reference
@pytest.mark.parametrize("metric", ["gpu_usage", "gpu_used_memory"])
def test_dunn(metric: str) -> None:
    """Every saved Dunn–Holm p value and verdict of the case is reproduced."""
    test = compare(runs(metric), test="kruskal")
    rows = saved(metric, "dunn")
    assert len(rows) == 3
    for row in rows:
        pair = test.pair(row["engine_a"], row["engine_b"])
        assert pair.significant == (row["significant_at_0_05"] == "1")
        if row["p_value"]:
            assert pair.p_adjusted == pytest.approx(float(row["p_value"]), abs=5e-7)


@needs_reference
def test_dunn_verdicts_of_the_november_grid() -> None:
    """Where no groups overlap, Dunn sees only the order of the medians; 117 of 120 saved verdicts follow from it.

    The runs are not published. In the other three pairs the groups do overlap: the saved verdict is "not significant".
    """
    medians = {
        (row["model"], row["engine"], row["provider"]): float(row["value"])
        for row in table("per_model_medians")
        if (row["campaign"], row["metric"], row["statistic"]) == ("nov2024", "execution_time", "median_of_10_runs")
    }
    grid = table("posthoc_grid_nov2024_execution_time")
    different = []
    for model in sorted({row["model"] for row in grid}):
        rows = [row for row in grid if row["model"] == model]
        cells = {(row[f"engine_{side}"], row[f"provider_{side}"]) for row in rows for side in "ab"}
        ranked = sorted(cells, key=lambda cell: medians[model, *cell])
        test = compare(
            {str(cell): [100.0 * place + run for run in range(10)] for place, cell in enumerate(ranked)}, test="kruskal"
        )
        for row in rows:
            pair = test.pair(*(str((row[f"engine_{side}"], row[f"provider_{side}"])) for side in "ab"))
            if pair.significant != (row["dunn_holm_significant"] == "1"):
                different.append((model, row["engine_a"], row["engine_b"], row["dunn_holm_significant"]))
    assert len(grid) == 120
    assert different == [
        ("pythia-410m", "ONNX", "ONNX", "0"),
        ("pythia-410m", "OV", "TORCH", "0"),
        ("tiny-starcoder", "OV", "TORCH", "0"),
    ]


def test_four_separated_groups() -> None:
    """H = 36.585366 of phi2 on the CPU (METHOD §8) is the value of four groups of ten that do not overlap."""
    omnibus = compare({f"g{k}": [100.0 * k + run for run in range(10)] for k in range(4)}, test="kruskal").omnibus
    assert omnibus.statistic == pytest.approx(36.585366, abs=5e-7)
    assert not isinstance(omnibus.effect, NotComputable)
    assert omnibus.effect.value == pytest.approx(36.585366 / 39, abs=1e-7)
