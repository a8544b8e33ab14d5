"""Checks on the meters: does each component have a usable energy trace, do two of them agree, was it measured at all?"""

from __future__ import annotations

import numpy as np

from greenreport import traces as tr
from greenreport.record import ENERGY_QUANTITIES, FlagCode, Mark, Method, Phase, Quantity, RunRecord, Trace, TraceKind
from greenreport.study import Study
from greenreport.validity.agreement import agreements
from greenreport.validity.window_checks import Faults

#: An energy meter with an interval of its own may be silent for this many of its intervals.
GAP_INTERVALS = 10


def _energy(record: RunRecord, study: Study) -> Faults:
    """Every component with an energy meter needs one trace that covers the window; a second meter may replace the first."""
    if (window := record.mark(Phase.WINDOW)) is None:
        return
    faults: dict[str, tuple[FlagCode, str] | None] = {}
    for trace in tr.by_preference(record.traces):
        fault = _fault(trace, window, study.validity.sampling_gap_s)
        if fault is None or trace.domain not in faults:
            faults[trace.domain] = fault
    yield from (fault for fault in faults.values() if fault is not None)


def _fault(trace: Trace, window: Mark, gap_s: float) -> tuple[FlagCode, str] | None:
    name = f"{trace.meter} {trace.domain}"
    unusable = tr.why_unusable(trace, window.start_ns, window.end_ns)
    if unusable is not None:
        return unusable.fault.flag, f"{name}: {unusable.detail}"
    limit = max(gap_s, GAP_INTERVALS * tr.usual_interval_s(trace))
    largest = tr.coverage(trace, window.start_ns, window.end_ns).largest_gap_s
    detail = f"{name}: {largest:.2f} s without a sample (at most {limit:.2f} s)"
    return (FlagCode.SAMPLING_GAP, detail) if largest > limit else None


def _in_step(record: RunRecord, study: Study) -> Faults:
    """Power that is read at equal times gives the energy of a component, while what repeats in step with them leaves no trace."""
    if (window := record.mark(Phase.WINDOW)) is None:
        return
    known: set[str] = set()
    for trace in tr.by_preference(record.traces):
        if trace.domain in known or tr.why_unusable(trace, window.start_ns, window.end_ns) is not None:
            continue
        known.add(trace.domain)
        accuracy = tr.known_accuracy(trace, record.environment, study.calibrations)
        momentary = trace.kind is TraceKind.GAUGE and accuracy is not None and not accuracy.averages
        if momentary and tr.evenly_spaced(trace, window.start_ns, window.end_ns):
            every = f"every {tr.usual_interval_s(trace) * 1e3:.0f} ms"
            yield FlagCode.SAMPLED_IN_STEP, f"{trace.meter} {trace.domain}: power was read {every}, always after the same time"


def _disagreement(record: RunRecord, study: Study) -> Faults:
    window = record.mark(Phase.WINDOW)
    for pair in agreements(record, window, study.calibrations) if window is not None else ():
        if abs(pair.difference) <= study.validity.meters_disagree and pair.explained:
            continue
        energies = f"{pair.first} {pair.first_j:.1f} J, {pair.second} {pair.second_j:.1f} J"
        allowed = "" if pair.allowed is None else f"; their uncertainties explain ±{pair.allowed:.1%}"
        yield FlagCode.METERS_DISAGREE, f"{pair.domain}: {energies} ({pair.difference:+.1%}{allowed})"


def _throttle(record: RunRecord, _: Study) -> Faults:
    window = record.mark(Phase.WINDOW)
    for trace in record.traces:
        if trace.quantity == Quantity.THROTTLE and window is not None:
            reasons = tr.values_inside(trace, window.start_ns, window.end_ns)
            if reasons.any():
                share = np.count_nonzero(reasons) / len(reasons)
                yield FlagCode.THROTTLED, f"{trace.domain} throttled in {share:.0%} of the window's samples"


def _estimated(record: RunRecord, _: Study) -> Faults:
    estimates = {t.domain for t in record.traces if t.quantity in ENERGY_QUANTITIES and t.method is Method.ESTIMATED}
    if estimates:
        domains = ", ".join(sorted(estimates))
        yield FlagCode.ESTIMATED_ENERGY, f"energy of {domains} comes from a power model, not from a meter"


METER_CHECKS = (_energy, _in_step, _disagreement, _throttle, _estimated)
