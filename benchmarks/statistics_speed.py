"""How long the statistics take: ``python benchmarks/statistics_speed.py``, on one core, imports included."""

from __future__ import annotations

import time

START = time.perf_counter()

import numpy as np  # noqa: E402 - imports are part of what is timed

from greenreport.analysis.stats import compare, over_family, studentized_range_sf  # noqa: E402


def dataset(models: int, metrics: int, groups: int, runs: int, seed: int) -> list[dict[str, list[float]]]:
    """Return one comparison for each model and metric, half of them normal and half skewed."""
    random = np.random.default_rng(seed)
    found = []
    for place in range(models * metrics):
        level = 100 * np.exp(random.normal(0, 0.3, (groups, 1)))
        noise = random.normal(0, 0.02, (groups, runs))
        values = level * (1 + (noise if place % 2 else np.exp(10 * noise) / 10))
        found.append({f"configuration {k}": row.tolist() for k, row in enumerate(values)})
    return found


def timed(name: str, comparisons: list[dict[str, list[float]]], start: float, cpu: float) -> None:
    tests = [compare(groups) for groups in comparisons]
    compared = time.perf_counter() - start
    family = over_family(tests)
    total = time.perf_counter() - start
    pairs = sum(len(test.pairs) for test in tests)
    kinds = ", ".join(f"{sum(test.test == kind for test in tests)} {kind}" for kind in ("welch", "kruskal"))
    print(
        f"{name}: {len(tests)} comparisons ({kinds}), {pairs} pairs: {compared:.2f} s; with family adjustment {total:.2f} s "
        f"({time.process_time() - cpu:.2f} s of CPU time)"
    )
    assert len(family) == len(tests)


def main() -> None:
    print(f"imports: {time.perf_counter() - START:.2f} s")
    timed("12 models × 7 metrics, 5 groups × 10 runs, imports included", dataset(12, 7, 5, 10, seed=1), START, 0.0)
    small = dataset(100, 7, 20, 10, seed=2)
    timed("100 models × 7 metrics, 20 groups × 10 runs", small, time.perf_counter(), time.process_time())
    random = np.random.default_rng(3)
    q, df = random.uniform(0, 30, 133_000), random.uniform(2, 18, 133_000)
    start = time.perf_counter()
    for part in range(700):
        studentized_range_sf(q[part::700], 20, df[part::700])
    print(f"studentized range, 133,000 values of 20 groups: {time.perf_counter() - start:.2f} s")


if __name__ == "__main__":
    main()
