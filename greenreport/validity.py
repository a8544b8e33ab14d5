"""Is this run's measurement usable? Pure checks on a record, each with a reason code.

A fatal flag keeps the run, excludes it from tests, and makes it pending again. A flag that is not fatal is shown beside the
numbers. The checks look at what happened, never at whether the result is plausible.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from greenreport.record import Flag, Method, Phase, RunRecord, Trace
from greenreport.study import Study

RAPL_WINDOW_S = 1.0
NVML_WINDOW_S = 5.0
#: A gap longer than this many sampling intervals (and at least half a second) inside the window is a hole in the measurement.
GAP_INTERVALS = 10
MIN_GAP_S = 0.5


def validity_flags(record: RunRecord, study: Study) -> tuple[Flag, ...]:
    """Return every flag of a run that ended without an error."""
    return (
        *_phases(record, study),
        *_answers(record, study),
        *_sampling(record, study),
        *_window(record),
        *_estimated(record),
    )


def _phases(record: RunRecord, study: Study) -> Iterator[Flag]:
    protocol = study.protocol
    wanted = {Phase.START: True, Phase.LOAD: True, Phase.WINDOW: True, Phase.WARMUP: protocol.warmup_requests > 0}
    wanted |= dict.fromkeys((Phase.IDLE_BEFORE, Phase.IDLE_AFTER), protocol.idle_baseline_s > 0)
    wanted[Phase.COOLDOWN] = protocol.cooldown.until != "none"
    for phase, needed in wanted.items():
        mark = record.mark(phase)
        if needed and mark is None:
            yield Flag("phase_skipped", f"the phase {phase.value} did not happen", fatal=True)
        elif mark is not None and mark.planned_s is not None and mark.duration_s < 0.99 * mark.planned_s:
            detail = f"{phase.value} lasted {mark.duration_s:.2f} s, {mark.planned_s:.2f} s were planned"
            yield Flag("phase_skipped", detail, fatal=True)
    cooldown = record.mark(Phase.COOLDOWN)
    if cooldown is not None and (cooldown.note or "").startswith("not steady"):
        yield Flag("unsteady_start", str(cooldown.note))


def _answers(record: RunRecord, study: Study) -> Iterator[Flag]:
    generation = study.workload.generation
    wrong = [r.index for r in record.requests if generation.exact and r.output_tokens != generation.output_tokens]
    if wrong:
        detail = f"{len(wrong)} of {len(record.requests)} answers do not have exactly {generation.output_tokens} tokens"
        yield Flag("token_count_mismatch", detail, fatal=True)
    others = {str(r.answered_by) for r in record.requests if r.answered_by != record.model}
    if others:
        yield Flag("wrong_model", f"answers name the model {', '.join(sorted(others))}, not {record.model}", fatal=True)


def _sampling(record: RunRecord, study: Study) -> Iterator[Flag]:
    window = record.mark(Phase.WINDOW)
    if window is None:
        return
    limit = max(MIN_GAP_S, GAP_INTERVALS * study.protocol.sampling_interval_ms / 1e3)
    for trace in record.traces:
        if trace.quantity != "energy":
            continue
        gap = largest_gap_s(trace, window.start_ns, window.end_ns)
        if gap > limit:
            detail = f"{trace.meter} {trace.domain}: {gap:.2f} s without a sample in the window (at most {limit:.2f} s)"
            yield Flag("sampling_gap", detail, fatal=True)


def largest_gap_s(trace: Trace, start_ns: int, end_ns: int) -> float:
    """Return the longest time without a sample between two times, the edges included, in seconds."""
    before = [at for at in trace.t_ns if at <= start_ns][-1:]
    after = [at for at in trace.t_ns if at >= end_ns][:1]
    inside = [at for at in trace.t_ns if start_ns < at < end_ns]
    if not before or not after:
        return (end_ns - start_ns) / 1e9
    times = [max(before[0], start_ns), *inside, min(after[0], end_ns)]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    edges = [start_ns - before[0], after[0] - end_ns]
    return max(gaps + edges) / 1e9


def _window(record: RunRecord) -> Iterator[Flag]:
    window = record.mark(Phase.WINDOW)
    if window is None:
        return
    for meter, shortest in (("rapl", RAPL_WINDOW_S), ("nvml", NVML_WINDOW_S)):
        if any(t.meter == meter and t.quantity == "energy" for t in record.traces) and window.duration_s < shortest:
            detail = f"the window is {window.duration_s:.2f} s long; {meter.upper()} needs {shortest:.0f} s or more"
            yield Flag("window_too_short", detail)


def _estimated(record: RunRecord) -> Iterator[Flag]:
    estimated = sorted({t.domain for t in record.traces if t.quantity == "energy" and t.method is Method.ESTIMATED})
    if estimated:
        yield Flag("estimated_energy", f"energy of {', '.join(estimated)} comes from a power model, not from a meter")
