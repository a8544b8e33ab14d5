"""Every rule finds its defect where it was put, says what it does, and finds nothing where it was not."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from greenreport.audit import RULES, RuleId, Severity, audit
from greenreport.catalog import CIRCUMSTANCES
from greenreport.imports.results_table import Column, ResultsTable, Role
from tests.audit.tables import FACTOR, REPETITION, column, metric, table
from tests.conftest import ROOT

ENGINES, TASKS, REPETITIONS = 3, 2, 8
ROWS = ENGINES * TASKS * REPETITIONS
#: A row in the middle of a group, and its line in the file.
ROW, LINE = 20, 22
Values = dict[str, np.typing.NDArray[np.float64]]
UNITS = {
    "duration_s": "s", "energy_j": "J", "cpu_energy_j": "J", "gpu_energy_j": "J", "power_mean_w": "W", "ttft_s": "s", "output_tokens": "tokens",
    "cpu_power_w": "W", "started_s": "s", "ended_s": "s", "requests": "requests", "failed_requests": "requests", "chunks": "chunks",
}  # fmt: skip


def clean() -> Values:
    """Return values in which nothing is wrong: engines that differ by a factor of three, with 1 % of noise."""
    random = np.random.default_rng(1)
    engine = np.repeat(np.arange(ENGINES), TASKS * REPETITIONS)
    task = np.tile(np.repeat(np.arange(TASKS), REPETITIONS), ENGINES)
    duration = 100.0 * (1 + engine) * (1 + 0.2 * task) * np.exp(random.normal(0, 0.01, ROWS))
    cpu = 50 * duration * np.exp(random.normal(0, 0.01, ROWS))
    gpu = 200 * duration * np.exp(random.normal(0, 0.01, ROWS))
    return {
        "duration_s": duration, "energy_j": cpu + gpu, "cpu_energy_j": cpu, "gpu_energy_j": gpu, "power_mean_w": (cpu + gpu) / duration,
        "ttft_s": 0.1 * np.exp(random.normal(0, 0.05, ROWS)), "output_tokens": np.full(ROWS, 4096.0),
    }  # fmt: skip


def runs(values: Values, repetitions: np.typing.NDArray[np.float64] | None = None) -> ResultsTable:
    """Return a table of the runs; rows without any value are left out."""
    engines = np.repeat([f"engine {engine}" for engine in range(ENGINES)], TASKS * REPETITIONS)
    tasks = np.tile(np.repeat([f"task {task}" for task in range(TASKS)], REPETITIONS), ENGINES)
    numbers = np.tile(np.arange(REPETITIONS, dtype=np.float64), ENGINES * TASKS) if repetitions is None else repetitions
    keep = np.isfinite(np.array(list(values.values()))).any(axis=0)
    columns = [
        column("engine", FACTOR, list(engines[keep])), column("task", FACTOR, list(tasks[keep])),
        column("repetition", REPETITION, list(numbers[keep])),
        *(column(key, metric(key, UNITS[key]), list(found[keep])) for key, found in values.items()),
    ]  # fmt: skip
    return table(columns)


def changed(**rows: Callable[[np.typing.NDArray[np.float64]], object]) -> ResultsTable:
    """Return the clean table with columns changed in place, each by a function."""
    values = clean()
    for key, change in rows.items():
        change(values.setdefault(key, np.zeros(ROWS)))
    return runs(values)


def put(value: float | Callable[[float], float], *rows: int) -> Callable[[np.typing.NDArray[np.float64]], None]:
    """Return a change that sets rows to a value, or to a function of it."""

    def change(values: np.typing.NDArray[np.float64]) -> None:
        for row in rows:
            values[row] = value(float(values[row])) if callable(value) else value

    return change


def copy(count: int, shift: int) -> ResultsTable:
    """Return the clean table with rows equal to those before them by a shift."""
    values = clean()
    for found in values.values():
        found[ROW : ROW + count] = found[ROW - shift : ROW - shift + count]
    return runs(values)


def assumed() -> ResultsTable:
    values = clean()
    values["cpu_energy_j"] = 42.5 * values["duration_s"]
    return runs({key: values[key] for key in ("duration_s", "cpu_energy_j")})


def truncated() -> ResultsTable:
    values = clean()
    for key in ("duration_s", "energy_j", "cpu_energy_j", "gpu_energy_j", "output_tokens"):
        values[key][ROW] *= 0.2
    return runs(values)


def missing() -> ResultsTable:
    values = clean()
    for found in values.values():
        found[[ROW, ROW + 1, ROW + 2]] = math.nan
    return runs(values)


def numbered_twice() -> ResultsTable:
    numbers = np.tile(np.arange(REPETITIONS, dtype=np.float64), ENGINES * TASKS)
    numbers[ROW] = numbers[ROW - 1]
    return runs(clean(), numbers)


ALL_LINES = tuple(range(2, ROWS + 2))
CASES: dict[str, tuple[RuleId, ResultsTable, tuple[int, ...]]] = {
    "a wrap that lost its range": (RuleId.COUNTER_WRAP, changed(cpu_energy_j=put(lambda e: e - 65_536, ROW)), (LINE,)),
    "a wrap taken as an absolute value": (RuleId.COUNTER_WRAP, changed(gpu_energy_j=put(lambda e: 262_144 - e, ROW)), (LINE,)),
    "a range that was added wrongly": (RuleId.COUNTER_WRAP, changed(gpu_energy_j=put(lambda e: e + 262_144, ROW, ROW + 9)), (LINE, LINE + 9)),
    "a running counter": (RuleId.RUNNING_COUNTER, changed(gpu_energy_j=lambda e: np.copyto(e, np.cumsum(e))), ()),
    "a counter that is set back": (RuleId.COUNTER_RESET, changed(gpu_energy_j=lambda e: np.copyto(e, np.cumsum(e) - (np.arange(ROWS) >= ROW) * e[:ROW].sum())), (LINE,)),
    "a negative energy": (RuleId.NEGATIVE, changed(cpu_energy_j=put(-90.0, ROW)), (LINE,)),
    "a zero": (RuleId.ZERO, changed(gpu_energy_j=put(0.0, ROW)), (LINE,)),
    "a constant": (RuleId.CONSTANT, changed(ttft_s=put(0.1, *range(ROWS))), ()),
    "a stuck channel": (RuleId.STUCK, changed(gpu_energy_j=put(50_123.456, ROW, ROW + 1, ROW + 2)), (LINE + 1, LINE + 2)),
    "an assumed power": (RuleId.ASSUMED_POWER, assumed(), ()),
    "a constant power": (RuleId.ASSUMED_POWER, changed(cpu_power_w=put(42.5, *range(ROWS))), ()),
    "a copied repetition": (RuleId.COPIED_REPETITION, copy(2, 3), (LINE, LINE + 1)),
    "a copied block": (RuleId.COPIED_BLOCK, copy(4, 8), (LINE, LINE + 1, LINE + 2, LINE + 3)),
    "a part above its whole": (RuleId.PART_ABOVE_WHOLE, changed(energy_j=put(lambda e: 0.5 * e, *range(ROWS))), ALL_LINES),
    "a power of another window": (RuleId.IDENTITY, changed(power_mean_w=put(lambda p: 2 * p, *range(ROWS))), ()),
    "a row whose power is another's": (RuleId.IDENTITY, changed(power_mean_w=put(lambda p: 1.3 * p, ROW)), (LINE,)),
    "millijoules": (RuleId.UNIT_SLIP, changed(gpu_energy_j=put(lambda e: 1000 * e, ROW)), (LINE,)),
    "watt-hours": (RuleId.UNIT_SLIP, changed(gpu_energy_j=put(lambda e: e / 3600, ROW, ROW + 1)), (LINE, LINE + 1)),
    "a zero beside a double": (RuleId.SHIFTED_PHASE, changed(gpu_energy_j=lambda e: np.copyto(e, np.where(np.arange(ROWS) == ROW, 0, np.where(np.arange(ROWS) == ROW + 1, 2 * e, e)))), (LINE, LINE + 1)),
    "−x beside +x": (RuleId.SHIFTED_PHASE, changed(cpu_energy_j=lambda e: (put(lambda v: v - 30_000, ROW)(e), put(lambda v: v + 30_000, ROW + 1)(e))), (LINE, LINE + 1)),
    "a run cut short": (RuleId.TRUNCATED_RUN, truncated(), (LINE,)),
    "missing runs": (RuleId.UNEQUAL_REPETITIONS, missing(), ()),
    "a number given twice": (RuleId.REPEATED_REPETITION, numbered_twice(), (LINE,)),
    "a metric of some rows": (RuleId.MISSING_METRIC, changed(gpu_energy_j=put(math.nan, ROW, ROW + 1)), (LINE, LINE + 1)),
    "few values": (RuleId.FEW_DISTINCT, changed(ttft_s=lambda t: np.round(t, 2, out=t)), ()),
    "a timer of 1/64 s": (RuleId.COARSE_CLOCK, changed(ttft_s=lambda t: np.copyto(t, np.round(t * 256) / 64)), ()),
    "failed requests": (RuleId.FAILED_REQUESTS, changed(requests=put(100, *range(ROWS)), failed_requests=put(7, ROW)), (LINE,)),
    "chunks of four tokens": (RuleId.CHUNKS, changed(chunks=put(1024, *range(ROWS))), ALL_LINES),
    "an engine that says less": (RuleId.OUTPUT_LENGTH, changed(output_tokens=put(2048, *range(16))), ()),
    "a first repetition that is slower": (RuleId.FASTER_REPEATS, changed(ttft_s=put(0.4, *range(0, ROWS, REPETITIONS))), tuple(range(2, ROWS + 2, REPETITIONS))),
    "two clocks": (RuleId.CLOCKS_DIFFER, changed(ended_s=put(lambda _: 700.0, *range(ROWS)), started_s=put(0.0, 0)), ALL_LINES),
    "an outlier": (RuleId.OUTLIER, changed(gpu_energy_j=put(lambda e: 2.2 * e, ROW)), (LINE,)),
}  # fmt: skip


def test_a_clean_table_has_no_finding() -> None:
    """All rules that have something to look at look, and say nothing."""
    found = audit(runs(clean()))
    assert found.findings == ()
    assert RuleId.COUNTER_WRAP in found.applied and RuleId.LITTLES_LAW in found.idle
    assert {*found.applied, *found.idle} == set(RuleId) == set(RULES)


@pytest.mark.parametrize("case", CASES)
def test_a_defect_is_found_where_it_was_put(case: str) -> None:
    """The rule names the lines, and says nothing that is no sentence."""
    rule, wrong, lines = CASES[case]
    found = audit(wrong)
    (finding,) = found.by(rule)[:1]
    assert finding.lines == lines
    assert finding.sentence.endswith(".") and "nan" not in finding.sentence
    assert all(math.isfinite(item.value) for item in finding.evidence)


def sweep(**changes: list[float]) -> ResultsTable:
    """Return loads of 1 to 8 clients that keep Little's law, with percentiles; given columns in place of these."""
    clients = [1.0, 2.0, 4.0, 8.0]
    latency = [1.0, 1.1, 1.3, 2.0]
    values: dict[str, tuple[str, str, str | None, list[float]]] = {
        "rate": ("throughput_requests_per_s", "requests/s", None, [n / t for n, t in zip(clients, latency, strict=True)]),
        "mean": ("latency_s", "s", "mean", latency),
        "p50": ("latency_s", "s", "p50", [0.9 * t for t in latency]),
        "p99": ("latency_s", "s", "p99", [3 * t for t in latency]),
        "asked": ("asked_rate_per_s", "requests/s", None, [n / t for n, t in zip(clients, latency, strict=True)]),
        "late": ("lateness_s", "s", "mean", [1e-4] * 4),
    }
    load = Column("clients", Role.LOAD, np.array(clients), "concurrency")
    columns = [
        column(name, metric(key, unit), changes.get(name, found), statistic)
        for name, (key, unit, statistic, found) in values.items()
    ]
    return table([load, *columns], row="report", first_line=1)


