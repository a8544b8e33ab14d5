"""Tests of the RAPL meter on a fake powercap tree."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from greenreport.errors import MeterUnavailable
from greenreport.meters.base import SPREAD
from greenreport.meters.rapl import REMEDY_ABSENT, REMEDY_READ, ROOT_VARIABLE, Rapl
from greenreport.study import meter_use
from tests.meters.conftest import Powercap


def opened(**options: object) -> tuple[Rapl, dict[str, float | None]]:
    """Return an open meter and what it reads, by domain."""
    meter = Rapl(meter_use(name="rapl", **options))  # type: ignore[arg-type]
    channels = meter.open()
    assert {(c.quantity, c.unit) for c in channels} == {("energy", "J")}
    return meter, dict(zip([c.domain for c in channels], meter.read(), strict=True))


def test_two_sockets_with_memory_and_platform(powercap: Powercap) -> None:
    """Every package and its memory are read; core and uncore are parts of a package; psys is the platform."""
    for socket in (0, 1):
        powercap.zone(f"intel-rapl:{socket}", f"package-{socket}", 100 + socket)
        powercap.zone(f"intel-rapl:{socket}:0", "core", 1)
        powercap.zone(f"intel-rapl:{socket}:1", "dram", 10 + socket)
    powercap.zone("intel-rapl:2", "psys", 500)
    _, values = opened()
    assert values == {"package-0": 100, "package-1": 101, "dram-0": 10, "dram-1": 11, "platform": 500}


def test_a_copy_over_mmio_is_read_only_when_the_first_cannot_be(powercap: Powercap) -> None:
    """The MMIO copy of a package is no second package; it stands in where the other has no readable file."""
    powercap.zone("intel-rapl-mmio:0", "package-0", 99)
    first = powercap.zone("intel-rapl:0", "package-0", 100)
    assert opened()[1] == {"package-0": 100}
    (first / "energy_uj").unlink()
    (first / "energy_uj").symlink_to(first / "nowhere")
    assert opened()[1] == {"package-0": 99}


def test_dies_that_repeat_their_package_or_each_other(powercap: Powercap) -> None:
    """A die whose package is there, and a die that shows another's counter, are left out; different dies are both read."""
    powercap.zone("intel-rapl:0", "package-0", 100)
    powercap.zone("intel-rapl:1", "package-0-die-0", 60)
    powercap.zone("intel-rapl:2", "package-1-die-0", 7000)
    powercap.zone("intel-rapl:3", "package-1-die-1", 7000.2)
    powercap.zone("intel-rapl:4", "package-2-die-0", 7000)
    powercap.zone("intel-rapl:5", "package-2-die-1", 8000)
    assert set(opened()[1]) == {"package-0", "package-1-die-0", "package-2-die-0", "package-2-die-1"}


def test_memory_of_dies(powercap: Powercap) -> None:
    """Memory belongs to the die that has it."""
    for die in (0, 1):
        powercap.zone(f"intel-rapl:{die}", f"package-0-die-{die}", 1000 * die)
        powercap.zone(f"intel-rapl:{die}:0", "dram", die)
    assert {"dram-0-die-0", "dram-0-die-1"} < set(opened()[1])


def test_a_package_alone_is_enough(powercap: Powercap) -> None:
    """AMD has no memory domain: there is no channel for it, not a zero."""
    powercap.zone("intel-rapl:0", "package-0", 5)
    powercap.zone("intel-rapl:0:0", "core", 1)
    assert opened()[1] == {"package-0": 5}


@contextmanager
def as_a_user() -> Iterator[None]:
    """Be nobody for a while, for tests that run as root; folders up to the tree are opened to everybody."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.fixture
def open_powercap(monkeypatch: pytest.MonkeyPatch) -> Iterator[Powercap]:
    """Return an empty powercap folder that every user may look into, as the real one."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        monkeypatch.setenv(ROOT_VARIABLE, folder)
        yield Powercap(Path(folder))


