"""Two instruments on one component, compared over the same window."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from greenreport import traces as tr
from greenreport.record import Mark, Method, Trace, TraceKind


@dataclass(frozen=True, slots=True)
class Agreement:
    """Energy of one component over one window by two instruments, in joules; `first` is the one the site uses."""

    domain: str
    first: str
    first_j: float
    second: str
    second_j: float

    @property
    def difference(self) -> float:
        """Second minus first, as a share of their mean; 0 when both are 0."""
        mean = (self.first_j + self.second_j) / 2
        return (self.second_j - self.first_j) / mean if mean else 0.0


def agreements(traces: Sequence[Trace], window: Mark) -> tuple[Agreement, ...]:
    """Return every pair of instruments that both measured the energy of one component over the window."""
    by_domain: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for trace in tr.by_preference(traces):
        joules = tr.energy(trace, window.start_ns, window.end_ns) if trace.method is Method.MEASURED else None
        if joules is not None:
            how = "energy counter" if trace.kind is TraceKind.COUNTER else "integrated power"
            by_domain[trace.domain].append((f"{trace.meter} {how}", joules))
    return tuple(
        Agreement(domain, *first, *second)
        for domain, energies in sorted(by_domain.items())
        for first, second in combinations(energies, 2)
    )
