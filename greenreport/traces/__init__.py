"""Arithmetic on traces: unwrap counters, interpolate at window edges, integrate power, average gauges.

Everything the meters record is raw; every joule on the site is computed here, so a corrected formula needs a rebuild, not a
re-run. Times are nanoseconds, values are in the trace's unit; results are SI. Every function is total: a number that cannot be
known is None, and `why_unusable` says why.
"""

from greenreport.traces.joules import (
    by_preference,
    counter_growth,
    energy,
    energy_over,
    energy_within,
    power_samples,
    summed_power,
)
from greenreport.traces.samples import (
    CPU_TICK_S,
    LEAST_CPU_S,
    SHORTEST_STEP_S,
    Coverage,
    Floats,
    Ints,
    Unusable,
    coverage,
    gauge_error,
    gauge_integral,
    gauge_mean,
    gauge_peak,
    times_of,
    unwrap,
    usual_interval_s,
    values_inside,
    values_of,
)
from greenreport.traces.usable import why_unusable

__all__ = [
    "CPU_TICK_S",
    "LEAST_CPU_S",
    "SHORTEST_STEP_S",
    "Coverage",
    "Floats",
    "Ints",
    "Unusable",
    "by_preference",
    "counter_growth",
    "coverage",
    "energy",
    "energy_over",
    "energy_within",
    "gauge_error",
    "gauge_integral",
    "gauge_mean",
    "gauge_peak",
    "power_samples",
    "summed_power",
    "times_of",
    "unwrap",
    "usual_interval_s",
    "values_inside",
    "values_of",
    "why_unusable",
]
