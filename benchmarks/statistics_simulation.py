"""Type-I error of comparisons and coverage of every interval: ``python -m benchmarks.statistics_simulation [SAMPLES] [TABLE …] [--write]``.

Prints tables, all or those of the named functions; with ``--write`` puts them into docs/statistics-simulation.md and the data of the
methods page (see `simulation_report`), where tables that were not made again stay. Seeded: the same number of samples gives the same
tables.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from scipy import stats

from benchmarks import sequential_studies, simulated_orders, simulated_studies
from benchmarks.simulation_report import SimulatedTable, shown, write
from greenreport.analysis.stats import Effect, Interval, compare, describe, geometric_mean_ratio
from greenreport.analysis.stats.compare import Test
from greenreport.analysis.stats.samples import Floats
from greenreport.units import counted

SAMPLES, SMALL_SAMPLES = 3000, 2
RESAMPLES = 600
SIZES = (5, 10, 30)
#: Groups and runs at which `gated` just takes Welch, and one more run below.
MANY = ((7, 5), (7, 4), (10, 6), (20, 10), (20, 9))
Draw = Callable[[np.random.Generator, tuple[int, ...]], Floats]

#: One population of runs around 100: 2 % spread, strong skewness, 2 % spread read in steps of 1 %, light tails.
POPULATIONS: dict[str, Draw] = {
    "normal": lambda random, shape: random.normal(100, 2, shape),
    "log-normal σ=0.25": lambda random, shape: 100 * np.exp(random.normal(0, 0.25, shape)),
    "log-normal σ=0.5": lambda random, shape: 100 * np.exp(random.normal(0, 0.5, shape)),
    "log-normal σ=1": lambda random, shape: 100 * np.exp(random.normal(0, 1, shape)),
    "tied": lambda random, shape: np.round(random.normal(100, 2, shape)),
    "uniform": lambda random, shape: random.uniform(96, 104, shape),
}
#: Groups × runs: each of one population, or of one mean with a spread that grows fourfold.
GROUPS = POPULATIONS | {
    "heteroscedastic": lambda random, shape: 100 + np.linspace(1, 4, shape[-2])[:, None] * random.normal(0, 1, shape)
}
SIGMA = {"log-normal σ=0.25": 0.25, "log-normal σ=0.5": 0.5, "log-normal σ=1": 1.0}
#: Populations whose groups are drawn alike.
ALIKE = ("normal", "log-normal σ=0.5", "tied", "heteroscedastic", "uniform")
TABLES: list[SimulatedTable] = []


def title(name: str, samples: int, text: str, *columns: str) -> None:
    TABLES.append(SimulatedTable(name, text, columns, samples))
    print(f"\n### {text}\n\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}", flush=True)


def row(*cells: str | int | float | np.floating[Any]) -> None:
    kept = tuple(cell if isinstance(cell, str | int) else round(float(cell), 4) for cell in cells)
    TABLES[-1].rows.append(kept)
    print(f"| {' | '.join(shown(cell) for cell in kept)} |", flush=True)


def holds(ci: object, truth: float) -> bool:
    """Return whether an interval contains the truth; one that is not computable does not."""
    return isinstance(ci, Interval) and ci.low - 1e-12 <= truth <= ci.high + 1e-12


def data(name: str, groups: int, n: int, count: int, seed: int = 1) -> Iterator[dict[str, list[float]]]:
    """Yield comparisons of groups."""
    random = np.random.default_rng([seed, groups, n])
    for _ in range(count):
        yield {f"g{k}": x.tolist() for k, x in enumerate(GROUPS[name](random, (groups, n)))}


def level(samples: int, kind: Test, identifier: str) -> None:
    """Print how often identical groups are called different."""
    columns = ("population", "groups", *(f"n={n}" for n in (3, *SIZES)))
    title(identifier, samples, f"Type-I error of `{kind}` in %: any omnibus or pairwise claim on identical groups", *columns)
    for name in ALIKE:
        for groups in (2, 5, 10):
            rates = []
            for n in (3, *SIZES):
                tests = [compare(x, test=kind) for x in data(name, groups, n, samples)]
                rates.append(np.mean([t.rejected or any(p.significant for p in t.pairs) for t in tests]))
            row(name, groups, *rates)


def type_one(samples: int) -> None:
    """Print the level of the default."""
    level(samples, "blocked", "type-one")


def type_one_gated(samples: int) -> None:
    """Print the level of the choice by Shapiro–Wilk."""
    level(samples, "gated", "type-one-gated")


def type_one_many(samples: int) -> None:
    """Print the level of that choice with many groups."""
    columns = ("population", *(f"{groups} groups, n={n}" for groups, n in MANY))
    title("type-one-many", samples, "Type-I error of `gated` in % with many groups", *columns)
    for name in ALIKE:
        many = [[compare(x, test="gated") for x in data(name, groups, n, samples)] for groups, n in MANY]
        row(name, *(np.mean([t.rejected for t in tests]) for tests in many))


def type_one_forced(samples: int) -> None:
    """Print the level of single tests."""
    columns = ("test", "population", *(f"n={n}" for n in SIZES))
    title("type-one-forced", samples, "Type-I error in % with the test forced, 5 groups", *columns)
    forced: tuple[Test, ...] = ("welch", "kruskal", "friedman", "permutation")
    for kind in forced:
        for name in ("normal", "log-normal σ=0.5", "tied"):
            row(kind, name, *(np.mean([compare(x, test=kind).rejected for x in data(name, 5, n, samples)]) for n in SIZES))


def alone(samples: int) -> None:
    """Print how often the omnibus tests alone reject with five groups, whatever the check of normality says; many samples at once."""
    count, sizes = 40 * samples, (3, 4, 5, 6, 8, 10)
    text = "Type-I error in % of Welch's ANOVA and Kruskal–Wallis alone, 5 groups"
    title("alone", count, text, "test", "population", *(f"n={n}" for n in sizes))
    for test, rejects in (("welch", welch_rejects), ("kruskal", kruskal_rejects)):
        for name in ("normal", "heteroscedastic", "uniform"):
            row(test, name, *(rejects(GROUPS[name](np.random.default_rng([7, n]), (count, 5, n))).mean() for n in sizes))


def welch_rejects(x: Floats) -> Floats:
    """Return whether Welch's F rejects at 5 %, for samples × groups × runs."""
    return np.asarray(stats.f_oneway(*np.moveaxis(x, 1, 0), axis=1, equal_var=False).pvalue < 0.05)


