"""How often the audit raises an alarm on tables in which nothing is wrong (aim: below 1 % with a finding that changes the result).

``python -m benchmarks audit_false_alarms`` prints the table of docs/audit.md. Tables have three shapes: runs with energy, time and usage; sweeps of loads
with percentiles; single requests. Sizes, noise, rounding and the units of counters vary from table to table; seeded, so that figures repeat.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from greenreport.audit import Audit, Severity, audit
from greenreport.imports.results_table import Column, ResultsTable, Role

TABLES, AIM = 1000, 0.01
Floats = NDArray[np.float64]
#: Steps of energy counters, in J: RAPL's two units, 1 mJ, 0.1 J, and none.
COUNTER_STEPS = (2.0**-14, 2.0**-16, 1e-3, 0.1, 0.0)


def _metric(name: str, key: str, unit: str, values: Floats, statistic: str | None = None) -> Column:
    return Column(name, Role.METRIC, values, key, unit, 1.0, statistic)


def _text(name: str, role: Role, values: Sequence[str]) -> Column:
    return Column(name, role, np.array(values, dtype=object), name)


def _stepped(values: Floats, step: float) -> Floats:
    return np.round(values / step) * step if step else values


def _rounded(random: np.random.Generator, values: Floats) -> Floats:
    """Round to 4 to 15 significant digits of the largest value."""
    digits = int(random.choice([4, 6, 9, 15]))
    return np.round(values, digits - 1 - int(np.floor(np.log10(np.abs(values).max()))))


def _table(columns: Sequence[Column], row: str) -> ResultsTable:
    rows = len(columns[0].values)
    return ResultsTable("clean", "tidy", "0" * 64, tuple(columns), np.arange(2, rows + 2), row)


def run_table(random: np.random.Generator) -> ResultsTable:
    """Return runs of engines × models × tasks: energies of processor, GPU and memory, power, time, usage; in random order."""
    engines, models, tasks = (int(random.integers(*span)) for span in ((2, 5), (1, 4), (1, 4)))
    repetitions = int(random.choice([5, 10, 20, 30]))
    cells = [(e, m, t) for e in range(engines) for m in range(models) for t in range(tasks)]
    rows = [(cell, r) for cell in cells for r in range(repetitions)]
    random.shuffle(rows)
    typical_s = dict(zip(cells, 30 * np.exp(random.normal(0, 0.7, len(cells))), strict=True))
    noise, tail = (
        float(random.uniform(0.002, 0.08)),
        float(random.choice([3.0, 8.0, 100.0])),
    )  # Student's t: from heavy tails to normal

    def noisy(values: Floats, share: float) -> Floats:
        return values * np.exp(share * random.standard_t(tail, len(values)) / 3)

    time = noisy(np.array([typical_s[cell] for cell, _ in rows]), noise)
    step = float(random.choice(COUNTER_STEPS))
    cpu, gpu, dram = (
        _stepped(noisy(watts * time, noise), step) for watts in (40 + 10 * random.random(), 120 + 150 * random.random(), 6.0)
    )
    total = cpu + gpu + dram
    columns = [
        _text("engine", Role.ENGINE, [f"engine {cell[0]}" for cell, _ in rows]),
        _text("model", Role.MODEL, [f"model {cell[1]}" for cell, _ in rows]),
        _text("task", Role.FACTOR, [f"task {cell[2]}" for cell, _ in rows]),
        Column("repetition", Role.REPETITION, np.array([float(r) for _, r in rows])),
        _metric("time", "duration_s", "s", _rounded(random, time)),
        _metric("total", "energy_j", "J", total), _metric("cpu", "cpu_energy_j", "J", cpu), _metric("gpu", "gpu_energy_j", "J", gpu),
        _metric("dram", "dram_energy_j", "J", dram), _metric("power", "power_mean_w", "W", np.round(total / time * random.normal(1, 0.01, len(rows)), 1)),
        _metric("cpu usage", "cpu_usage_pct", "%", np.round(random.uniform(5, 95, len(rows)), 1)),
        _metric("tokens", "output_tokens", "tokens", np.full(len(rows), 4096.0)),
    ]  # fmt: skip
    return _table(columns, "run")


def sweep(random: np.random.Generator) -> ResultsTable:
    """Return loads of one to 64 clients in a closed loop, with energy and the percentiles of simulated requests."""
    engines, repetitions = int(random.integers(1, 4)), int(random.integers(1, 4))
    points = [(engine, 2**k, r) for engine in range(engines) for k in range(7) for r in range(repetitions)]
    names = ("mean", "p50", "p90", "p95", "p99")
    rates: list[float] = []
    joules: list[float] = []
    counts: list[int] = []
    statistics: dict[tuple[str, str], list[float]] = {
        (key, name): [] for key in ("latency_s", "ttft_s", "tbt_s") for name in names
    }
    for engine, clients, _ in points:
        requests = clients * int(random.integers(20, 60))
        base = (0.5 + 0.2 * engine) * (1 + clients / 20)
        latency = base * np.exp(random.normal(0, float(random.uniform(0.05, 0.5)), requests))
        first = latency * random.uniform(0.05, 0.2, requests)
        gaps = (latency - first) / 63
        busy = np.array([latency[client::clients].sum() for client in range(clients)])
        rates.append(requests / busy.max())
        joules.append(float((50 + 2 * clients) * busy.max() * random.normal(1, 0.02)))
        counts.append(requests)
        for key, sample in (("latency_s", latency), ("ttft_s", first), ("tbt_s", gaps)):
            found = [sample.mean(), *np.percentile(sample, [50, 90, 95, 99])]
            for name, value in zip(names, found, strict=True):
                statistics[key, name].append(float(value))
    columns = [
        _text("engine", Role.ENGINE, [f"engine {engine}" for engine, _, _ in points]),
        Column("concurrency", Role.LOAD, np.array([float(clients) for _, clients, _ in points]), "concurrency"),
        Column("repetition", Role.REPETITION, np.array([float(r) for _, _, r in points])),
        _metric("rate", "throughput_requests_per_s", "requests/s", np.array(rates)),
        _metric("requests", "requests", "requests", np.array(counts, dtype=np.float64)), _metric("energy", "energy_j", "J", np.array(joules)),
        *(_metric(f"{key} {name}", key, "s", np.round(values, 6), name) for (key, name), values in statistics.items()),
    ]  # fmt: skip
    return _table(columns, str(random.choice(["run", "report"])))


def requests(random: np.random.Generator) -> ResultsTable:
    """Return single requests of engines: latencies with long tails, answers whose lengths vary alike everywhere."""
    engines, each = int(random.integers(2, 5)), int(random.choice([100, 300, 1000]))
    owner = np.repeat(np.arange(engines), each)
    tokens = np.round(random.gamma(8.0, 16.0, len(owner))) + 1
    speed = 0.01 * np.exp(random.normal(0, 0.4, engines))
    first = 0.1 * np.exp(random.normal(0, float(random.uniform(0.1, 0.8)), len(owner)))
    gap = speed[owner] * np.exp(random.normal(0, 0.1, len(owner)))
    decimals = int(random.choice([4, 6, 9]))
    latency = first + gap * (tokens - 1)
    columns = [
        _text("engine", Role.ENGINE, [f"engine {engine}" for engine in owner]),
        _metric("latency", "latency_s", "s", np.round(latency, decimals)), _metric("first token", "ttft_s", "s", np.round(first, decimals)),
        _metric("gap", "tbt_s", "s", np.round(gap, 6)), _metric("tokens", "output_tokens", "tokens", tokens),
        _metric("chunks", "chunks", "chunks", tokens), _metric("late", "lateness_s", "s", np.abs(random.normal(0, 3e-4, len(owner)))),
    ]  # fmt: skip
    return _table(columns, "request")


SHAPES: dict[str, Callable[[np.random.Generator], ResultsTable]] = {"runs": run_table, "sweep": sweep, "requests": requests}


def audits(shape: str, tables: int) -> list[Audit]:
    """Return the audits of clean tables of one shape."""
    return [audit(SHAPES[shape](np.random.default_rng([seed, *shape.encode()]))) for seed in range(tables)]


def main(*, small: bool = False) -> None:
    tables = 30 if small else TABLES
    print(f"{'shape':10} {'tables':>6} {'changes the result':>20} {'doubtful':>10} {'note':>8}   rules")
    for shape in SHAPES:
        found = audits(shape, tables)
        shares = [sum(bool(item.of(severity)) for item in found) / tables for severity in Severity]
        rules = Counter(finding.rule.value for item in found for finding in item.findings)
        print(
            f"{shape:10} {tables:6} {100 * shares[0]:18.2f} % {100 * shares[1]:8.2f} % {100 * shares[2]:6.2f} %   {dict(rules)}",
            flush=True,
        )
        if shares[0] >= AIM and not small:
            sys.exit(
                f"{shares[0]:.1%} of clean tables ({shape}) get a finding that changes the result; the aim is below {AIM:.0%}"
            )


if __name__ == "__main__":
    main()
