"""Samples of one channel: what was observed, in which unit, and whether it was measured.

A channel is a domain and a quantity. Every name of either is listed here and nowhere else.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from enum import StrEnum


class Method(StrEnum):
    """Whether a number was read from an instrument or derived from a model."""

    MEASURED = "measured"
    ESTIMATED = "estimated"


class TraceKind(StrEnum):
    """A counter grows (energy); a gauge is a momentary value (power, load, memory)."""

    COUNTER = "counter"
    GAUGE = "gauge"


class Domain(StrEnum):
    """Observed things of which there is one; packages, memory and GPUs are numbered (see `is_cpu` and its neighbours)."""

    MACHINE = "machine"
    PLATFORM = "platform"  # RAPL's psys: the packages and more, so it is never added to them
    CPU = "cpu"  # all packages together, in a power model
    SERVER = "server"  # the serving process tree, or what the server reports about itself
    CLIENT = "client"
    SAMPLER = "sampler"


class Quantity(StrEnum):
    """Observed quantities, in SI units unless noted."""

    ENERGY = "energy"
    POWER = "power"
    POWER_AVERAGE = "power_average"  # averaged by the instrument, so no energy is computed from it
    ENERGY_REGISTER = "energy_register"  # too coarse for a window of seconds
    LOAD = "load"  # %
    MEMORY = "memory"
    MEMORY_TOTAL = "memory_total"
    MEMORY_LOAD = "memory_load"  # % of time in which memory is read or written
    TEMPERATURE = "temperature"  # °C
    CLOCK = "clock"
    THROTTLE = "throttle"  # bits, one for each reason
    PROCESSES = "processes"  # that compute on a GPU
    OWN_PROCESSES = "own_processes"  # those of the serving process tree among them
    CPU_TIME = "cpu_time"
    RSS = "rss"
    PSS = "pss"
    CLOCK_OFFSET = "clock_offset"  # of the wall clock against the monotonic clock
    FIRST_REQUEST = "first_request"
    LATENESS = "lateness"
    RETRIES = "retries"
    PREEMPTIONS = "preemptions"  # requests that a server took back for lack of room
    CACHED_TOKENS = "cached_tokens"  # of prompts, taken from a cache instead of being computed
    REQUESTS_RUNNING = "requests_running"
    REQUESTS_WAITING = "requests_waiting"  # in the queue of a server
    CACHE_USE = "cache_use"  # share of the room for keys and values that is taken, 0 to 1


#: Quantities that energy is computed from.
ENERGY_QUANTITIES = frozenset({Quantity.ENERGY, Quantity.POWER})


class ServerStage(StrEnum):
    """What a server does for a request, in that order; each of its answers may tell how long it took."""

    QUEUE = "queue"
    TOKENISE = "tokenise"
    INFER = "infer"
    DETOKENISE = "detokenise"
    SERIALISE = "serialise"


def span_of(stage: str) -> str:
    """Return the quantity that holds how long requests spent in a stage of the server, in seconds."""
    return f"{stage}_span"


def is_cpu(domain: str) -> bool:
    """Whether a domain is a CPU package (``package-0``, ``package-0-die-1``) or the CPU of a power model."""
    return domain.startswith((Domain.CPU, "package"))


def is_memory(domain: str) -> bool:
    """Whether a domain is the memory of a package (``dram-0``)."""
    return domain.startswith("dram")


def is_gpu(domain: str) -> bool:
    """Whether a domain is a GPU (``gpu-0``)."""
    return domain.startswith("gpu")


def overlap(first: str, second: str) -> bool:
    """Whether two domains hold the same silicon: all packages and one of them, a package (``package-0``) and one of its dies."""
    if Domain.CPU in (first, second):
        return is_cpu(first) and is_cpu(second)
    return first == second or f"{first}-".startswith(f"{second}-") or f"{second}-".startswith(f"{first}-")


@dataclass(frozen=True, slots=True)
class Trace:
    """Samples of one channel of one meter.

    Attributes:
        domain: a `Domain`, or a numbered component such as ``package-0``, ``dram-0`` or ``gpu-0``.
        quantity: a `Quantity`, or a span of a stage (`span_of`).
        wrap_at: value at which a counter starts again from 0, in `unit`.
        t_ns: sample times, array('q'); value: array('d') of the same length; NaN is never stored.
    """

    meter: str
    domain: str
    quantity: str
    kind: TraceKind
    unit: str
    method: Method
    t_ns: array[int]
    value: array[float]
    wrap_at: float | None = None