def kruskal_rejects(x: Floats) -> Floats:
    """Return whether Kruskal–Wallis rejects at 5 % (χ²), for samples × groups × runs without ties."""
    count, k, n = x.shape
    ranks = np.argsort(np.argsort(x.reshape(count, -1), axis=1), axis=1).reshape(x.shape) + 1.0
    total = k * n
    h = 12 / (total * (total + 1)) * n * ((ranks.mean(axis=2) - (total + 1) / 2) ** 2).sum(axis=1)
    return np.asarray(stats.chi2.sf(h, k - 1) < 0.05)


def one_sample(samples: int) -> None:
    """Print the coverage of the intervals of median and mean, and of alternatives."""
    others = ("percentile bootstrap of median", "BCa of median", "Student's t of mean")
    columns = ("population", "n", "median", "mean", *(f"not chosen: {other}" for other in others))
    title("one-sample", samples, "Coverage in % of intervals of one sample", *columns)
    for name, draw in POPULATIONS.items():
        for n in (3, *SIZES):
            random = np.random.default_rng([2, n])
            center, mean = 100.0, 100 * float(np.exp(SIGMA.get(name, 0.0) ** 2 / 2))
            x = draw(random, (samples, n))
            descriptions = [describe(values.tolist()) for values in x]
            t = stats.t.ppf(0.975, n - 1) * x.std(axis=1, ddof=1) / np.sqrt(n)
            few = [bootstrap_median(values, center, random) for values in x[: max(1, samples // 4)]]
            chosen = np.mean([(holds(d.median_ci, center), holds(d.mean_ci, mean)) for d in descriptions], axis=0)
            row(name, n, *chosen, *np.mean(few, axis=0), np.mean(np.abs(x.mean(axis=1) - mean) <= t + 1e-12))


def bootstrap_median(x: Floats, truth: float, random: np.random.Generator) -> tuple[bool, bool]:
    """Return whether percentile and BCa bootstrap intervals of the median hold the truth."""
    medians = np.median(x[random.integers(0, len(x), (RESAMPLES, len(x)))], axis=1)
    low, high = np.quantile(medians, (0.025, 0.975))
    share = np.clip((np.sign(np.median(x) - medians) + 1).mean() / 2, 1e-3, 1 - 1e-3)  # ties count half
    jackknife = np.array([np.median(np.delete(x, k)) for k in range(len(x))])
    d = jackknife.mean() - jackknife
    acceleration = (d**3).sum() / (6 * max((d**2).sum(), 1e-12) ** 1.5)
    z = stats.norm.ppf(share) + np.array([-1.96, 1.96])
    lower, upper = np.quantile(medians, stats.norm.cdf(stats.norm.ppf(share) + z / (1 - acceleration * z)))
    return bool(low <= truth <= high), bool(lower <= truth <= upper)


def two_samples(samples: int) -> None:
    """Print the coverage of the ratio, Hedges' g and Cliff's δ; the second group is shifted or scaled."""
    effects = ("ratio", "Hedges' g", "Cliff's δ", "not chosen: percentile bootstrap of ratio")
    title("two-samples", samples // 2, "Coverage in % of intervals of two samples", "population", "n", "shift (SD)", *effects)
    for name in ("normal", "heteroscedastic", "log-normal σ=0.5", "tied"):
        for n in ((3, 3), (5, 5), (5, 15), (10, 10), (30, 30)):
            for shift in (0.0, 1.0, 3.0):
                row(name, f"{n[0]}, {n[1]}", f"{shift:g}", *pair_coverage(name, n, shift, samples // 2))


def pair_coverage(name: str, n: tuple[int, int], shift: float, samples: int) -> Iterator[np.floating[Any]]:
    random = np.random.default_rng([3, *n])

    def draw(shape: tuple[int, ...], second: bool) -> Floats:
        if name in SIGMA:  # multiplicative: a ratio is a shift of the logarithm
            factor = np.exp(SIGMA[name] * shift) if second else 1.0
            return np.asarray(factor * POPULATIONS[name](random, shape))
        spread = 1 if second and name == "heteroscedastic" else 3 if name == "heteroscedastic" else 2
        x = random.normal(100 + (2 * shift if second else 0), spread, shape)
        return np.round(x) if name == "tied" else x

    a, b = draw((samples, n[0]), False), draw((samples, n[1]), True)
    big = draw((20000,), False), draw((20000,), True)
    ratio = float(np.exp(-SIGMA[name] * shift)) if name in SIGMA else 100 / (100 + 2 * shift)
    delta = float((np.searchsorted(np.sort(big[1]), big[0], "left") + np.searchsorted(np.sort(big[1]), big[0], "right")).mean())
    delta = delta / 20000 - 1 if shift or name == "tied" else 0.0
    mean = moments(name, shift)
    tests = [
        [compare({"a": x.tolist(), "b": y.tolist()}, test=kind).pairs[0] for x, y in zip(a, b, strict=True)]
        for kind in ("welch", "kruskal")
    ]
    yield np.mean([holds(pair.ratio.ci, ratio) for pair in tests[0]])
    for pairs, truth in zip(tests, (mean, delta), strict=True):
        yield np.mean([isinstance(pair.effect, Effect) and holds(pair.effect.ci, truth) for pair in pairs])
    held = []
    for x, y in zip(a[: max(1, samples // 4)], b, strict=False):
        first, second = (np.median(v[random.integers(0, len(v), (RESAMPLES, len(v)))], axis=1) for v in (x, y))
        low, high = np.quantile(first / second, (0.025, 0.975))
        held.append(low <= ratio <= high)
    yield np.mean(held)


def moments(name: str, shift: float) -> float:
    """Return the true standardised mean difference, with the root mean variance."""
    if name in SIGMA:
        s, factor = SIGMA[name], np.exp(SIGMA[name] * shift)
        variance = (np.exp(s * s) - 1) * np.exp(s * s) * (1 + factor**2) / 2
        return float(np.exp(s * s / 2) * (1 - factor) / np.sqrt(variance))
    variance = {"heteroscedastic": 5.0, "tied": 4 + 1 / 12}.get(name, 4.0)
    return -2 * shift / float(np.sqrt(variance))


def omnibus(samples: int) -> None:
    """Print the coverage of ω², ε² and Kendall's W for five groups in steps of a spread."""
    columns = ("n", "step (SD)", "ω²", "ε²", "Kendall's W", "not chosen: percentile bootstrap of ε²")
    title("omnibus", samples // 2, "Coverage in % of intervals of the effect of five normal groups", *columns)
    for n in SIZES:
        for step in (0.0, 0.3, 1.0, 2.0):
            random = np.random.default_rng([4, n])
            means = step * np.arange(5)
            big = means[:, None] + random.normal(0, 1, (5, 40000))
            between = n * ((means - means.mean()) ** 2).sum()
            order = np.argsort(np.argsort(big.ravel())).reshape(5, -1).mean(axis=1) / big.size
            within = np.argsort(np.argsort(big, axis=0), axis=0).mean(axis=1) + 1
            truth = (between / (between + 5 * n), 12 * ((order - 0.5) ** 2).mean(), ((within - 3) ** 2).sum() / 10)
            truth = truth if step else (0.0, 0.0, 0.0)
            held, boot = [], []
            for place in range(samples // 2):
                x = 20 + means[:, None] + random.normal(0, 1, (5, n))
                groups = {f"g{k}": v.tolist() for k, v in enumerate(x)}
                effects = [compare(groups, test=kind).omnibus.effect for kind in ("welch", "kruskal", "friedman")]
                held.append([isinstance(e, Effect) and holds(e.ci, t) for e, t in zip(effects, truth, strict=True)])
                if place < max(1, samples // 16):
                    again = np.take_along_axis(x[None], random.integers(0, n, (RESAMPLES, 5, n)), axis=2)
                    ranks = stats.rankdata(again.reshape(len(again), -1), axis=1)
                    deviations = ranks.reshape(again.shape).mean(axis=2) - (5 * n + 1) / 2
                    shares = n * (deviations**2).sum(axis=1) / (ranks.var(axis=1) * 5 * n)
                    low, high = np.quantile(shares, (0.025, 0.975))
                    boot.append(low <= truth[1] <= high)
            row(n, f"{step:g}", *np.mean(held, axis=0), np.mean(boot))


def models(samples: int) -> None:
    """Print the coverage of the geometric mean of ratios."""
    columns = ("models", "n", "spread between models", "over models", "over runs", "not chosen: two-level bootstrap")
    title("models", samples // 4, "Coverage in % of the geometric mean of ratios; runs spread by 3 %", *columns)
    for count in (3, 5, 12):
        for n in (5, 10):
            for between, skewed in ((0.0, False), (0.3, False), (0.3, True)):
                random = np.random.default_rng([5, count, n])
                held = []
                for _ in range(max(1, samples // 4)):
                    effects = between * (random.exponential(1, count) - 1) if skewed else random.normal(0, between, count)
                    a, b = (np.exp(shift + random.normal(0, 0.03, (count, n))) for shift in (effects[:, None], 0.0))
                    ratio = geometric_mean_ratio([(x.tolist(), y.tolist()) for x, y in zip(a, b, strict=True)])
                    chosen = random.integers(0, count, (RESAMPLES, count, 1))
                    first, second = (np.median(v[chosen, random.integers(0, n, (RESAMPLES, count, n))], axis=2) for v in (a, b))
                    low, high = np.quantile(np.log(first / second).mean(axis=1), (0.025, 0.975))
                    fixed = float(np.exp(effects.mean()))
                    held.append([holds(ratio.over_models, 1.0), holds(ratio.over_runs, fixed), bool(low <= 0 <= high)])
                row(count, n, f"{between:g}, skewed" if skewed else f"{between:g}", *np.mean(held, axis=0))


def paired(samples: int) -> None:
    """Print the coverage of the ratio in blocks."""
    columns = ("correlation of blocks", *(f"n={n}" for n in SIZES))
    title("blocks", samples // 4, "Coverage in % of the ratio in correlated blocks", *columns)
    for correlation in (0.0, 0.5, 0.9):
        rates = []
        for n in SIZES:
            random = np.random.default_rng([6, n])
            held = []
            for _ in range(max(1, samples // 4)):
                common, own = random.normal(0, 1, n), random.normal(0, 1, (2, n))
                x = np.exp(0.05 * (np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own))
                held.append(holds(compare({"a": x[0].tolist(), "b": x[1].tolist()}).pairs[0].ratio.ci, 1.0))
            rates.append(np.mean(held))
        row(f"{correlation:g}", *rates)


def whole_studies(samples: int) -> None:
    """Print false claims, simultaneous coverage and power of the blocked model in whole studies."""
    designs, count = simulated_studies.DESIGNS, max(2, samples // 4)
    columns = [f"n={n}, {counted(m, 'model')}" for m in simulated_studies.MODELS for n in simulated_studies.RUNS]
    title(
        "studies",
        count,
        "False claims of the blocked model in %: equal configurations rejected on any model",
        "design",
        *columns,
    )
    for name in designs:
        row(name, *(rate for m in simulated_studies.MODELS for rate in simulated_studies.false_claims(name, m, count)))
    columns = [f"{what}, n={n}" for what in ("all six intervals hold", "11 % is found") for n in simulated_studies.RUNS]
    title(
        "studies-coverage",
        samples,
        "Simultaneous coverage and power of the blocked model in %, four configurations",
        "design",
        *columns,
    )
    for name in designs:
        row(name, *simulated_studies.coverage_and_power(name, samples))


def ending_studies(samples: int) -> None:
    """Print false claims, coverage and cost of studies that end by themselves."""
    first, last, count = sequential_studies.FIRST, sequential_studies.LAST, 2 * samples
    kinds = ("when it ends", "at any look", "not chosen: looks that cost nothing")
    columns = [f"{kind}, {counted(m, 'model')}" for kind in kinds for m in simulated_studies.MODELS]
    text = f"False claims of studies that end by themselves in %: equal configurations rejected on any model, looks after each block from {first} to {last}"
    title("sequential", count, text, "design", *columns)
    for name in simulated_studies.DESIGNS:
        row(name, *sequential_studies.false_claims(name, count))
    columns = [
        "all six intervals hold when it ends",
        "blocks",
        f"ends before {last}",
        "fixed number for the same width",
        "blocks saved",
    ]
    text = "Simultaneous coverage in % of studies that end by themselves, and what they cost; configurations equal, 3 and 11 % apart"
    title("sequential-coverage", count, text, "design", *columns)
    for name in simulated_studies.DESIGNS:
        row(name, *sequential_studies.coverage_and_cost(name, count))


def orders(samples: int) -> None:
    """Print how often effects of the order of runs are found, with and without any."""
    count = max(2, samples // 6)
    columns = [f"{look}, {n} blocks" for look in simulated_orders.LOOKS for n in simulated_orders.BLOCKS]
    text = (
        f"Effects of the order that are found in %, {simulated_orders.CELLS} cells, five minutes a run, runs that vary by 2 %"
    )
    title("orders", count, text, "runs", *columns)
    for name in simulated_orders.DESIGNS:
        shares = [simulated_orders.found(name, n, count) for n in simulated_orders.BLOCKS]
        row(name, *(share for of_look in zip(*shares, strict=True) for share in of_look))


PARTS: tuple[Callable[[int], None], ...] = (
    type_one, whole_studies, ending_studies, type_one_gated, type_one_many, type_one_forced, alone, one_sample, two_samples, paired, omnibus, models,
    orders,
)  # fmt: skip


def main(samples: int | None = None, *, small: bool = False, parts: Sequence[str] = ()) -> int:
    """Print every table, or those of the named functions; return the number of samples."""
    samples = samples or (SMALL_SAMPLES if small else SAMPLES)
    TABLES.clear()
    with np.errstate(all="ignore"):
        for part in PARTS:
            if not parts or part.__name__ in parts:
                part(samples)
    return samples


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdigit()]
    drawn = main(*numbers[:1], parts=[argument for argument in sys.argv[1:] if argument.isidentifier()])
    if "--write" in sys.argv:
        write(drawn, TABLES)
