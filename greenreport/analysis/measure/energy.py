"""Energy of the components of a run between two times, its uncertainty, and the boundary they make together.

The boundary is every component that was measured: CPU packages, memory, GPUs. It needs the component the work ran on: without a
CPU meter a CPU configuration has no energy, whatever the idle GPU drew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from greenreport import traces as tr
from greenreport.catalog import PROVIDER_INFO, Accuracy
from greenreport.record import Domain, Mark, Method, Phase, Quantity, RunRecord, Trace, is_cpu, is_gpu, is_memory, overlap

#: By the name of the meter, as the study declares them.
Calibrations = Mapping[str, Accuracy]


@dataclass(frozen=True, slots=True)
class Component:
    """Energy of one domain over a window."""

    domain: str
    joules: float
    method: Method
    meter: str


def energy_traces(record: RunRecord, start_ns: int, end_ns: int) -> list[Trace]:
    """Return the traces that give joules over the window, one for each physical domain.

    Where several read the same silicon (`overlap`), the first by `traces.by_preference` counts: measured before estimated,
    counters before power, then the order of the catalog. The others are for comparison only and never added.
    """
    best: dict[str, Trace] = {}
    for trace in tr.by_preference(record.traces):
        if not any(overlap(trace.domain, domain) for domain in best) and tr.why_unusable(trace, start_ns, end_ns) is None:
            best[trace.domain] = trace
    return [best[domain] for domain in sorted(best)]


def components(record: RunRecord, start_ns: int, end_ns: int) -> tuple[Component, ...]:
    """Return the energy of each component domain between two times; domains that cannot be computed are left out."""
    return tuple(
        Component(trace.domain, joules, trace.method, trace.meter)
        for trace in energy_traces(record, start_ns, end_ns)
        if (joules := tr.energy(trace, start_ns, end_ns)) is not None
    )


def boundary_of(parts: tuple[Component, ...]) -> str:
    """Return the boundary in words: "CPU package-0 + DRAM dram-0 + GPU gpu-0", estimates named as such."""
    names = []
    for component in sorted(parts, key=lambda c: (not is_cpu(c.domain), c.domain)):
        kind = "CPU" if is_cpu(component.domain) else "GPU" if is_gpu(component.domain) else "DRAM"
        text = kind if component.domain == Domain.CPU else f"{kind} {component.domain}"
        names.append(text + (" (power model)" if component.method is Method.ESTIMATED else ""))
    return " + ".join(names)


def does_the_work(record: RunRecord, domain: str) -> bool:
    """Whether a domain belongs to the component that does the work of a run."""
    info = PROVIDER_INFO.get(record.provider)
    return is_cpu(domain) if info is not None and info.in_package else is_gpu(domain)


def boundary_components(record: RunRecord, start_ns: int, end_ns: int) -> tuple[Component, ...]:
    """Return the components of the boundary, or () when the component the work runs on is not among them."""
    kinds = (is_cpu, is_memory, is_gpu)
    parts = tuple(c for c in components(record, start_ns, end_ns) if any(kind(c.domain) for kind in kinds))
    return parts if any(does_the_work(record, c.domain) for c in parts) else ()


def below_resolution(record: RunRecord, parts: Sequence[Component], start_ns: int, end_ns: int) -> bool:
    """Whether an instrument cannot tell the energy of a component from zero, or the load of the CPU that an estimate is made of.

    Args:
        parts: energies of components between the two times.
    """
    if any(component.joules <= 0 for component in parts):
        return True
    if not parts or method_of(parts) is Method.MEASURED:
        return False
    busy = record.trace(Domain.MACHINE, Quantity.CPU_TIME)
    grown = None if busy is None else tr.counter_growth(busy, start_ns, end_ns)
    # The power model keeps no record of the load it saw; where nobody else does, a time shorter than a tick shows none.
    return (end_ns - start_ns) / 1e9 < tr.CPU_TICK_S if grown is None else grown < tr.LEAST_CPU_S


def traces_of(parts: Sequence[Component], record: RunRecord, start_ns: int, end_ns: int) -> list[Trace]:
    """Return the traces that gave the energy of these components between two times."""
    domains = {component.domain for component in parts}
    return [trace for trace in energy_traces(record, start_ns, end_ns) if trace.domain in domains]


def method_of(parts: Iterable[Component | Trace]) -> Method:
    """Return how the energy of several parts together is known: an estimate in one of them makes it one."""
    return Method.ESTIMATED if any(part.method is Method.ESTIMATED for part in parts) else Method.MEASURED


def idle_power(record: RunRecord, parts: Sequence[Component]) -> tuple[float | None, str]:
    """Return mean power in W over the run's idle baselines, before and after the window together, or None with the reason.

    The baselines need the boundary of the window, read by the same meters: what only one of them holds would be taken for load.

    Args:
        parts: the components of the window.
    """
    joules = seconds = 0.0
    for mark in map(record.mark, (Phase.IDLE_BEFORE, Phase.IDLE_AFTER)):
        if mark is not None:
            idle = boundary_components(record, mark.start_ns, mark.end_ns)
            only_one = {(c.domain, c.meter) for c in idle} ^ {(c.domain, c.meter) for c in parts}
            if only_one:
                return None, f"the idle baseline has another boundary: {', '.join(sorted(domain for domain, _ in only_one))}"
            joules += sum(c.joules for c in idle)
            seconds += mark.duration_s
    return (joules / seconds, "") if seconds > 0 else (None, "no idle baseline")


def energy_budget(
    record: RunRecord, traces: Sequence[Trace], spans: Sequence[tuple[int, int]], calibrations: Calibrations
) -> tr.Budget | None:
    """Return the budget of an energy over spans of time in joules, or None where a meter's accuracy is not known.

    Args:
        traces: those that gave the energy.
        spans: starts and ends in ns.
    """
    known = [(trace, tr.known_accuracy(trace, record.environment, calibrations)) for trace in traces]
    contributions = [
        tr.contribution(trace, spans, accuracy, tr.power_beside(trace, record.traces))
        for trace, accuracy in known
        if accuracy is not None
    ]
    return tr.combined(contributions) if contributions and len(contributions) == len(known) else None


def idle_budget(record: RunRecord, parts: Sequence[Component], calibrations: Calibrations) -> tuple[tr.Budget | None, float]:
    """Return the budget of the energy of both idle baselines together in joules, and how long they are in s.

    Args:
        parts: the components of the window, which those of the baselines equal.
    """
    marks = [mark for mark in map(record.mark, (Phase.IDLE_BEFORE, Phase.IDLE_AFTER)) if mark is not None]
    budgets = [mark_budget(record, parts, mark, calibrations) for mark in marks]
    known = [budget for budget in budgets if budget is not None]
    whole = tr.combined(c for budget in known for c in budget.contributions) if len(known) == len(marks) else None
    return whole, sum(mark.duration_s for mark in marks)


def mark_budget(record: RunRecord, parts: Sequence[Component], mark: Mark, calibrations: Calibrations) -> tr.Budget | None:
    """Return the budget of the energy of some components over a phase in joules, or None where it is not known."""
    span = (mark.start_ns, mark.end_ns)
    return energy_budget(record, traces_of(parts, record, *span), [span], calibrations)
