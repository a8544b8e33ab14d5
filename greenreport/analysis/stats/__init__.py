"""Statistics of runs: description, comparison, aggregation. Values in, values out; nothing raises on numbers.

::

    describe(runs)                    one sample: median and mean with intervals
    screen(runs, policy)              outliers set aside by a declared rule
    compare({name: runs})             pairs within blocks, omnibus, effect sizes, verdicts, letters
    over_models([comparison, …])      Holm over the models and hypotheses of a question
    with_robustness(comparison, …)    the other tests beside the one that decides
    best_set(comparison, better)      the best group and those that may be it (Hsu)
    blocked_pair, geometric_mean_ratio        ratios behind claims, on one model and over several
    estimate(method, runs, runs)      a ratio by another method than the blocked model
    mean_of_ratios                    the same over models of ratios that are known
    pareto({name: (runs, runs)}, …)   trade-offs, with the probability of every membership
    saturation(loads, [runs, …], epsilon)      the load from which more load gains nothing
    detectable_effect                 the smallest difference a number of runs can show
"""

from greenreport.analysis.stats.best import best_set
from greenreport.analysis.stats.blocked import blocked_pair, smallest_step
from greenreport.analysis.stats.compare import compare, over_models, with_robustness
from greenreport.analysis.stats.describe import Description, describe
from greenreport.analysis.stats.outliers import screen
from greenreport.analysis.stats.pareto import ParetoFront, ParetoPoint, pareto
from greenreport.analysis.stats.power import detectable_effect
from greenreport.analysis.stats.ratio_methods import RatioMethod, estimate
from greenreport.analysis.stats.ratios import (
    RANDOM_FROM,
    GeometricMean,
    geometric_mean_ratio,
    mean_of_ratios,
    ratio_of_geometric_means,
)
from greenreport.analysis.stats.results import Effect, Group, GroupTest, Pair, PairVerdict, Ratio, Robustness
from greenreport.analysis.stats.samples import FEWEST_RUNS, Interval, NotComputable, reach
from greenreport.analysis.stats.saturation import Saturation, gain_per_doubling, plateau, saturation
from greenreport.analysis.stats.sequential import Interim
from greenreport.analysis.stats.studentized_range import studentized_range_sf

__all__ = [
    "FEWEST_RUNS", "RANDOM_FROM", "Description", "Effect", "GeometricMean", "Group", "GroupTest", "Interim", "Interval", "NotComputable", "Pair", "PairVerdict", "ParetoFront",
    "ParetoPoint", "Ratio", "RatioMethod", "Robustness", "Saturation", "best_set", "blocked_pair", "compare", "describe", "detectable_effect", "estimate", "gain_per_doubling",
    "geometric_mean_ratio", "mean_of_ratios", "over_models", "pareto", "plateau", "ratio_of_geometric_means", "reach", "saturation", "screen", "smallest_step",
    "studentized_range_sf", "with_robustness",
]  # fmt: skip
