"""From a run record to observations: one value for each metric of `catalog.METRICS`, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType

import numpy as np

from greenreport import traces as tr
from greenreport.analysis.measure.answer_quality import answer_observations
from greenreport.analysis.measure.energy import (
    Calibrations,
    Component,
    below_resolution,
    boundary_components,
    boundary_of,
    components,
    does_the_work,
    energy_budget,
    idle_budget,
    idle_power,
    mark_budget,
    method_of,
    traces_of,
)
from greenreport.analysis.measure.latency import (
    cold_start,
    first_request,
    inside,
    served_well,
    stage_observations,
    time_observations,
)
from greenreport.analysis.measure.observation import UNRESOLVED, Observation
from greenreport.analysis.measure.utilisation import (
    UNRESOLVED_CPU,
    gpu_observations,
    utilisation_observations,
    why_not_this_machine,
)
from greenreport.catalog import METERS, METRICS, PROVIDER_INFO, load_target
from greenreport.record import Domain, Mark, Method, Outcome, Phase, RunRecord, Trace, TraceKind, is_cpu, is_gpu, is_memory
from greenreport.study import Objective, Quality

#: What may be zero or less: shares and rates of counted requests, and a difference. Everything else is read from an instrument or
#: a clock, where zero means "too small to be seen".
MAY_BE_ZERO = frozenset(
    {
        "served_well_pct",
        "goodput_requests_per_s",
        "throughput_requests_per_s",
        "error_pct",
        "energy_net_j",
        "solved_pct",
        "wrong_energy_pct",
    }
)
#: Net energy below zero by no more than this share of the energy may be noise of the idle baseline.
NOISE = 0.02


@dataclass(frozen=True, slots=True)
class PhaseRow:
    """A phase of a run: length, energy of the boundary, mean power."""

    mark: Mark
    energy_j: float | None
    power_w: float | None


def observations(
    record: RunRecord,
    objective: Objective | None = None,
    calibrations: Calibrations = MappingProxyType({}),
    quality: Quality | None = None,
) -> tuple[Observation, ...]:
    """Return one observation per metric; () for a run without a window.

    Args:
        objective: the study's latency objective, for goodput.
        calibrations: declared in the study, by the name of the meter.
        quality: how the study judges answers.
    """
    window = record.mark(Phase.WINDOW)
    if window is None or record.outcome not in (Outcome.OK, Outcome.INVALID, Outcome.UNFAITHFUL):
        return ()
    energies = _energy(record, window, objective, calibrations)
    energy = next((observation for observation in energies if observation.metric == "energy_j"), None)
    groups = (
        energies,
        _stages(record, window, calibrations),
        time_observations(record, window, objective),
        utilisation_observations(record, window),
        gpu_observations(record, window),
        stage_observations(record),
        answer_observations(record, window, quality, energy, calibrations),
        (Observation("accuracy_pct", None, reason="only results of other tools have it"),),
    )
    added = [load_target(info.target)(record) for info in METRICS.values() if info.target]
    observed = {observation.metric: _resolved(observation) for group in (*groups, added) for observation in group}
    return tuple(observed.get(name, Observation(name, None, reason="not recorded")) for name in METRICS)


def _resolved(observation: Observation) -> Observation:
    """Return the observation, without its value where that is zero only because the instrument sees nothing smaller."""
    if observation.value is None or observation.value > 0 or observation.metric in MAY_BE_ZERO:
        return observation
    return replace(observation, value=None, reason=UNRESOLVED, below_resolution=True)


def _energy(record: RunRecord, window: Mark, objective: Objective | None, calibrations: Calibrations) -> list[Observation]:
    parts = boundary_components(record, window.start_ns, window.end_ns)
    if not parts:
        reason = _why_no_energy(record, window)
        return [Observation(name, None, reason=reason) for name, info in METRICS.items() if info.of_energy]
    boundary, method = boundary_of(parts), method_of(parts)
    if below_resolution(record, parts, window.start_ns, window.end_ns):
        reason = UNRESOLVED_CPU if method is Method.ESTIMATED else UNRESOLVED
        return [Observation(name, None, boundary, method, reason, True) for name, info in METRICS.items() if info.of_energy]
    total = sum(c.joules for c in parts)
    content = inside(record.requests, window)
    requests, tokens = len(content.completed), content.tokens
    good = None if objective is None else served_well(content.sent, objective)
    idle, why_no_idle = idle_power(record, parts)
    net = None if idle is None else total - idle * window.duration_s
    if net is not None and net < -NOISE * total:
        net, why_no_idle = None, "the machine drew more power idle than in the window"

    budget, (of_idle, idle_s) = mark_budget(record, parts, window, calibrations), idle_budget(record, parts, calibrations)
    both = (budget, of_idle) if budget is not None and of_idle is not None and idle is not None else None

    def observe(metric: str, value: float | None, reason: str | None = None, uncertain: tr.Budget | None = None) -> Observation:
        return Observation(metric, value, boundary, method, reason if value is None else None, budget=uncertain)

    def share(metric: str, value: float | None, reason: str | None = None) -> Observation:
        """What is computed from the energy has its relative uncertainty."""
        return observe(metric, value, reason, None if budget is None or value is None else budget.times(value / total))

    return [
        share("energy_j", total),
        observe("energy_net_j", net, why_no_idle, both and both[0].minus(both[1], window.duration_s / idle_s)),
        share("j_per_request", total / requests if requests else None, "no request"),
        share("j_per_output_token", total / tokens if tokens else None, "the server tells no token counts"),
        share("requests_per_kj", requests / total * 1e3, "no energy"),
        share("tokens_per_j", tokens / total if tokens else None, "no energy or no token counts"),
        share("j_per_good_request", total / good if good else None, _why_no_good(objective, good)),
        observe("cold_start_energy_j", *_cold_start_energy(record, calibrations)),
        observe("first_request_energy_j", *_first_request_energy(record, calibrations)),
        share("energy_delay_js", total * window.duration_s),
        share("power_mean_w", total / window.duration_s),
        observe("idle_power_w", idle, why_no_idle, both and both[1].times(1 / idle_s)),
        *_power_spread(record, window, parts, observe),
        *_per_domain(record, window, calibrations),
    ]


def _why_no_good(objective: Objective | None, good: int | None) -> str:
    if objective is None:
        return "the study declares no latency objective"
    return "a time the objective bounds is not known" if good is None else "no request keeps the objective"


def _cold_start_energy(record: RunRecord, calibrations: Calibrations) -> tuple[float | None, str, tr.Budget | None]:
    cold = cold_start(record)
    parts = () if cold is None else boundary_components(record, cold.start_ns, cold.end_ns)
    if cold is None or not parts or below_resolution(record, parts, cold.start_ns, cold.end_ns):
        return None, "no cold start" if cold is None else "no energy over the cold start", None
    return sum(component.joules for component in parts), "", mark_budget(record, parts, cold, calibrations)


def _first_request_energy(record: RunRecord, calibrations: Calibrations) -> tuple[float | None, str, tr.Budget | None]:
    """Return the energy of the first request where it lasts long enough for the instruments to tell it from what was before."""
    first = first_request(record)
    if first is None:
        return None, "no time of a first request", None
    parts = boundary_components(record, first.start_ns, first.end_ns)
    if not parts or below_resolution(record, parts, first.start_ns, first.end_ns):
        return None, f"no energy over the first request, which lasts {first.duration_s * 1e3:.0f} ms", None
    traces = traces_of(parts, record, first.start_ns, first.end_ns)
    if first.duration_s < 2 * max(tr.usual_interval_s(trace) for trace in traces):
        return None, too_short(first.duration_s), None
    return sum(component.joules for component in parts), "", mark_budget(record, parts, first, calibrations)


def too_short(seconds: float) -> str:
    """Return why a time has no energy of its own."""
    return f"it lasts {seconds * 1e3:.0f} ms, less than two samples; a shorter sampling interval tells more"


def _stages(record: RunRecord, window: Mark, calibrations: Calibrations) -> list[Observation]:
    """Energy of prefill and of decode, where they last long enough for the instruments to tell them apart."""
    traces = traces_of(boundary_components(record, window.start_ns, window.end_ns), record, window.start_ns, window.end_ns)
    timed = [r for r in record.requests if r.token_ns and r.server_start_ns]
    # The prompts of one batch share their times: each span of time counts once.
    prefill = list(dict.fromkeys((r.server_start_ns or 0, r.token_ns[0]) for r in timed))
    decode = list(dict.fromkeys((r.token_ns[0], r.token_ns[-1]) for r in timed if len(r.token_ns) > 1))
    if any(later[0] < earlier[1] for earlier, later in pairwise(sorted(prefill + decode))):
        reason = "requests overlap, so energy of a time cannot be given to one of them"
        return [Observation(metric, None, reason=reason) for metric in ("prefill_energy_j", "decode_energy_j")]
    stages = ((_stage("prefill_energy_j", prefill, traces), prefill), (_stage("decode_energy_j", decode, traces), decode))
    return [
        stage if stage.value is None else replace(stage, budget=energy_budget(record, traces, spans, calibrations))
        for stage, spans in stages
    ]


def _stage(metric: str, spans: list[tuple[int, int]], traces: list[Trace]) -> Observation:
    if not traces:
        return Observation(metric, None, reason="no energy over the window")
    if not spans:
        return Observation(metric, None, reason="the server tells no token times")
    typical_s = float(np.median([end - start for start, end in spans])) / 1e9
    if typical_s < 2 * max(tr.usual_interval_s(trace) for trace in traces):
        return Observation(metric, None, reason=too_short(typical_s))
    parts = [tr.energy_over(trace, spans) for trace in traces]
    method = method_of(traces)
    boundary = boundary_of(tuple(Component(t.domain, 0.0, t.method, t.meter) for t in traces))
    energies = [part for part in parts if part is not None]
    if len(energies) < len(parts):
        return Observation(metric, None, boundary, method, "the energy cannot be computed over the window")
    return Observation(metric, sum(energies), boundary, method)


def _per_domain(record: RunRecord, window: Mark, calibrations: Calibrations) -> Iterator[Observation]:
    parts = components(record, window.start_ns, window.end_ns)
    for metric, belongs, absent in (
        ("cpu_energy_j", is_cpu, "no CPU energy meter on this machine"),
        ("dram_energy_j", is_memory, "this machine has no memory energy domain"),
        ("gpu_energy_j", is_gpu, "no GPU on this machine"),
        ("machine_energy_j", lambda domain: domain in (Domain.PLATFORM, Domain.MACHINE), "no wall meter or platform domain"),
    ):
        own = tuple(c for c in parts if belongs(c.domain))
        if not own:
            yield Observation(metric, None, reason=absent)
            continue
        joules, boundary = sum(c.joules for c in own), ", ".join(c.domain for c in own)
        yield Observation(metric, joules, boundary, method_of(own), budget=mark_budget(record, own, window, calibrations))


def _power_spread(
    record: RunRecord, window: Mark, parts: tuple[Component, ...], observe: Callable[[str, float | None, str], Observation]
) -> list[Observation]:
    """p95 and peak of the power of all domains together."""
    traces = traces_of(parts, record, window.start_ns, window.end_ns)
    alone = traces[0] if len(traces) == 1 else None
    if alone is not None and alone.kind is TraceKind.GAUGE:
        total = tr.power_samples(alone, window.start_ns, window.end_ns)
    else:
        total = tr.summed_power(traces, window.start_ns, window.end_ns)
    if len(total) < 5:
        return [observe(m, None, "fewer than 5 power samples in the window") for m in ("power_p95_w", "power_peak_w")]
    return [observe("power_p95_w", float(np.percentile(total, 95)), ""), observe("power_peak_w", float(total.max()), "")]


def _why_no_energy(record: RunRecord, window: Mark) -> str:
    if (unread := why_not_this_machine(record)) is not None:
        return unread
    wanted = PROVIDER_INFO[record.provider].meter if record.provider in PROVIDER_INFO else "nvml"
    for trace in tr.by_preference(record.traces):
        trouble = tr.why_unusable(trace, window.start_ns, window.end_ns) if does_the_work(record, trace.domain) else None
        if trouble is not None:
            return f"{trace.meter} {trace.domain}: {trouble.detail}"
    for missing in record.missing:
        if missing.meter == wanted:
            return f"not measured on this machine: {missing.cause}"
    return f"the study lists no meter for it ({METERS[wanted].label})"


def phase_rows(record: RunRecord) -> tuple[PhaseRow, ...]:
    """Return every phase of a run with its energy and mean power, in order of time."""
    rows = []
    for mark in sorted(record.marks, key=lambda mark: mark.start_ns):
        parts = boundary_components(record, mark.start_ns, mark.end_ns)
        seen = parts and not below_resolution(record, parts, mark.start_ns, mark.end_ns)
        joules = sum(c.joules for c in parts) if seen else None
        power = joules / mark.duration_s if joules is not None and mark.duration_s > 0 else None
        rows.append(PhaseRow(mark, joules, power))
    return tuple(rows)
