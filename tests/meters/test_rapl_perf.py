"""Tests of RAPL through perf events: a fake /sys, counters in files, and the real system call with an event that every kernel has."""

from __future__ import annotations

import errno
import os
import platform
import struct
from pathlib import Path

import pytest

from greenreport.errors import MeterUnavailable
from greenreport.meters import rapl_perf
from greenreport.meters.rapl_perf import REMEDY_PERMISSION, ROOT_VARIABLE, RaplPerf
from greenreport.study import meter_use

SCALE = "2.3283064365386962890625e-10"


@pytest.fixture
def unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the event unit of a machine with two packages, whose counters stand in files named by event and CPU."""
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    folder = tmp_path / "bus/event_source/devices/power"
    (folder / "events").mkdir(parents=True)
    (folder / "type").write_text("9\n")
    (folder / "cpumask").write_text("0,18\n")
    for name, number in (("energy-pkg", 2), ("energy-ram", 3), ("energy-psys", 5), ("energy-cores", 1)):
        (folder / f"events/{name}").write_text(f"event=0x{number:02x}\n")
        (folder / f"events/{name}.scale").write_text(f"{SCALE}\n")
        (folder / f"events/{name}.unit").write_text("Joules\n")
    for cpu, package in ((0, 0), (18, 1)):
        topology = tmp_path / f"devices/system/cpu/cpu{cpu}/topology"
        topology.mkdir(parents=True)
        (topology / "physical_package_id").write_text(f"{package}\n")

    def opened(kind: int, config: int, cpu: int) -> int:
        assert kind == 9
        file = tmp_path / f"counter-{config}-{cpu}"
        file.write_bytes(struct.pack("=Q", round((config * 100 + cpu) / float(SCALE))))
        return os.open(file, os.O_RDONLY)

    monkeypatch.setattr(rapl_perf, "open_event", opened)
    return folder


def test_packages_memory_and_platform(unit: Path) -> None:
    """Each package and its memory is read in joules, the platform once, cores not at all; an ended counter is a gap that is told."""
    meter = RaplPerf(meter_use("rapl_perf"))
    domains = [channel.domain for channel in meter.open()]
    assert dict(zip(domains, meter.read(), strict=True)) == {
        "package-0": pytest.approx(200), "package-1": pytest.approx(218), "dram-0": pytest.approx(300), "dram-1": pytest.approx(318),
        "platform": pytest.approx(500),
    }  # fmt: skip
    assert meter.read() == [None] * 5  # the files hold one value each
    assert len(meter.notes()) == 5
    meter.close()


def test_closed_missing_and_ambiguous_events_are_told_apart(unit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without permission the remedy is the setting of the kernel; dies of one package, hostile files and an absent unit are refused."""

    def refused(*_: int) -> int:
        raise OSError(errno.EACCES, "")

    monkeypatch.setattr(rapl_perf, "open_event", refused)
    with pytest.raises(MeterUnavailable) as closed:
        RaplPerf(meter_use("rapl_perf")).open()
    assert closed.value.remedy == REMEDY_PERMISSION
    other = unit.parents[3] / "devices/system/cpu/cpu18/topology/physical_package_id"
    other.write_text("0\n")
    with pytest.raises(MeterUnavailable, match="several dies of one package"):
        RaplPerf(meter_use("rapl_perf")).open()
    other.write_text("1\n")
    for name, content in (("energy-pkg.scale", "nan"), ("energy-pkg.scale", "-1"), ("energy-pkg", "event=0x2,umask=1")):
        (unit / "events" / name).write_text(content)
        with pytest.raises(MeterUnavailable, match=r"not open|no energy event of CPU packages"):
            RaplPerf(meter_use("rapl_perf")).open()
    (unit / "cpumask").write_text("all\n")
    with pytest.raises(MeterUnavailable, match="no energy events in"):
        RaplPerf(meter_use("rapl_perf")).open()


@pytest.mark.skipif(platform.machine() not in rapl_perf.PERF_EVENT_OPEN, reason="RAPL exists on x86 only")
def test_the_system_call_is_made_as_the_kernel_wants_it() -> None:
    """The software event "CPU clock" opens and counts nanoseconds, or the kernel names the permission that lacks, not a bad argument."""
    refusal, file = 0, -1
    try:
        file = rapl_perf.open_event(1, 0, 0)
    except OSError as error:
        refusal = error.errno or 0
    assert refusal in (0, errno.EACCES, errno.EPERM, errno.ENOSYS)
    if refusal:
        pytest.skip("this user may not open perf events")
    first, second = (struct.unpack("=Q", os.read(file, 8))[0] for _ in range(2))
    os.close(file)
    assert second > first
