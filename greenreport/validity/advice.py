"""What about a machine makes results less exact, what it means, and what would mend it. Nothing is ever changed silently."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from greenreport.record import Environment


@dataclass(frozen=True, slots=True)
class Advice:
    """One trait of a machine.

    Attributes:
        found: the trait and its meaning for the results, as one sentence without a full stop.
        remedy: command or action.
    """

    name: str
    found: str
    remedy: str


def advice(host: Environment) -> tuple[Advice, ...]:
    """Return what should be known of a machine before its numbers are believed."""
    return tuple(_advice(host))


def _advice(host: Environment) -> Iterator[Advice]:
    if host.virtualisation:
        found = f"{host.virtualisation}: other guests share the hardware, and power sensors are usually hidden"
        yield Advice("virtualisation", found, "measure on a physical machine for energy")
    if host.governor not in (None, "performance"):
        found = f"CPU governor {host.governor}: clocks follow the load, so short windows vary more"
        yield Advice("governor", found, "sudo cpupower frequency-set -g performance")
    if host.turbo:
        found = "turbo is on: clocks depend on heat, so early runs may be faster than late ones"
        yield Advice("turbo", found, "echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo (Intel)")
    if host.smt:
        found = "SMT is on: two threads share a core, so CPU load above one half means less than it says"
        yield Advice("SMT", found, "echo off | sudo tee /sys/devices/system/cpu/smt/control")
    if host.swap_b:
        found = "swap is on: a model that does not fit gets slow instead of failing"
        yield Advice("swap", found, "sudo swapoff -a")
    if host.numa_nodes is not None and host.numa_nodes > 1:
        found = f"{host.numa_nodes} NUMA nodes: memory may be near or far, and differ between runs"
        yield Advice("NUMA", found, "numactl --cpunodebind=0 --membind=0 greenreport run …")
