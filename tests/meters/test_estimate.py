"""Tests of the power model."""

from __future__ import annotations

import time

import psutil
import pytest

from greenreport.meters.estimate import Estimate
from greenreport.meters.procfs import Machine
from greenreport.record import Method, TraceKind
from greenreport.study import meter_use
from greenreport.study.meter_options import DEFAULT_IDLE_W, DEFAULT_MAX_W, EstimateUse

pytestmark = pytest.mark.alone


def test_the_model_is_declared_or_a_labelled_default() -> None:
    """Idle and full-load power come from the study, both or neither."""
    assert EstimateUse(name="estimate", idle_w=20, max_w=100).powers_w(8) == (20, 100)
    assert EstimateUse(name="estimate").powers_w(8) == (8 * DEFAULT_IDLE_W, 8 * DEFAULT_MAX_W)


def test_the_counter_follows_time_and_load() -> None:
    """Energy is idle power times time plus the rest times load, and is marked as an estimate."""
    idle = Estimate(meter_use(name="estimate", idle_w=50, max_w=50))
    (channel,) = idle.open()
    assert (channel.method, channel.kind, channel.domain) == (Method.ESTIMATED, TraceKind.COUNTER, "cpu")
    (first, second) = (idle.sample()[0], (time.sleep(0.2), idle.sample()[0])[1])
    assert second.value - first.value == pytest.approx(50 * (second.t_ns - first.t_ns) / 1e9, rel=0.01)


def test_a_busy_second_costs_what_the_model_says() -> None:
    """With no idle power, the counter is full power times the share of the CPUs that were busy."""
    meter = Estimate(meter_use(name="estimate", idle_w=0, max_w=100))
    machine = Machine()
    before = machine.busy_s()
    meter.open()
    after = machine.busy_s()  # other programs may have kept this one waiting
    while machine.busy_s() < after + 0.5:
        pass
    low = machine.busy_s() - after
    (value,) = meter.read()
    high = machine.busy_s() - before
    cpus = psutil.cpu_count() or 1
    assert value is not None
    assert 100 * (low - 0.05) / cpus <= value <= 100 * (high + 0.05) / cpus
