"""Statistics of runs: description, comparison, aggregation. Values in, values out; nothing raises on numbers.

::

    describe(runs)                    one sample: median and mean with intervals
    screen(runs, policy)              outliers set aside by a declared rule
    compare({name: runs})             assumptions, omnibus, pairs, effect sizes, verdicts, letters
    over_family([comparison, …])      Holm over all models × pairs of a hypothesis
    best_set(comparison, better)      the best group and those indistinguishable from it
    ratio_of_medians, geometric_mean_ratio    ratios behind claims, over one model and over several
    pareto({name: (runs, runs)}, …)   trade-offs, with the probability of every membership
    saturation(loads, [runs, …], epsilon)      the load from which more load gains nothing
    detectable_effect                 the smallest difference a number of runs can show
"""

from greenreport.analysis.stats.best import best_set
from greenreport.analysis.stats.compare import compare, over_family
from greenreport.analysis.stats.describe import Description, describe
from greenreport.analysis.stats.outliers import screen
from greenreport.analysis.stats.pareto import ParetoFront, ParetoPoint, pareto
from greenreport.analysis.stats.power import detectable_effect
from greenreport.analysis.stats.ratios import geometric_mean_ratio, ratio_of_medians
from greenreport.analysis.stats.results import Effect, Group, GroupTest, Pair, PairVerdict, Ratio
from greenreport.analysis.stats.samples import Interval, NotComputable, reach
from greenreport.analysis.stats.saturation import Saturation, gain_per_doubling, plateau, saturation
from greenreport.analysis.stats.studentized_range import studentized_range_sf

__all__ = [
    "Description", "Effect", "Group", "GroupTest", "Interval", "NotComputable", "Pair", "PairVerdict", "ParetoFront", "ParetoPoint",
    "Ratio", "Saturation", "best_set", "compare", "describe", "detectable_effect", "gain_per_doubling", "geometric_mean_ratio",
    "over_family", "pareto", "plateau", "ratio_of_medians", "reach", "saturation", "screen", "studentized_range_sf",
]  # fmt: skip
