"""Arithmetic on traces: undo counter wraps, interpolate at the edges of windows, integrate power, average gauges.

Everything the meters record is raw; every joule on the site is computed here, so a corrected formula needs a rebuild, not a
re-run. Times are nanoseconds, values are in the trace's unit; results are SI. Every function is total: a number that cannot be
known is None, and `why_unusable` says why.
"""

from greenreport.traces.counters import counter_growth, unwrap
from greenreport.traces.integration import by_preference, energy, energy_over, energy_within, power_samples, summed_power
from greenreport.traces.samples import (
    CPU_TICK_S,
    LEAST_CPU_S,
    SHORTEST_STEP_S,
    Coverage,
    Floats,
    Ints,
    Unusable,
    around,
    coverage,
    evenly_spaced,
    gauge_error,
    gauge_integral,
    gauge_mean,
    gauge_peak,
    times_of,
    usual_interval_s,
    values_inside,
    values_of,
)
from greenreport.traces.uncertainty import (
    COVERAGE_FACTOR,
    Budget,
    Contribution,
    combined,
    contribution,
    known_accuracy,
    power_beside,
    ratio_uncertainty,
)
from greenreport.traces.usability import why_unusable

__all__ = [
    "COVERAGE_FACTOR", "CPU_TICK_S", "LEAST_CPU_S", "SHORTEST_STEP_S", "Budget", "Contribution", "Coverage", "Floats", "Ints", "Unusable", "around", "by_preference",
    "combined", "contribution", "counter_growth", "coverage", "energy", "energy_over", "energy_within", "evenly_spaced", "gauge_error",
    "gauge_integral", "gauge_mean", "gauge_peak", "known_accuracy", "power_beside", "power_samples", "ratio_uncertainty",
    "summed_power", "times_of", "unwrap", "usual_interval_s", "values_inside", "values_of", "why_unusable",
]  # fmt: skip