@pytest.mark.parametrize(
    ("rule", "severity", "changes"),
    [
        (RuleId.LITTLES_LAW, Severity.CHANGES_RESULT, {"mean": [1.0, 1.1, 1.3, 4.0]}),
        (RuleId.LITTLES_LAW, Severity.DOUBTFUL, {"rate": [1.0, 1.8, 3.1, 1.0]}),
        (RuleId.RATE_NOT_REACHED, Severity.NOTE, {"asked": [1.0, 1.8, 3.1, 8.0]}),
        (RuleId.LATE_CLIENT, Severity.CHANGES_RESULT, {"late": [0.0, 0.0, 0.0, 3.0]}),
        (RuleId.PERCENTILE_ORDER, Severity.CHANGES_RESULT, {"p50": [0.9, 1.0, 1.1, 7.0]}),
    ],
)
def test_a_load_that_is_not_the_declared_one(rule: RuleId, severity: Severity, changes: dict[str, list[float]]) -> None:
    """The last of four loads is wrong, and named."""
    assert audit(sweep()).of(Severity.CHANGES_RESULT) == ()
    (found,) = audit(sweep(**changes)).by(rule)
    assert (found.severity, found.lines) == (severity, (4,))


def kilowatt_hours() -> ResultsTable:
    """Return energies in J, and again in kWh with three digits."""
    joules = clean()["energy_j"]
    digits = [float(f"{value / 3.6e6:.2e}") for value in joules]
    return table([
        column("engine", FACTOR, [f"engine {row // 16}" for row in range(ROWS)]),
        column("J", metric("energy_j", "J"), list(joules)), column("kWh", metric("other_j", "kWh", 3.6e6), digits),
    ])  # fmt: skip


