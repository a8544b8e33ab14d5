"""Traces whose true energy is known: whether it lies within the uncertainty that is computed, or the trace is refused with a reason.

``python -m benchmarks known_traces`` prints the table of docs/instruments.md. Errors of scale and zero are set to none: they are not in a
trace. Samples come as the sampler takes them, every 97 ms on average; seeded, so that the same number of traces gives the same figures.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from greenreport import traces as tr
from greenreport.catalog import Accuracy
from greenreport.meters.base import SPREAD
from greenreport.record import Method, Trace, TraceKind

TRACES = 400
INTERVAL_S = 0.097
WRAP_J = 262_143.328850
#: An instrument whose only errors are those that a trace shows.
IDEAL = Accuracy("", "", 0.0, 0.0, 0.0, 0.001, "none but what the trace shows")
#: Energy in J since 0, at times in s.
Energy = Callable[[tr.Floats], tr.Floats]


@dataclass(frozen=True, slots=True)
class KnownTrace:
    """A trace, its true energy, and the window in s that is asked for."""

    trace: Trace
    energy: Energy
    start_s: float
    end_s: float

    def error(self) -> float | None:
        """Return the error of the energy as a share of its expanded uncertainty; None where the trace is refused."""
        span = (int(self.start_s * 1e9), int(self.end_s * 1e9))
        joules = tr.energy(self.trace, *span)
        if joules is None:
            return None
        start_j, end_j = self.energy(np.array([self.start_s, self.end_s]))
        uncertainty = tr.combined([tr.contribution(self.trace, [span], IDEAL)]).expanded
        return float(abs(joules - (end_j - start_j)) / uncertainty)


def times(random: np.random.Generator, end_s: float) -> tr.Floats:
    """Return sample times in s from 0 to past the end."""
    steps = random.uniform(*SPREAD, int(1.3 * end_s / INTERVAL_S) + 20)
    return np.concatenate(([0.0], np.cumsum(INTERVAL_S * steps)))


def periodic(period_s: float, base_w: float, more_w: float, share: float) -> Energy:
    """Return the energy of a load with `more_w` on top in the first part of each period."""

    def energy(at: tr.Floats) -> tr.Floats:
        whole, part = np.divmod(at, period_s)
        return np.asarray(base_w * at + more_w * (share * period_s * whole + np.minimum(part, share * period_s)))

    return energy


def power(energy: Energy, at: tr.Floats) -> tr.Floats:
    """Return the momentary power of a signal in W."""
    return (energy(at + 1e-6) - energy(at)) / 1e-6


def trace(at: tr.Floats, values: tr.Floats, kind: TraceKind, wrap_at: float | None = None) -> Trace:
    """Return a trace of a package's energy (a counter) or of a GPU's power (a gauge)."""
    counter = kind is TraceKind.COUNTER
    meter, domain, quantity, unit = ("rapl", "package-0", "energy", "J") if counter else ("nvml", "gpu-0", "power", "W")
    t_ns = array("q", np.round(at * 1e9).astype(np.int64).tolist())
    return Trace(meter, domain, quantity, kind, unit, Method.MEASURED, t_ns, array("d", values.tolist()), wrap_at)


BURSTS, LEVELS = periodic(INTERVAL_S, 40, 275, 0.2), periodic(7, 100, 200, 0.5)


def wrapped(random: np.random.Generator) -> KnownTrace:
    """Return a counter that wraps anywhere in its window, with bursts between samples and no sample at the edges."""
    at = times(random, 12)
    values = (WRAP_J - random.uniform(0, 1_100) + BURSTS(at)) % WRAP_J
    return KnownTrace(trace(at, values, TraceKind.COUNTER, WRAP_J), BURSTS, 1.03, 11.02)


def holed(random: np.random.Generator, kind: TraceKind) -> KnownTrace:
    """Return a trace without samples for 0.1 to 3 s: a counter of bursts, or a power of two levels."""
    at, begin, length = times(random, 42), random.uniform(0, 38), random.uniform(0.1, 3)
    at = at[(at < begin) | (at > begin + length)]
    energy = BURSTS if kind is TraceKind.COUNTER else LEVELS
    return KnownTrace(trace(at, energy(at) if kind is TraceKind.COUNTER else power(energy, at), kind), energy, 2, 40)


def stuck_counter(random: np.random.Generator) -> KnownTrace:
    """Return a counter that stands still for 0.3 to 4 s under load and loses what it did not count."""
    at, still_s = times(random, 24), random.uniform(0.3, 4)
    counted = np.minimum(at, 8) + np.maximum(at - 8 - still_s, 0)
    return KnownTrace(trace(at, 100 * counted, TraceKind.COUNTER), lambda t: 100 * t, 1, 22)


def stuck_power(random: np.random.Generator) -> KnownTrace:
    """Return a noisy power that keeps its value of the idle machine for 0.3 to 4 s under load."""
    at, still_s = times(random, 24), random.uniform(0.3, 4)
    noisy = np.where(at < 2, 40.0, 100.0) + random.normal(0, 0.5, len(at))
    held = np.where((at > 2) & (at < 2 + still_s), 40.1, noisy)
    return KnownTrace(trace(at, held, TraceKind.GAUGE), lambda t: 40 * t + 60 * np.maximum(t - 2, 0), 1, 22)


def in_step(random: np.random.Generator, seconds: float, part: int = 1) -> KnownTrace:
    """Return a power with bursts at the sampler's interval or a part of it, over a window of this length."""
    at, energy = times(random, seconds + 4), periodic(INTERVAL_S / part, 40, 275, 0.2)
    return KnownTrace(trace(at, power(energy, at), TraceKind.GAUGE), energy, 2, 2 + seconds)


CASES: dict[str, Callable[[np.random.Generator], KnownTrace]] = {
    "counter with bursts that wraps anywhere": wrapped,
    "counter with bursts, a hole of 0.1 to 3 s anywhere": lambda random: holed(random, TraceKind.COUNTER),
    "power of two levels, a hole of 0.1 to 3 s anywhere": lambda random: holed(random, TraceKind.GAUGE),
    "counter that stands still for 0.3 to 4 s and loses what it did not count": stuck_counter,
    "power that keeps its idle value for 0.3 to 4 s under load": stuck_power,
    "power with bursts in step with the sampler, 20 s": lambda random: in_step(random, 20),
    "the same, 60 s": lambda random: in_step(random, 60),
    "the same, 120 s": lambda random: in_step(random, 120),
    "three bursts in each interval of the sampler, 120 s": lambda random: in_step(random, 120, 3),
}


def errors(name: str, count: int) -> list[float | None]:
    """Return the errors of some traces of a case as shares of their uncertainties; None where a trace is refused."""
    random = np.random.default_rng([7, list(CASES).index(name)])
    return [CASES[name](random).error() for _ in range(count)]


def table(count: int) -> str:
    """Return the table of the documentation."""
    rows = [f"| trace ({count} of each) | refused, with the reason | of the others, truth within ± U |", "|---|---|---|"]
    for name in CASES:
        found = errors(name, count)
        usable = [error for error in found if error is not None]
        within = f"{100 * np.mean([error <= 1 for error in usable]):.1f} %" if usable else "–"
        rows.append(f"| {name} | {count - len(usable)} | {within} |")
    return "\n".join(rows)


def main(*, small: bool = False) -> None:
    """Print the table."""
    print(table(10 if small else TRACES))
