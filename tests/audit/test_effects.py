"""What a defect does to the answer: comparisons within equal levels of all other factors."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from greenreport.audit.effects import effect, without
from greenreport.audit.findings import GroupComparison, ResultAnswer, answer_changes
from greenreport.audit.table import AuditedTable, step
from greenreport.audit.words import describe
from greenreport.units import THIN
from tests.audit.tables import FACTOR, column, metric, table


def test_levels_are_compared_where_all_else_is_equal() -> None:
    """Task B is a thousand times the work; engines are compared within each task, and the comparison that changes most is shown."""
    energy = [10.0, 11.0, 12.0, 20.0, 21.0, 22.0, 10_000.0, 10_100.0, 10_200.0, 20_000.0, 20_100.0, 90_000.0]
    made = AuditedTable(table([
        column("engine", FACTOR, ["x", "x", "x", "y", "y", "y"] * 2), column("task", FACTOR, ["A"] * 6 + ["B"] * 6),
        column("energy", metric("energy_j", "J"), energy),
    ]))  # fmt: skip
    (energies,) = made.columns
    found = effect(made, energies, [without(energies, np.arange(12) == 11)])
    assert found is not None and (found.factor, found.within, found.test) == ("engine", "task B", GroupComparison.WELCH)
    assert found.as_is.ratio == pytest.approx(np.mean(energy[9:]) / np.mean(energy[6:9]))
    assert found.instead[0].ratio == pytest.approx(20_050 / 10_100)
    assert found.as_is.p == pytest.approx(stats.ttest_ind(energy[6:9], energy[9:], equal_var=False).pvalue)
    assert (found.comparisons, found.changed) == (2, 2)  # engines within B, and tasks within y
    assert describe(found) == (
        "Levels of engine compared by energy within task B (Welch's t test): as the file has it: x is better than y by a factor of 4.29, p = 0.290 "
        "(6 rows); without this row: x is better than y by a factor of 1.99, p = 1.59e-06 (5 rows). The answer changes in 2 of 2 comparisons; this is "
        "the one that changes most."
    )


def test_a_table_of_one_group_has_its_mean() -> None:
    """Nothing can be compared, and the mean still changes."""
    made = AuditedTable(table([column("energy", metric("energy_j", "J"), [1.0, 1.0, 4.0])]))
    found = effect(made, made.columns[0], [without(made.columns[0], np.array([False, False, True]))])
    assert found is not None and found.material
    assert (
        describe(found).replace(THIN, " ")
        == "Mean of energy: as the file has it: 2.000 J (3 rows); without this row: 1.000 J (2 rows)."
    )


def answer(best: str = "x", ratio: float | None = 2.0, p: float | None = 0.01) -> ResultAnswer:
    return ResultAnswer("", best, "y", ratio, 1.0, p, 6)


@pytest.mark.parametrize(
    ("other", "changes"),
    [
        (answer(), False), (answer(ratio=2.03), False), (answer(ratio=2.05), True), (answer(best="z"), True), (answer(p=0.06), True),
        (answer(p=0.004), False), (answer(p=1e-4), True), (answer(p=None), False), (answer(ratio=None), True),
    ],
)  # fmt: skip
def test_an_answer_changes_with_the_best_level_the_ratio_or_the_p_value(other: ResultAnswer, *, changes: bool) -> None:
    """2 % of a ratio, the limit of 0.05, or an order of magnitude below it."""
    assert answer_changes(answer(), other) is changes


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([5.3, 4.17, 9.99], 0.01), ([5300.0, 1200.0, 700.0], 100.0), ([0.2, 0.4, 0.39999999999999947, 8.88e-16], 0.1),
        ([6451.2413330078125, 11132.564025878906, 5964.728454589844], 2.0**-14), ([14.2857142857, 28.5714285714, 71.4285714286, 0, 100, 42.8571428571, 57.1428571429], 14.2857142857),
    ],
)  # fmt: skip
def test_the_step_of_a_column(values: list[float], expected: float) -> None:
    """Decimals, rounding errors of binary numbers, RAPL's unit, and a step that is no round number."""
    assert step(np.array(values)) == pytest.approx(expected)
