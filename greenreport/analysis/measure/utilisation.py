"""Utilisation over the window of a run: CPU and memory of machine and server, load and memory of GPUs."""

from __future__ import annotations

import numpy as np

from greenreport import traces as tr
from greenreport.analysis.measure.observation import UNRESOLVED, Observation
from greenreport.record import Domain, Mark, Method, MissingCode, Quantity, RunRecord, is_gpu

UNRESOLVED_CPU = f"{UNRESOLVED}: CPU time is counted in steps of {tr.CPU_TICK_S * 1e3:.0f} ms"


def why_not_this_machine(record: RunRecord) -> str | None:
    """Return the reason when no meter was read because the server may run on another machine."""
    return next((item.cause for item in record.missing if item.code is MissingCode.SERVER_ELSEWHERE), None)


def utilisation_observations(record: RunRecord, window: Mark) -> list[Observation]:
    """Return CPU usage and memory of the machine and of the server over the window, and CPU usage of the profiler."""
    start, end = window.start_ns, window.end_ns
    cpus, memory_b = record.environment.logical_cpus, record.environment.memory_b
    memory, rss = record.trace(Domain.MACHINE, Quantity.MEMORY), record.trace(Domain.SERVER, Quantity.RSS)
    used = None if memory is None else tr.gauge_mean(memory, start, end)
    unread = why_not_this_machine(record) or "the study lists no `utilisation` meter"
    reason = unread if record.trace(Domain.MACHINE, Quantity.CPU_TIME) is None else "the samples do not span the window"

    def observe(metric: str, value: float | None, boundary: str) -> Observation:
        return Observation(metric, value, boundary, Method.MEASURED, reason if value is None else None)

    percent_of_machine = 100.0 / (window.duration_s * cpus)

    def usage(
        metric: str, domain: Domain, boundary: str, least_s: float = tr.LEAST_CPU_S, scale: float = percent_of_machine
    ) -> Observation:
        trace = record.trace(domain, Quantity.CPU_TIME)
        spent_s = None if trace is None else tr.counter_growth(trace, start, end)
        if spent_s is not None and spent_s < least_s:
            return Observation(metric, None, boundary, Method.MEASURED, UNRESOLVED_CPU, True)
        most = 100.0 if scale == percent_of_machine else np.inf  # ticks round up to more than there was time for
        return observe(metric, None if spent_s is None else min(spent_s * scale, most), boundary)

    return [
        usage("cpu_usage_pct", Domain.MACHINE, "machine"),
        usage("process_cpu_pct", Domain.SERVER, "serving process tree"),
        usage("cpu_time_s", Domain.SERVER, "serving process tree", scale=1.0),
        usage("profiler_cpu_pct", Domain.SAMPLER, "sampling process", 0.0),  # the sampler reads its own clock, which is finer
        observe("ram_used_b", used, "machine"),
        observe("ram_usage_pct", None if used is None else 100.0 * used / memory_b, "machine"),
        observe("ram_rss_peak_b", None if rss is None else tr.gauge_peak(rss, start, end), "serving process tree"),
    ]


def gpu_observations(record: RunRecord, window: Mark) -> list[Observation]:
    """Return load and memory of the GPUs over the window: means over time, then mean load and total memory of all GPUs."""
    names = ("gpu_usage_pct", "gpu_memory_utilization_pct", "gpu_memory_used_b", "gpu_memory_used_pct")
    gpus = sorted({t.domain for t in record.traces if is_gpu(t.domain)})
    if not gpus:
        return [Observation(name, None, reason=why_not_this_machine(record) or "no GPU on this machine") for name in names]

    def means(quantity: Quantity) -> list[float]:
        traces = [trace for gpu in gpus if (trace := record.trace(gpu, quantity)) is not None]
        values = [tr.gauge_mean(trace, window.start_ns, window.end_ns) for trace in traces]
        return [value for value in values if value is not None]

    load, memory_load = means(Quantity.LOAD), means(Quantity.MEMORY_LOAD)
    memory, total = means(Quantity.MEMORY), sum(means(Quantity.MEMORY_TOTAL))
    values = (
        float(np.mean(load)) if load else None,
        float(np.mean(memory_load)) if memory_load else None,
        sum(memory) if memory else None,
        100.0 * sum(memory) / total if memory and total else None,
    )
    return [
        Observation(name, value, ", ".join(gpus), Method.MEASURED, "the GPU reports no such value" if value is None else None)
        for name, value in zip(names, values, strict=True)
    ]