def test_counters_for_root_only(open_powercap: Powercap) -> None:
    """Without the right to read, the meter says so and names the command; half of a machine is no boundary either."""
    open_powercap.zone("intel-rapl:0", "package-0")
    (open_powercap.zone("intel-rapl:1", "package-1") / "energy_uj").chmod(0)
    with as_a_user(), pytest.raises(MeterUnavailable) as caught:
        opened()
    assert caught.value.cause == "RAPL counters are readable by root only"
    assert caught.value.remedy == REMEDY_READ


def test_memory_for_root_only(open_powercap: Powercap) -> None:
    """A memory domain that cannot be opened is left out and said; the packages are read."""
    open_powercap.zone("intel-rapl:0", "package-0", 4)
    (open_powercap.zone("intel-rapl:0:0", "dram") / "energy_uj").chmod(0)
    with as_a_user():
        meter, values = opened()
    assert values == {"package-0": 4}
    assert meter.notes() == (
        ("the RAPL counter of dram-0 cannot be opened (permission denied), so it is not read", REMEDY_READ),
    )


def test_a_package_that_shows_no_number(powercap: Powercap) -> None:
    """A package whose counter cannot be read from the start is an error, not an empty trace."""
    powercap.zone("intel-rapl:0", "package-0")
    (powercap.zone("intel-rapl:1", "package-1") / "energy_uj").write_text("")
    with pytest.raises(MeterUnavailable, match="the RAPL counter of package-1 cannot be read"):
        opened()


def test_no_rapl_at_all(powercap: Powercap) -> None:
    """An empty folder and a missing one say what may help."""
    with pytest.raises(MeterUnavailable) as caught:
        opened()
    assert caught.value.cause == f"this machine shows no RAPL package in {powercap.root}"
    assert caught.value.remedy == REMEDY_ABSENT
    powercap.root.rmdir()
    with pytest.raises(MeterUnavailable):
        opened()


def test_a_counter_that_vanishes_or_turns_to_rubbish(powercap: Powercap) -> None:
    """A value that cannot be read is a gap, said once; it counts again when it is back."""
    powercap.zone("intel-rapl:0", "package-0", 1)
    powercap.zone("intel-rapl:1", "package-1", 2)
    meter, _ = opened()
    for content in ("", "rubbish\n", "12 34\n"):
        (powercap.root / "intel-rapl:1" / "energy_uj").write_text(content)
        assert meter.read() == [1, None]
    powercap.set("intel-rapl:1", 3)
    assert meter.read() == [1, 3]
    assert meter.notes() == (("the RAPL counter of package-1 could not be read at times", ""),)


def test_an_unknown_wrap_is_no_zero(powercap: Powercap) -> None:
    """Where the range cannot be read, the trace says that the wrap is unknown [codecarbon#1309]."""
    zone = powercap.zone("intel-rapl:0", "package-0", 1)
    for content in ("", "many", "0"):
        (zone / "max_energy_range_uj").write_text(content)
        meter = Rapl(meter_use(name="rapl"))
        assert meter.open()[0].wrap_at is None
        assert "max_energy_range_uj of package-0 cannot be read" in meter.notes()[0][0]


def test_an_interval_that_is_too_long_for_the_counter(powercap: Powercap) -> None:
    """A counter that could wrap twice between samples is read more often, and that is said."""
    powercap.zone("intel-rapl:0", "package-0", 1, wrap_j=4000)
    meter, _ = opened(interval_ms=10_000)
    assert meter.interval_s(0.1) * SPREAD[1] == pytest.approx(2.0)  # at 1 kW, half the range between two samples at most
    assert meter.notes()[0][0] == "sampled every 1.33 s instead of 10 s, because a counter wraps at 4000 J"
    meter, _ = opened()
    assert meter.interval_s(0.1) == 0.1
    assert not meter.notes()
