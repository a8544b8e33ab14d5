"""Tests of the replay meter."""

from __future__ import annotations

import json
import time
from array import array
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from greenreport.errors import MeterUnavailable
from greenreport.meters.base import Sample
from greenreport.meters.replay import FORMAT, Replay
from greenreport.record import Method, Trace, TraceKind
from greenreport.study import MeterUse, meter_use
from greenreport.traces import energy

S = 10**9
COUNTER: dict[str, Any] = {
    "domain": "package-0", "quantity": "energy", "kind": "counter", "unit": "J", "method": "estimated", "wrap_at": 100,
    "t_s": [0, 0.1, 0.2], "value": [80, 95, 10],
}  # fmt: skip


def recording(folder: Path, *channels: dict[str, Any], **more: Any) -> MeterUse:
    """Write a recording and return the use of it."""
    file = folder / "recording.json"
    file.write_text(json.dumps({"greenreport": FORMAT, "channels": channels, **more}))
    return meter_use(name="replay", path=str(file))


def played(meter: Replay, until: int) -> list[Sample]:
    """Return what a meter gives out until there are so many samples."""
    found: list[Sample] = []
    while len(found) < until:
        found += meter.sample()
        time.sleep(0.01)
    return found


def test_a_recording_is_played_in_real_time(tmp_path: Path) -> None:
    """Every sample comes once, when its time has come, at its place on the clock; the method stays as recorded."""
    meter = Replay(recording(tmp_path, COUNTER))
    (channel,) = meter.open()
    assert (channel.method, channel.kind, channel.wrap_at) == (Method.ESTIMATED, TraceKind.COUNTER, 100)
    found = played(meter, 3)
    assert [s.value for s in found] == [80, 95, 10]
    assert [s.t_ns - found[0].t_ns for s in found] == [0, S // 10, S // 5]
    assert found[-1].t_ns <= time.monotonic_ns()
    assert meter.sample() == []
    assert meter.read() == [10]


def test_a_recording_that_repeats_goes_on_counting(tmp_path: Path) -> None:
    """Round after round the same growth is added, and the counter wraps where it did."""
    meter = Replay(recording(tmp_path, COUNTER, repeat=True))
    meter.open()
    found = played(meter, 6)[:6]
    assert [s.value for s in found] == [80, 95, 10, 25, 40, 55]
    assert {later.t_ns - earlier.t_ns for earlier, later in pairwise(found)} == {S // 10}


def test_the_end_of_a_run_is_covered(tmp_path: Path) -> None:
    """The last samples reach past the moment the run ended, also when the recording is slow."""
    meter = Replay(recording(tmp_path, COUNTER | {"t_s": [0, 0.3, 9], "value": [1, 2, 3]}))
    meter.open()
    ended = time.monotonic_ns()
    assert [sample.value for sample in meter.finish()] == [1, 2]
    assert meter.given == [2]
    assert meter.start_ns + S * 3 // 10 > ended


def test_traces_in_memory_are_played_too() -> None:
    """A trace of an earlier run starts now, whatever its own clock said."""
    old = Trace(
        "rapl", "dram-0", "energy", TraceKind.COUNTER, "J", Method.MEASURED, array("q", [5 * S, 6 * S]), array("d", [1, 2])
    )
    meter = Replay(meter_use(name="replay"), [old])
    begun = time.monotonic_ns()
    (channel,) = meter.open()
    (first,) = meter.sample()
    assert channel.domain == "dram-0"
    assert begun <= first.t_ns <= time.monotonic_ns()


def test_a_replay_is_named_in_every_trace(sampling: Callable[..., Any], tmp_path: Path) -> None:
    """What was played through the sampling process has the meter name `replay` and the energy of the recording."""
    use = recording(tmp_path, COUNTER | {"t_s": [0, 20], "value": [0, 600], "wrap_at": None}, repeat=False)
    (tmp_path / "short.json").write_text(
        json.dumps(
            {"greenreport": FORMAT, "channels": [COUNTER | {"t_s": [n / 50 for n in range(51)], "value": list(range(51))}]}
        )
    )
    with sampling({"name": "replay", "path": str(tmp_path / "short.json")}) as sampler:
        time.sleep(1.1)
        (trace,) = sampler.stop().traces
    assert (trace.meter, trace.method, trace.domain) == ("replay", Method.ESTIMATED, "package-0")
    assert energy(trace, trace.t_ns[5], trace.t_ns[45]) == pytest.approx(40)
    assert Replay(use).open()


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ("{", "the recording is no JSON file"),
        ("[]", 'the file is no recording (it lacks "greenreport": "recording/1" or channels)'),
        (json.dumps({"greenreport": FORMAT, "channels": [{}]}), "channel 0 of the recording is wrong: 't_s' is missing"),
        (
            json.dumps({"greenreport": FORMAT, "channels": [COUNTER, COUNTER | {"t_s": [1, 0, 2]}]}),
            "channel 1 of the recording is wrong: t_s and value need the same number of finite values, times that never fall",
        ),
        (
            json.dumps({"greenreport": FORMAT, "channels": [COUNTER | {"kind": "meter"}]}),
            "channel 0 of the recording is wrong: 'meter' is not a valid TraceKind",
        ),
    ],
)
def test_what_is_no_recording(tmp_path: Path, content: str, cause: str) -> None:
    """A file of another kind is named with what is wrong about it."""
    file = tmp_path / "x.json"
    file.write_text(content)
    with pytest.raises(MeterUnavailable) as caught:
        Replay(meter_use(name="replay", path=str(file))).open()
    assert caught.value.cause == cause
    assert caught.value.remedy


def test_no_recording(tmp_path: Path) -> None:
    """Without a path, and with a path to nothing, the remedy shows the line of the study file."""
    for use, cause in (
        (meter_use(name="replay"), "no recording is named"),
        (meter_use(name="replay", path=str(tmp_path / "none")), "the recording cannot be read (No such file or directory)"),
    ):
        with pytest.raises(MeterUnavailable) as caught:
            Replay(use).open()
        assert caught.value.cause == cause
        assert caught.value.remedy == "name a recording in the study: `- replay: {path: recording.json}`"
