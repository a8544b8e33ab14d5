"""Times of requests and tokens over the measured window, and how many requests meet the study's latency objective.

With a ramp the window is a part of the load. Rates and energy per request count answers that are complete inside the window; an
output token counts when the server had it inside the window, so that long answers at its edges are not counted whole. Waits and
goodput are of the requests sent inside it, however late their answers came: those sent during the ramp waited in another queue, and
of a load that grows beyond the server the slowest answers are those that come last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from greenreport import traces as tr
from greenreport.analysis.measure.observation import Observation
from greenreport.record import Domain, Mark, Phase, Quantity, Request, RunRecord, span_of
from greenreport.study import Objective


@dataclass(frozen=True, slots=True)
class WindowRequests:
    """The requests and output tokens of the window.

    Attributes:
        completed: requests whose answer was complete inside it.
        sent: answered requests that were sent inside it, in an open loop due inside it.
        tokens: output tokens that came inside it.
    """

    completed: tuple[Request, ...]
    sent: tuple[Request, ...]
    tokens: int


def inside(requests: Sequence[Request], window: Mark) -> WindowRequests:
    """Return those of some requests and of their output tokens that are in the window."""
    completed = tuple(r for r in requests if r.error is None and window.start_ns <= r.end_ns <= window.end_ns)
    sent = sent_in(requests, window)
    if len(completed) == len(sent) == len(requests):
        return WindowRequests(completed, sent, sum(r.output_tokens or 0 for r in completed))
    return WindowRequests(completed, sent, sum(_tokens_inside(request, window) for request in requests))


def sent_in(requests: Sequence[Request], window: Mark) -> tuple[Request, ...]:
    """Return the requests sent inside the window, without those that failed."""
    return tuple(r for r in requests if r.error is None and window.start_ns <= r.start_ns <= window.end_ns)


def _tokens_inside(request: Request, window: Mark) -> int:
    if request.token_ns:
        times = sum(window.start_ns < time <= window.end_ns for time in request.token_ns)
        tokens = request.output_tokens or len(request.token_ns)
        return round(tokens * times / len(request.token_ns))  # a piece of a stream may hold several tokens
    return (request.output_tokens or 0) if window.start_ns <= request.end_ns <= window.end_ns else 0


def latencies_s(requests: Sequence[Request]) -> list[float]:
    """Return the client-side latency of each request in seconds; in an open loop it counts from when it was due."""
    return [(r.end_ns - r.start_ns) / 1e9 for r in requests if r.error is None]


def first_token_s(requests: Sequence[Request]) -> tuple[list[float], str]:
    """Return times to first token in seconds, and whose clock saw them."""
    streamed = [(r.first_token_ns - r.start_ns) / 1e9 for r in requests if r.first_token_ns is not None]
    if streamed:
        return streamed, "client"
    return [(r.token_ns[0] - r.server_start_ns) / 1e9 for r in requests if r.token_ns and r.server_start_ns], "server"


def token_clock(requests: Sequence[Request]) -> str:
    """Return whose clock saw the tokens: the server's where it reports its times, else the client's."""
    return "server" if any(r.server_end_ns and r.server_start_ns for r in requests) else "client"


def mean_gap_s(request: Request) -> float | None:
    """Return the mean gap between a request's output tokens in seconds; pieces of a stream may hold several tokens."""
    if len(request.token_ns) < 2:
        return None
    gaps = max(len(request.token_ns), request.output_tokens or 0) - 1
    return (request.token_ns[-1] - request.token_ns[0]) / 1e9 / gaps


def mean_gaps_s(requests: Sequence[Request]) -> list[float]:
    """Return the mean gap of every request that has one, in seconds."""
    return [gap for request in requests if (gap := mean_gap_s(request)) is not None]


def served_well(requests: Sequence[Request], objective: Objective) -> int | None:
    """Return how many requests keep every bound; None when a bounded time is not known."""
    good = 0
    for request in requests:
        first = request.first_token_ns or (request.token_ns[0] if request.token_ns else None)
        times = (
            (objective.latency_s, (request.end_ns - request.start_ns) / 1e9),
            (objective.ttft_s, None if first is None else (first - request.start_ns) / 1e9),
            (objective.tbt_s, 0.0 if request.output_tokens == 1 else mean_gap_s(request)),
        )
        bounded = [(bound, value) for bound, value in times if bound is not None]
        if any(value is None for _, value in bounded):
            return None
        good += all(value is not None and value <= bound for bound, value in bounded)
    return good


