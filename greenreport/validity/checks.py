"""Checks on one record, each with a reason code of `codes.CODES`, and the verdict.

A fatal flag keeps the run, excludes it from tests, and makes it pending again. A flag that is not fatal is shown beside the
numbers. The checks look at what happened, never at whether the result is plausible. Thresholds are the study's (`validity:`);
they change no fingerprint, so finished runs are judged anew whenever they are analysed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from greenreport import traces as tr
from greenreport.catalog import Served
from greenreport.record import ENERGY_QUANTITIES, Domain, Flag, Mark, Method, Outcome, Phase, Quantity, RunRecord, Trace
from greenreport.study import Study, output_lengths
from greenreport.study.protocol import MOST_UNDER_WAY
from greenreport.validity.agreement import agreements
from greenreport.validity.foreign_processes import served, strangers
from greenreport.validity.quantisation import quantum
from greenreport.validity.reason_codes import CODES

#: Shortest window for an exact value, in seconds: ten refreshes of the counter and more.
SHORTEST_S = {"rapl": 1.0, "nvml": 5.0}
#: The kernel counts CPU time in steps of 10 ms; over half a second that is 2 % of a CPU.
SHORTEST_LOAD_S = 0.5
#: Meters whose samples follow the wall clock, or a recording of it: a step moves them against the marks of the run.
WALL_CLOCK_METERS = frozenset({"energibridge", "replay"})
#: A request of an open loop may be sent this late, or this share of the mean time between requests.
LATE_S, LATE_SHARE = 0.005, 0.1
CLIENT_SHARE = 0.8
#: An energy meter with an interval of its own may be silent for this many of them.
GAP_INTERVALS = 10


def judged(record: RunRecord, study: Study) -> RunRecord:
    """Return the record with its flags, and with the outcome that follows from them.

    Runs that ended in another way than by being measured (a crash, no memory, no GPU) are returned as they are.
    """
    measured = record.outcome is Outcome.OK or (record.outcome is Outcome.INVALID and record.mark(Phase.WINDOW) is not None)
    if not measured:
        return record
    flags = validity_flags(record, study)
    fatal = [flag.detail for flag in flags if flag.fatal]
    outcome = Outcome.INVALID if fatal else Outcome.OK
    return replace(record, flags=flags, outcome=outcome, reason="; ".join(fatal) or None)


def validity_flags(record: RunRecord, study: Study) -> tuple[Flag, ...]:
    """Return every flag of a run that was measured, in the order of the codes."""
    checks = (
        _phases,
        _steady,
        _load,
        _strangers,
        _clock,
        _window,
        _energy,
        _disagreement,
        _throttle,
        _quantised,
        _answers,
        _late,
        _client_busy,
        _preempted,
        _prompt_cached,
        _estimated,
    )
    found = [item for check in checks for item in check(record, study)]
    order = list(CODES)
    return tuple(
        Flag(code, detail, fatal=excludes(code, study)) for code, detail in sorted(found, key=lambda item: order.index(item[0]))
    )


def excludes(code: str, study: Study) -> bool:
    """Whether a flag excludes a run from the tests of a study."""
    rules = study.validity
    return code in rules.exclude or (CODES[code].fatal and code not in rules.admit)


Found = Iterator[tuple[str, str]]


def _phases(record: RunRecord, study: Study) -> Found:
    protocol = study.protocol
    loads = not ran_before(record)
    wanted = {Phase.START: True, Phase.LOAD: loads, Phase.WINDOW: True, Phase.WARMUP: protocol.warmup_requests > 0}
    wanted |= dict.fromkeys((Phase.IDLE_BEFORE, Phase.IDLE_AFTER), protocol.idle_baseline_s > 0)
    wanted[Phase.COOLDOWN] = protocol.cooldown.until != "none"
    for phase, needed in wanted.items():
        mark = record.mark(phase)
        if needed and mark is None:
            yield "phase_skipped", f"the phase {phase.value} did not happen"
        elif mark is not None and mark.planned_s is not None and mark.duration_s < 0.99 * mark.planned_s:
            yield "phase_skipped", f"{phase.value} lasted {mark.duration_s:.2f} s, {mark.planned_s:.2f} s were planned"


def ran_before(record: RunRecord) -> bool:
    """Whether the run used a server that ran before it and went on running."""
    return served(record) is Served.RUNNING


def _steady(record: RunRecord, study: Study) -> Found:  # noqa: ARG001 - one signature for all checks
    cooldown = record.mark(Phase.COOLDOWN)
    if cooldown is not None and (cooldown.note or "").startswith("not steady"):
        yield "unsteady_start", str(cooldown.note)


def _load(record: RunRecord, study: Study) -> Found:
    for phase in (Phase.IDLE_BEFORE, Phase.WINDOW, Phase.IDLE_AFTER):
        mark = record.mark(phase)
        share = None if mark is None else foreign_load(record, mark)
        if share is not None and share > study.validity.foreign_load:
            limit = study.validity.foreign_load
            yield (
                "foreign_load",
                f"other programs used {share:.1%} of all CPUs during {phase.value.replace('_', ' ')} (at most {limit:.0%})",
            )


def foreign_load(record: RunRecord, mark: Mark) -> float | None:
    """Return the share of all CPUs, 0 to 1, that neither the server nor greenreport used during a phase.

    Of a server that ran before and whose process is not known, the load cannot be told from that of others.
    """
    busy = _cpu_s(record, Domain.MACHINE, mark)
    if busy is None or mark.duration_s < SHORTEST_LOAD_S:
        return None
    if ran_before(record) and _cpu_s(record, Domain.SERVER, mark) is None:
        return None
    own = sum(_cpu_s(record, domain, mark) or 0.0 for domain in (Domain.SERVER, Domain.SAMPLER, Domain.CLIENT))
    return min(1.0, max(0.0, busy - own) / (mark.duration_s * record.environment.logical_cpus))


def _strangers(record: RunRecord, study: Study) -> Found:
    limit = study.validity.foreign_gpu_processes
    for seen in strangers(record):
        if seen.number > limit:
            many = "process of another program" if seen.number == 1 else "processes of other programs"
            yield "foreign_gpu_process", f"{seen.number} {many} on {', '.join(seen.gpus)} {seen.when} (at most {limit})"


def _cpu_s(record: RunRecord, domain: str, mark: Mark) -> float | None:
    trace = record.trace(domain, Quantity.CPU_TIME)
    return None if trace is None else tr.counter_growth(trace, mark.start_ns, mark.end_ns)


def _clock(record: RunRecord, study: Study) -> Found:
    """A step of the wall clock is a fault only for instruments that use it; all others keep the monotonic clock."""
    meters = sorted({t.meter for t in record.traces} & WALL_CLOCK_METERS)
    offsets = [tr.values_of(t) for t in record.traces if t.quantity == Quantity.CLOCK_OFFSET and len(t.value) > 1]
    step = max((float(np.ptp(values)) for values in offsets), default=0.0)
    if meters and step > study.validity.clock_step_s:
        yield "clock_step", f"the wall clock moved by {step:.2f} s during the run, and {', '.join(meters)} goes by it"


def _window(record: RunRecord, study: Study) -> Found:
    window = record.mark(Phase.WINDOW)
    if window is None:
        return
    for meter, shortest in SHORTEST_S.items():
        if any(t.meter == meter and t.quantity == Quantity.ENERGY for t in record.traces) and window.duration_s < shortest:
            yield (
                "window_too_short",
                f"the window is {window.duration_s:.2f} s long; {meter.upper()} needs {shortest:.0f} s or more",
            )
    if window.duration_s < study.validity.shortest_window_s:
        yield (
            "window_too_short",
            f"the window is {window.duration_s:.2f} s long; the study asks for {study.validity.shortest_window_s:g} s",
        )


def _energy(record: RunRecord, study: Study) -> Found:
    """Every component with an energy meter needs one trace that covers the window; a second meter may fill in for the first."""
    window = record.mark(Phase.WINDOW)
    if window is None:
        return
    first: dict[str, tuple[str, str] | None] = {}
    for trace in tr.by_preference(record.traces):
        trouble = _trouble(trace, window, study.validity.sampling_gap_s)
        if trouble is None or trace.domain not in first:
            first[trace.domain] = trouble
    yield from (trouble for trouble in first.values() if trouble is not None)


def _trouble(trace: Trace, window: Mark, gap_s: float) -> tuple[str, str] | None:
    unusable = tr.why_unusable(trace, window.start_ns, window.end_ns)
    name = f"{trace.meter} {trace.domain}"
    if unusable is not None:
        code = unusable.code if unusable.code in CODES else "sampling_gap"
        return code, f"{name}: {unusable.detail}"
    limit = max(gap_s, GAP_INTERVALS * tr.usual_interval_s(trace))
    largest = tr.coverage(trace, window.start_ns, window.end_ns).largest_gap_s
    return ("sampling_gap", f"{name}: {largest:.2f} s without a sample (at most {limit:.2f} s)") if largest > limit else None


def _disagreement(record: RunRecord, study: Study) -> Found:
    window = record.mark(Phase.WINDOW)
    for pair in agreements(record.traces, window) if window is not None else ():
        if abs(pair.difference) > study.validity.meters_disagree:
            yield (
                "meters_disagree",
                f"{pair.domain}: {pair.first} {pair.first_j:.1f} J, {pair.second} {pair.second_j:.1f} J ({pair.difference:+.0%})",
            )


def _throttle(record: RunRecord, study: Study) -> Found:  # noqa: ARG001 - one signature for all checks
    window = record.mark(Phase.WINDOW)
    for trace in record.traces:
        if trace.quantity == Quantity.THROTTLE and window is not None:
            inside = tr.values_inside(trace, window.start_ns, window.end_ns)
            if len(inside) and inside.any():
                yield (
                    "throttled",
                    f"{trace.domain} throttled in {np.count_nonzero(inside) / len(inside):.0%} of the window's samples",
                )


def _quantised(record: RunRecord, study: Study) -> Found:  # noqa: ARG001 - one signature for all checks
    usual = Counter(r.output_tokens for r in record.requests if r.error is None).most_common(1)
    alike = [r for r in record.requests if r.error is None and r.output_tokens == usual[0][0]] if usual else []
    gaps = [(r.token_ns[-1] - r.token_ns[0]) / 1e9 / (len(r.token_ns) - 1) for r in alike if len(r.token_ns) > 1]
    natural = float(np.median(gaps)) if gaps else None
    spans = dict.fromkeys((r.start_ns, r.end_ns) for r in alike)  # the prompts of one batch share one time
    found = quantum([(end - start) / 1e9 for start, end in spans], natural)
    if found is not None:
        multiples = ", ".join(f"{k}×" for k in found.multiples[:6])
        yield "latency_quantised", f"request times sit on {multiples} {found.period * 1e3:.0f} ms"


def _answers(record: RunRecord, study: Study) -> Found:
    generation = study.workload.generation
    configuration = next((c for c in study.configurations if f"{record.model}/{c.id}" == record.key), None)
    asked = (configuration.output_tokens if configuration is not None else None) or generation.output_tokens
    each = configuration.batch_size if configuration is not None else 1  # prompts that share a request ask for as many tokens
    lengths = output_lengths(asked, max((r.index // each for r in record.requests), default=-1) + 1)
    wrong = [r.index for r in record.requests if generation.exact and r.output_tokens != lengths[r.index // each]]
    if wrong and all(r.output_tokens is None for r in record.requests):
        how = ", at least not of streamed answers" if study.workload.stream else ""
        yield "token_count_mismatch", f"the server tells no token counts{how}, so nobody knows whether it did the same work"
    elif wrong:
        yield (
            "token_count_mismatch",
            f"{len(wrong)} of {len(record.requests)} answers do not have exactly {asked if isinstance(asked, int) else 'as many'} tokens"
            + ("" if isinstance(asked, int) else " as were asked for"),
        )
    model = record.model if record.facts is None or record.facts.model is None else record.facts.model
    others = {str(r.answered_by) for r in record.requests if r.answered_by != model}
    if others:
        yield "wrong_model", f"answers name the model {', '.join(sorted(others))}, not {model}"


def _late(record: RunRecord, study: Study) -> Found:  # noqa: ARG001 - one signature for all checks
    """An open loop whose client sends late offers another load than the study asks for."""
    trace = record.trace(Domain.CLIENT, Quantity.LATENESS)
    if trace is None or len(trace.value) < 2:
        return
    late = float(np.percentile(tr.values_of(trace), 99))
    gap = float(trace.t_ns[-1] - trace.t_ns[0]) / 1e9 / (len(trace.t_ns) - 1)
    if late > max(LATE_S, LATE_SHARE * gap):
        full = _waiting(record) > MOST_UNDER_WAY
        why = f"; {MOST_UNDER_WAY} were under way, the most the client sends before answers come" if full else ""
        yield (
            "late_requests",
            f"1 % of requests were sent {late * 1e3:.0f} ms late or later; one was due every {gap * 1e3:.0f} ms{why}",
        )


def _waiting(record: RunRecord) -> int:
    """Return the most requests that were due and not answered at the same time."""
    spans = sorted({(request.start_ns, request.end_ns) for request in record.requests})  # prompts of one batch share a request
    due, ended = np.array([start for start, _ in spans]), np.sort([end for _, end in spans])
    return int(np.max(np.arange(1, len(spans) + 1) - np.searchsorted(ended, due, side="right"), initial=0))


def _client_busy(record: RunRecord, study: Study) -> Found:  # noqa: ARG001 - one signature for all checks
    """The client is one process: near a whole CPU of its own, its answers wait for it."""
    window = record.mark(Phase.WINDOW)
    used = None if window is None or window.duration_s < SHORTEST_LOAD_S else _cpu_s(record, Domain.CLIENT, window)
    if window is not None and used is not None and used > CLIENT_SHARE * window.duration_s:
        yield "client_busy", f"the client took {used:.1f} s of CPU time in a window of {window.duration_s:.1f} s"


def _preempted(record: RunRecord, study: Study) -> Found:  # noqa: ARG001 - one signature for all checks
    """A server that runs out of room for the state of its requests goes on, and does part of its work twice."""
    times = _counted(record, Quantity.PREEMPTIONS)
    if times > 0:
        yield "preempted", f"the server took requests back {times:,.0f} times while the load lasted, for lack of room"


def _prompt_cached(record: RunRecord, study: Study) -> Found:  # noqa: ARG001 - one signature for all checks
    """A prompt that begins like an earlier one is computed in part; a server that goes on running has seen those of earlier runs."""
    tokens = _counted(record, Quantity.CACHED_TOKENS)
    asked = [request.prompt_tokens for request in record.requests]
    if tokens > 0:
        of = "" if None in asked else f" of {sum(filter(None, asked)):,}"
        yield "prompt_cached", f"the server took {tokens:,.0f}{of} tokens of prompts from its cache instead of computing them"


def _counted(record: RunRecord, quantity: str) -> float:
    """Return by how much a count of the server grew while the load lasted; 0 where it tells none."""
    trace = record.trace(Domain.SERVER, quantity)
    return 0.0 if trace is None or not len(trace.value) else trace.value[-1] - trace.value[0]


def _estimated(record: RunRecord, study: Study) -> Found:  # noqa: ARG001 - one signature for all checks
    estimated = sorted({t.domain for t in record.traces if t.quantity in ENERGY_QUANTITIES and t.method is Method.ESTIMATED})
    if estimated:
        yield "estimated_energy", f"energy of {', '.join(estimated)} comes from a power model, not from a meter"
