"""Checks for standstill: did server, client and sampler run all the time, and did every answer take a time that fits the others?

A process that is stopped or frozen for a while (a signal, a container that is paused, a machine out of memory) leaves marks: samples
are missing, CPU time stands still while there is work, an answer lies ready and nobody takes it, nothing is under way although
requests are left. What is left is an answer that took far longer than the others, whatever held it up.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from greenreport import traces as tr
from greenreport.catalog import ENGINES, Served
from greenreport.record import Domain, FlagCode, Phase, Quantity, RunRecord
from greenreport.study import Study
from greenreport.validity.meter_checks import GAP_INTERVALS
from greenreport.validity.window_checks import Faults

#: Shorter standstills happen on any machine.
STANDSTILL_S = 1.0
#: A server that usually takes less of a CPU may have done nothing for a while; and standing still may be its way to wait for a GPU.
LEAST_SHARE, TIMES_USUAL = 0.05, 5
#: Fewer requests have no usual time. An outlier lies so many times the spread of the others above their median; the waits of a queue
#: close to its limit do not reach that.
LEAST_REQUESTS, SPREADS = 4, 30


def _sampler(record: RunRecord, study: Study) -> Faults:
    window, trace = record.mark(Phase.WINDOW), record.trace(Domain.SAMPLER, Quantity.CPU_TIME)
    if window is not None and trace is not None:
        gap_s = tr.coverage(trace, window.start_ns, window.end_ns).largest_gap_s
        if gap_s > max(study.validity.sampling_gap_s, GAP_INTERVALS * tr.usual_interval_s(trace)):
            yield FlagCode.STANDSTILL, f"the sampling process did not run for {gap_s:.1f} s of the window"


def _server(record: RunRecord, _: Study) -> Faults:
    """CPU time that stands still while requests are at the server, and does not usually do so."""
    window, trace = record.mark(Phase.WINDOW), record.trace(Domain.SERVER, Quantity.CPU_TIME)
    if window is None or trace is None:
        return
    times, values = tr.times_of(trace), tr.values_of(trace)
    inside = (times >= window.start_ns) & (times <= window.end_ns)
    times, values = times[inside], values[inside]
    if len(times) < 2:
        return
    moved = np.flatnonzero(np.diff(values) > 0)  # the steps between samples in which CPU time grew
    begins, ends = times[[0, *(moved + 1)]], times[[*moved, -1]]  # of the standstills between them, most of no length
    lengths_s = (ends - begins) / 1e9
    busy_s = (times[-1] - times[0]) / 1e9 - lengths_s[lengths_s > STANDSTILL_S].sum()
    if values[-1] - values[0] < LEAST_SHARE * busy_s:
        return
    limit_s = max(STANDSTILL_S, TIMES_USUAL * float(np.quantile(lengths_s, 0.75)))
    at_server = _under_way([(r.server_start_ns or r.start_ns, r.server_end_ns or r.end_ns) for r in record.requests])
    long = [(begin, end) for begin, end, length_s in zip(begins, ends, lengths_s, strict=True) if length_s > limit_s]
    stood_s = max((min(end, e) - max(begin, b) for begin, end in long for b, e in at_server), default=0) / 1e9
    if stood_s > limit_s:
        yield FlagCode.STANDSTILL, f"the server took no CPU time for {stood_s:.1f} s, and had requests to answer"


def _client(record: RunRecord, _: Study) -> Faults:
    info, spec = ENGINES.get(record.engine), record.spec.configuration
    if info is not None and info.served is Served.OWN:  # its clock is ours
        ready = [(request.end_ns - request.server_end_ns) / 1e9 for request in record.requests if request.server_end_ns]
        if ready and max(ready) > STANDSTILL_S:
            yield FlagCode.STANDSTILL, f"an answer lay ready for {max(ready):.1f} s before the client took it"
    if spec.get("request_rate") is None:
        under_way = _under_way([(request.start_ns, request.end_ns) for request in record.requests])
        pauses = [(later[0] - earlier[1]) / 1e9 for earlier, later in pairwise(under_way)]
        if pauses and max(pauses) > STANDSTILL_S:
            yield FlagCode.STANDSTILL, f"the client sent nothing for {max(pauses):.1f} s, and had requests to send"


def _under_way(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the times in which at least one request is under way."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def _outlier(record: RunRecord, _: Study) -> Faults:
    """A request far beyond the others, also for its number of tokens."""
    answered = {
        (r.start_ns, r.end_ns): r.output_tokens or 1 for r in record.requests if r.error is None
    }  # a batch is one request
    if len(answered) < LEAST_REQUESTS:
        return
    took_s = np.array([(end - start) / 1e9 for start, end in answered])
    per_token_s = took_s / np.maximum(1, list(answered.values()))
    beyond = (took_s > _most_usual(took_s, STANDSTILL_S)) & (per_token_s > _most_usual(per_token_s, 0.0))
    if beyond.any():
        number = int(beyond.sum())
        noun = "1 request took" if number == 1 else f"{number} requests took up to"
        yield FlagCode.REQUEST_OUTLIER, f"{noun} {took_s[beyond].max():.1f} s, half of all at most {np.median(took_s):.2f} s"


def _most_usual(values: tr.Floats, least: float) -> float:
    """Return the largest of values that is no outlier: at least so much above their median."""
    median = float(np.median(values))
    return median + max(least, median, SPREADS * float(np.median(np.abs(values - median))))


STANDSTILL_CHECKS = (_sampler, _server, _client, _outlier)