def time_observations(record: RunRecord, window: Mark, objective: Objective | None) -> Iterator[Observation]:
    """Yield the observations of every metric of time, rate and goodput."""
    content = inside(record.requests, window)
    requests, duration = content.sent, window.duration_s
    latency = latencies_s(requests)
    first, first_clock = first_token_s(requests)
    gaps = [gap for r in requests for gap in np.diff(np.array(r.token_ns, dtype=np.float64)) / 1e9]
    on_server = [(r.server_end_ns - r.server_start_ns) / 1e9 for r in requests if r.server_end_ns and r.server_start_ns]
    untold = "the server tells no token times"
    clock = token_clock(requests)

    def observe(metric: str, value: float | None, reason: str = "", boundary: str | None = "client") -> Observation:
        return Observation(metric, value, boundary, None, reason if value is None else None)

    yield observe("duration_s", duration)
    yield observe("server_duration_s", sum(on_server) if on_server else None, "the server tells no times", "server")
    for metric, percent in (("latency_s", 50), ("latency_p90_s", 90), ("latency_p95_s", 95), ("latency_p99_s", 99)):
        yield observe(metric, percentile(latency, percent), "no request")
    for metric, percent in (("ttft_s", 50), ("ttft_p90_s", 90), ("ttft_p95_s", 95), ("ttft_p99_s", 99)):
        yield observe(metric, percentile(first, percent), untold, first_clock)
    yield observe("tbt_s", percentile(mean_gaps_s(requests), 50), untold, clock)
    for metric, percent in (("tbt_p90_s", 90), ("tbt_p95_s", 95), ("tbt_p99_s", 99)):
        yield observe(metric, percentile(gaps, percent), untold, clock)
    tokens_per_s = content.tokens / duration if content.tokens and duration > 0 else None
    yield observe("throughput_tokens_per_s", tokens_per_s, "no token counts")
    yield observe("throughput_requests_per_s", len(content.completed) / duration if duration > 0 else None, "no window")
    asked = [r.error is not None for r in record.requests if window.start_ns <= r.start_ns <= window.end_ns]
    yield observe("error_pct", 100.0 * sum(asked) / len(asked) if asked else None, "no request")
    yield observe("queue_s", _queue_s(record, window), "the server does not tell how long requests wait", "server")
    yield from _goodput(requests, duration, objective)


def _goodput(requests: Sequence[Request], duration_s: float, objective: Objective | None) -> Iterator[Observation]:
    reason = "the study declares no latency objective" if objective is None else "a time the objective bounds is not known"
    good = None if objective is None else served_well(requests, objective)
    share = None if good is None or not requests else 100.0 * good / len(requests)
    rate = None if good is None or duration_s <= 0 else good / duration_s
    yield Observation("served_well_pct", share, "client", None, reason if share is None else None)
    yield Observation("goodput_requests_per_s", rate, "client", None, reason if rate is None else None)


def _queue_s(record: RunRecord, window: Mark) -> float | None:
    trace = record.trace(Domain.SERVER, span_of("queue"))
    if trace is None:
        return None
    within = tr.values_inside(trace, window.start_ns, window.end_ns)
    return float(np.median(within)) if len(within) else None


def percentile(values: Sequence[float], percent: float) -> float | None:
    """Return a percentile by linear interpolation, in the unit of the values; None without any."""
    return float(np.percentile(values, percent)) if values else None


def stage_observations(record: RunRecord) -> Iterator[Observation]:
    """Yield how long load, compile, the whole cold start and the first request took, and how large what was loaded is."""
    size = None if record.facts is None else record.facts.weights_b
    yield Observation("weights_b", float(size) if size else None, reason=None if size else "the server does not tell")
    cold, before = cold_start(record), "the server was running before"
    unseen = before if cold is None else "the time of the first request was not recorded"
    for metric, mark, boundary, absent in (
        ("load_s", record.mark(Phase.LOAD), None, before),
        ("compile_s", record.mark(Phase.COMPILE), None, "this engine compiles nothing before serving"),
        ("cold_start_s", cold, None, before),
        ("first_request_s", first_request(record), "client", unseen),
    ):
        yield Observation(metric, None if mark is None else mark.duration_s, boundary, reason=absent if mark is None else None)


def cold_start(record: RunRecord) -> Mark | None:
    """Return the time from the start of the server process until it can answer; None for a server that ran before."""
    start, load, compiled = record.mark(Phase.START), record.mark(Phase.LOAD), record.mark(Phase.COMPILE)
    last = compiled or load
    return None if start is None or last is None else Mark(Phase.START, start.start_ns, last.end_ns)


def first_request(record: RunRecord) -> Mark | None:
    """Return the time of the first request the run's server was sent; None for a server that ran before, or where nobody noted it.

    With a warm-up it is the first of that, whose answer is discarded; else the first of the window.
    """
    if cold_start(record) is None:
        return None
    trace = record.trace(Domain.CLIENT, Quantity.FIRST_REQUEST)
    if trace is not None:
        start = trace.t_ns[0]
        return Mark(Phase.WARMUP, start, start + round(trace.value[0] * 1e9))
    if record.mark(Phase.WARMUP) is not None or not record.requests:
        return None
    first = min(record.requests, key=lambda request: request.start_ns)
    return Mark(Phase.WINDOW, first.start_ns, first.end_ns) if first.error is None else None
