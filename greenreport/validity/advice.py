"""Traits of a machine that make results less exact, what they mean, and the remedy. Nothing is ever changed silently."""

from __future__ import annotations

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
    nodes = host.numa_nodes or 1
    traits = (
        (host.virtualisation, "virtualisation",
         f"{host.virtualisation}: other guests share the hardware, and power sensors are usually hidden", "measure on a physical machine for energy"),
        (host.governor not in (None, "performance"), "governor",
         f"CPU governor {host.governor}: clocks follow the load, so short windows vary more", "sudo cpupower frequency-set -g performance"),
        (host.turbo, "turbo", "turbo is on: clocks depend on heat, so early runs may be faster than late ones",
         "echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo (Intel)"),
        (host.smt, "SMT", "SMT is on: two threads share a core, so CPU load above one half means less than it says",
         "echo off | sudo tee /sys/devices/system/cpu/smt/control"),
        (host.swap_b, "swap", "swap is on: a model that does not fit gets slow instead of failing", "sudo swapoff -a"),
        (nodes > 1, "NUMA", f"{nodes} NUMA nodes: memory may be near or far, and differ between runs",
         "numactl --cpunodebind=0 --membind=0 greenreport run …"),
    )  # fmt: skip
    return tuple(Advice(*texts) for applies, *texts in traits if applies)
