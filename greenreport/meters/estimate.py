"""CPU energy from a declared power model: power = idle + (max − idle) · load.

The value is an estimate and is marked as one wherever it goes. It is recorded as a counter built from the machine's CPU time,
so it does not depend on the sampling interval. Without `idle_w` and `max_w` in the study, a default from the number of CPUs is
used and named as such: 2 W idle and 10 W at full load for each logical CPU, the order of magnitude of server processors.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import psutil

from greenreport.meters.base import Channel, Meter
from greenreport.meters.procfs import Machine
from greenreport.record import Domain, Method, Quantity, TraceKind
from greenreport.study.meter_options import EstimateUse


class Estimate(Meter):
    """Adds up estimated energy since `open`."""

    use: EstimateUse

    def __init__(self, use: EstimateUse) -> None:
        super().__init__(use)
        self.cpus = psutil.cpu_count() or 1
        self.idle_w, self.max_w = use.powers_w(self.cpus)
        self.machine = Machine()
        self.start_s = 0.0
        self.start_busy_s = 0.0

    def open(self) -> tuple[Channel, ...]:
        self.start_s, self.start_busy_s = time.monotonic(), self.machine.busy_s()
        return (Channel(Domain.CPU, Quantity.ENERGY, TraceKind.COUNTER, "J", Method.ESTIMATED),)

    def read(self) -> Sequence[float | None]:
        elapsed = time.monotonic() - self.start_s
        busy = self.machine.busy_s() - self.start_busy_s
        return [self.idle_w * elapsed + (self.max_w - self.idle_w) * busy / self.cpus]

    def close(self) -> None:
        self.machine.close()