def lengths() -> ResultsTable:
    """Return energies that grow with a factor whose levels are numbers."""
    length = np.tile(np.repeat([100.0, 500.0, 1000.0], 5), 2)
    energy = 10 * length * np.repeat([1.0, 2.0], 15) * np.exp(np.random.default_rng(1).normal(0, 0.01, 30))
    return table([
        column("method", FACTOR, ["here"] * 15 + ["there"] * 15), column("length", FACTOR, [f"{level:g}" for level in length]),
        column("energy", metric("energy_j", "J"), list(energy)),
    ])  # fmt: skip


def report() -> ResultsTable:
    """Return a report whose two means are one number."""
    spread = {"p50": 0.03, "p99": 0.05}
    means = [column(f"{key} mean", metric(key, "s"), [0.0368578234128654], "mean") for key in ("latency_s", "ttft_s")]
    return table(
        [*means, *(column(name, metric("ttft_s", "s"), [value], name) for name, value in spread.items())], row="report"
    )


def readings() -> ResultsTable:
    """Return three readings of a counter beyond 32 bits."""
    return table([column("CPU_ENERGY (J)", metric("counter_j", "J"), [313_240.67, 313_240.78, 313_250.59])], row="sample")


@pytest.mark.parametrize(
    ("rule", "made", "name", "value"),
    [
        (RuleId.COPIED_COLUMN, kilowatt_hours, "rows", ROWS),
        (RuleId.UNEQUAL_WORK, lengths, "comparisons", 2),
        (RuleId.COPIED_NUMBER, report, "columns", 2),
        (RuleId.MEANS_ONLY, report, "metrics with a mean only", 1),
        (RuleId.COUNTER_RANGE, readings, "largest reading", 313_250.59),
    ],
)
def test_what_no_row_shows_alone(rule: RuleId, made: Callable[[], ResultsTable], name: str, value: float) -> None:
    """Columns that say the same, factors that set the work, and aggregates without spread are found in the table as a whole."""
    (found,) = audit(made()).by(rule)
    assert found.number(name) == value and found.severity is not Severity.CHANGES_RESULT


def test_every_rule_is_tested() -> None:
    """A rule without a table that it is about would never be missed."""
    whole = {RuleId.COUNTER_RANGE, RuleId.COPIED_COLUMN, RuleId.COPIED_NUMBER, RuleId.MEANS_ONLY, RuleId.UNEQUAL_WORK}
    loads = {RuleId.LITTLES_LAW, RuleId.RATE_NOT_REACHED, RuleId.LATE_CLIENT, RuleId.PERCENTILE_ORDER}
    assert {rule for rule, _, _ in CASES.values()} | whole | loads == set(RuleId)


def test_every_rule_is_documented() -> None:
    """docs/audit.md has a line for each rule, with its advice, and one for each quantity that tools report beside metrics."""
    text = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")
    assert [rule.id for rule in RULES.values() if f"| `{rule.id.value}` |" not in text or rule.advice not in text] == []
    assert [key for key in CIRCUMSTANCES if f"| `{key}` |" not in text] == []
    assert all(rule.check.__doc__ for rule in RULES.values())
