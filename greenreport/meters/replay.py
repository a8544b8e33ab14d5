"""Plays a recording through the seam of the meters, in real time: for tests, demonstrations, and machines without sensors.

Nothing is measured while it plays, so its traces carry the meter name ``replay`` wherever they go; whether a recorded value
was measured or estimated is kept as it was recorded. The recording is a JSON file::

    {"greenreport": "recording/1",
     "repeat": false,                    begin again at the end; counters go on from where they were
     "channels": [
       {"domain": "package-0", "quantity": "energy", "kind": "counter", "unit": "J", "method": "measured",
        "wrap_at": 262143.3,             optional: where the counter starts again from 0
        "t_s": [0.0, 0.1, 0.2], "value": [10.0, 14.5, 19.0]}]}

`t_s` counts from the opening of the meter and never falls. After the end of a recording that does not repeat there is a gap.
"""

from __future__ import annotations

import json
import math
import time
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from greenreport.errors import MeterUnavailable
from greenreport.meters.base import Channel, Meter, Sample
from greenreport.record import Method, Trace, TraceKind
from greenreport.regular_files import read_regular
from greenreport.study.meter_options import ReplayUse

FORMAT = "recording/1"
REMEDY_PATH = "name a recording in the study: `- replay: {path: recording.json}`"
MAX_BYTES = 20_000_000
#: Longest wait at the end, in seconds.
FINISH_S = 1.0
REMEDY_FORMAT = "docs/instruments.md shows the format"


class Replay(Meter):
    """Gives out every recorded sample whose time has come.

    Args:
        traces: a recording in memory, in place of the file; times are shifted so that the earliest sample is at 0.
    """

    use: ReplayUse

    def __init__(self, use: ReplayUse, traces: Sequence[Trace] | None = None, *, repeat: bool = False) -> None:
        super().__init__(use)
        self.recording = tuple(traces or ())
        self.repeat = repeat
        self.start_ns = 0
        self.period_ns = 0
        self.given: list[int] = []

    def open(self) -> tuple[Channel, ...]:
        if not self.recording:
            self.recording, self.repeat = _load(self.use.path)
        first = min(trace.t_ns[0] for trace in self.recording)
        self.period_ns = max(trace.t_ns[-1] for trace in self.recording) - first
        self.start_ns = time.monotonic_ns() - first
        self.given = [0] * len(self.recording)
        return tuple(Channel(t.domain, t.quantity, t.kind, t.unit, t.method, t.wrap_at) for t in self.recording)

    def read(self) -> Sequence[float | None]:
        """Return the newest value of each channel."""
        ends = [(trace, self._due(trace)) for trace in self.recording]
        return [self._sample(0, trace, end - 1).value if end else None for trace, end in ends]

    def sample(self, *, edge: bool = False) -> Sequence[Sample]:
        samples = []
        for channel, trace in enumerate(self.recording):
            due = self._due(trace)
            samples += [self._sample(channel, trace, number) for number in range(self.given[channel], due)]
            self.given[channel] = due
        return samples

    def finish(self) -> Sequence[Sample]:
        """Wait for the next sample of each channel, so that the traces reach past the end of the last phase."""
        samples = list(self.sample())
        now = time.monotonic_ns()
        given = zip(self.recording, self.given, strict=True)
        going_on = [(trace, number) for trace, number in given if self._repeats(trace) or number < len(trace.t_ns)]
        waits = [(self._sample(0, trace, number).t_ns - now) / 1e9 for trace, number in going_on]
        time.sleep(max((wait for wait in waits if 0 < wait <= FINISH_S), default=0.0))
        return [*samples, *self.sample()]

    def _due(self, trace: Trace) -> int:
        """Return how many samples of the trace are due by now, all rounds together."""
        at = time.monotonic_ns() - self.start_ns
        if not self._repeats(trace):
            return bisect_right(trace.t_ns, at)
        rounds, rest = divmod(at - trace.t_ns[0], self.period_ns)
        begun = min(bisect_right(trace.t_ns, trace.t_ns[0] + rest), self._round(trace))
        return max(0, int(rounds)) * self._round(trace) + (rounds >= 0) * begun

    def _repeats(self, trace: Trace) -> bool:
        return self.repeat and self.period_ns > 0 and self._round(trace) > 0

    def _round(self, trace: Trace) -> int:
        """Return the samples of one round; the last one of a trace as long as the recording is the first of the next round."""
        return len(trace.t_ns) - int(trace.t_ns[-1] - trace.t_ns[0] == self.period_ns)

    def _sample(self, channel: int, trace: Trace, number: int) -> Sample:
        rounds, index = divmod(number, self._round(trace)) if self._repeats(trace) else (0, number)
        value = trace.value[index]
        if trace.kind is TraceKind.COUNTER and rounds:
            value += rounds * (trace.value[-1] - trace.value[0])
            value = value % trace.wrap_at if trace.wrap_at else value
        return Sample(channel, self.start_ns + trace.t_ns[index] + rounds * self.period_ns, value)


def _load(path: str | None) -> tuple[tuple[Trace, ...], bool]:
    if path is None:
        raise MeterUnavailable("no recording is named", REMEDY_PATH)
    try:
        content = json.loads(read_regular(Path(path), MAX_BYTES))
    except OSError as error:
        raise MeterUnavailable(f"the recording cannot be read ({error.strerror})", REMEDY_PATH) from None
    except (ValueError, RecursionError):
        raise MeterUnavailable("the recording is no JSON file", REMEDY_FORMAT) from None
    if not isinstance(content, dict) or content.get("greenreport") != FORMAT or not content.get("channels"):
        raise MeterUnavailable(f'the file is no recording (it lacks "greenreport": "{FORMAT}" or channels)', REMEDY_FORMAT)
    return tuple(_trace(number, channel) for number, channel in enumerate(content["channels"])), bool(content.get("repeat"))


def _trace(number: int, channel: Any) -> Trace:
    try:
        t_ns = array("q", [round(float(t) * 1e9) for t in channel["t_s"]])
        value = array("d", [float(v) for v in channel["value"]])
        wrap_at = None if channel.get("wrap_at") is None else float(channel["wrap_at"])
        if not t_ns or len(t_ns) != len(value) or list(t_ns) != sorted(t_ns) or not all(map(math.isfinite, value)):
            raise ValueError("t_s and value need the same number of finite values, times that never fall")
        names = (str(channel["domain"]), str(channel["quantity"]))
        kind, method = TraceKind(channel["kind"]), Method(channel["method"])
        return Trace("replay", *names, kind, str(channel["unit"]), method, t_ns, value, wrap_at)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        problem = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise MeterUnavailable(f"channel {number} of the recording is wrong: {problem}", REMEDY_FORMAT) from None
