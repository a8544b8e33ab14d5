"""How long the statistics take: ``python -m benchmarks.statistics_speed``, on one core, imports included (aim: 1.5 s for the published size)."""

from __future__ import annotations

import time

START = time.perf_counter()

import numpy as np  # noqa: E402 - imports are part of what is timed
from scipy import stats  # noqa: E402

from greenreport.analysis.stats import compare, over_models, studentized_range_sf  # noqa: E402

AIM_S = 1.5
GROUPS = 20


def comparisons(models: int, metrics: int, groups: int, runs: int, seed: int) -> list[dict[str, list[float]]]:
    """Return one comparison for each model and metric, half of them normal and half skewed."""
    random = np.random.default_rng(seed)
    made = []
    for place in range(models * metrics):
        level = 100 * np.exp(random.normal(0, 0.3, (groups, 1)))
        noise = random.normal(0, 0.02, (groups, runs))
        values = level * (1 + (noise if place % 2 else np.exp(10 * noise) / 10))
        made.append({f"configuration {k}": row.tolist() for k, row in enumerate(values)})
    return made


def time_family(name: str, data: list[dict[str, list[float]]], start: float, cpu: float) -> None:
    """Print how long the comparisons and the adjustment over their family take."""
    tests = [compare(groups) for groups in data]
    compared = time.perf_counter() - start
    assert len(over_models(tests)) == len(tests)
    total = time.perf_counter() - start
    pairs = sum(len(test.pairs) for test in tests)
    kinds = ", ".join(f"{sum(test.test == kind for test in tests)} {kind}" for kind in ("blocked", "welch", "kruskal"))
    print(
        f"{name}: {len(tests)} comparisons ({kinds}), {pairs} pairs: {compared:.2f} s; with family adjustment {total:.2f} s "
        f"({total / AIM_S:.2f} of the aim; {time.process_time() - cpu:.2f} s of CPU time)"
    )


def time_studentized_range(values: int) -> None:
    """Print how long ours takes for a value, beside SciPy's, which is timed on a few of them."""
    random = np.random.default_rng(3)
    q, df = random.uniform(0, 30, values), random.uniform(2, 18, values)

    def per_value(survival: object, count: int, parts: int) -> float:
        assert callable(survival)
        start = time.perf_counter()
        for part in range(parts):
            survival(q[:count][part::parts], GROUPS, df[:count][part::parts])
        return (time.perf_counter() - start) / count

    ours = per_value(studentized_range_sf, values, min(700, values))
    scipy = per_value(stats.studentized_range.sf, 20, 1)
    print(
        f"studentized range, {values:,} values of {GROUPS} groups: {ours * values:.2f} s, {ours * 1e6:.1f} µs per value; "
        f"SciPy's takes {scipy / ours:,.0f} × as long"
    )


def main(*, small: bool = False) -> None:
    before, cpu = time.perf_counter(), time.process_time()
    import scikit_posthocs  # noqa: F401 - timed apart, since only the first Dunn test of a program imports it

    start, cpu = START + time.perf_counter() - before, time.process_time() - cpu
    print(f"imports: {before - START:.2f} s; scikit-posthocs, left out below: {start - START:.2f} s")
    if small:
        time_family("2 models × 2 metrics", comparisons(2, 2, 3, 5, seed=1), start, cpu)
    else:
        few = comparisons(12, 7, 5, 10, seed=1)
        time_family("12 models × 7 metrics, 5 groups × 10 runs, imports included", few, start, cpu)
        many = comparisons(100, 7, GROUPS, 10, seed=2)
        time_family(f"100 models × 7 metrics, {GROUPS} groups × 10 runs", many, time.perf_counter(), time.process_time())
    time_studentized_range(700 if small else 133_000)


if __name__ == "__main__":
    main()
