"""Checks on the phases of a run: did each happen, for long enough, and did the clock stay in step?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from greenreport import traces as tr
from greenreport.catalog import METERS
from greenreport.record import FlagCode, Phase, Quantity, RunRecord
from greenreport.study import Study
from greenreport.validity.foreign_gpu_processes import ran_before

#: What a check yields: reason codes with the sentence shown beside the run.
Faults = Iterator[tuple[FlagCode, str]]


def _phases(record: RunRecord, study: Study) -> Faults:
    protocol = study.protocol
    required = {
        Phase.COOLDOWN: protocol.cooldown.until != "none",
        Phase.START: True,
        Phase.LOAD: not ran_before(record),
        Phase.IDLE_BEFORE: protocol.idle_baseline_s > 0,
        Phase.WARMUP: protocol.warmup_requests > 0,
        Phase.WINDOW: True,
        Phase.IDLE_AFTER: protocol.idle_baseline_s > 0,
    }
    for phase, is_required in required.items():
        mark = record.mark(phase)
        if is_required and mark is None:
            yield FlagCode.PHASE_SKIPPED, f"the phase {phase.value} did not happen"
        elif mark is not None and mark.planned_s is not None and mark.duration_s < 0.99 * mark.planned_s:
            yield (FlagCode.PHASE_SKIPPED, f"{phase.value} lasted {mark.duration_s:.2f} s, {mark.planned_s:.2f} s were planned")


def _steady(record: RunRecord, _: Study) -> Faults:
    cooldown = record.mark(Phase.COOLDOWN)
    if cooldown is not None and cooldown.steady is False:
        yield FlagCode.UNSTEADY_START, cooldown.note or "the machine was not steady"


def _clock(record: RunRecord, study: Study) -> Faults:
    """A step of the wall clock matters only to instruments that go by it; all others use the monotonic clock."""
    meters = sorted({t.meter for t in record.traces if t.meter in METERS and METERS[t.meter].wall_clock})
    offsets = [tr.values_of(t) for t in record.traces if t.quantity == Quantity.CLOCK_OFFSET and len(t.value) > 1]
    step = max((float(np.ptp(values)) for values in offsets), default=0.0)
    if meters and step > study.validity.clock_step_s:
        yield (FlagCode.CLOCK_STEP, f"the wall clock moved by {step:.2f} s during the run, and {', '.join(meters)} goes by it")


def _length(record: RunRecord, study: Study) -> Faults:
    if (window := record.mark(Phase.WINDOW)) is None:
        return
    length = f"the window is {window.duration_s:.2f} s long"
    counted = {trace.meter for trace in record.traces if trace.quantity == Quantity.ENERGY}
    for name, meter in METERS.items():
        if name in counted and window.duration_s < meter.shortest_window_s:
            yield FlagCode.WINDOW_TOO_SHORT, f"{length}; {name.upper()} needs {meter.shortest_window_s:.0f} s or more"
    if window.duration_s < study.validity.shortest_window_s:
        yield FlagCode.WINDOW_TOO_SHORT, f"{length}; the study asks for {study.validity.shortest_window_s:g} s"


WINDOW_CHECKS = (_phases, _steady, _clock, _length)
