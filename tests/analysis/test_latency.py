"""Tests of request and token times: the steady window, percentiles, goodput, cold starts."""

from __future__ import annotations

from array import array
from dataclasses import replace

import pytest

from greenreport.analysis.measure.metrics import observations
from greenreport.record import Mark, Method, Phase, Request, RunRecord, Trace, TraceKind
from greenreport.study import Objective
from tests.records import SECOND, record


def values(run: RunRecord, objective: Objective | None = None) -> dict[str, float | None]:
    """Return the value of every metric."""
    return {o.metric: o.value for o in observations(run, objective)}


def request(index: int, start_s: float, end_s: float, tokens: int = 4, *, answered_s: float | None = None) -> Request:
    """Return a request whose tokens are evenly spread from its first token to its end."""
    first = start_s + (end_s - start_s) / tokens if answered_s is None else answered_s
    step = (end_s - first) / (tokens - 1)
    return Request(
        index, round(start_s * SECOND), round(end_s * SECOND), server_start_ns=round(start_s * SECOND),
        server_end_ns=round(end_s * SECOND), token_ns=tuple(round((first + k * step) * SECOND) for k in range(tokens)),
        prompt_tokens=3, output_tokens=tokens, output_sha256=str(index), answered_by="one",
    )  # fmt: skip


def window(start_s: float, end_s: float, *requests: Request) -> RunRecord:
    """Return a run with this window and these requests, at 10 W."""
    marks = tuple(m for m in record().marks if m.phase is not Phase.WINDOW)
    return record(marks=(*marks, Mark(Phase.WINDOW, round(start_s * SECOND), round(end_s * SECOND))), requests=requests)


def test_without_a_ramp_every_request_and_token_counts() -> None:
    """Two requests of 4 tokens in 4 s: 2 tokens/s, half a request a second, 5 J a token."""
    found = values(window(4, 8, request(0, 4, 6), request(1, 6, 8)))
    assert found["throughput_tokens_per_s"] == pytest.approx(2)
    assert found["throughput_requests_per_s"] == pytest.approx(0.5)
    assert found["j_per_output_token"] == pytest.approx(5)


def test_with_a_ramp_tokens_count_by_their_own_time() -> None:
    """A request that straddles an edge gives the tokens that came inside; it is a completed request only if it ended inside."""
    run = window(5, 9, request(0, 4, 6), request(1, 6, 8), request(2, 8, 12))
    found = values(run)
    # of the first request the tokens at 5.5 and 6 s (5.0 is the edge), of the second all, of the third that of 9 s
    assert found["throughput_tokens_per_s"] == pytest.approx((2 + 4 + 1) / 4)
    assert found["throughput_requests_per_s"] == pytest.approx(2 / 4)
    assert found["j_per_request"] == pytest.approx(40 / 2)


def test_with_a_ramp_waits_are_of_requests_sent_inside() -> None:
    """What was sent during the ramp waited in another queue; what was sent inside and answered late is the tail that matters."""
    run = window(5, 9, request(0, 4, 8), request(1, 6, 7), request(2, 8, 20))
    found = values(run, Objective(latency_s=1.5))
    assert found["latency_s"] == pytest.approx((1 + 12) / 2)
    assert found["served_well_pct"] == pytest.approx(50)
    assert found["throughput_requests_per_s"] == pytest.approx(2 / 4)


def test_a_piece_of_several_tokens_counts_them_all() -> None:
    """Four pieces of two tokens: eight tokens, seven gaps; of two pieces inside the window, four tokens."""
    merged = replace(request(0, 4, 8, 4), output_tokens=8)
    assert values(window(4, 8, merged))["tbt_s"] == pytest.approx(3 / 7)
    assert values(window(6, 8, merged))["throughput_tokens_per_s"] == pytest.approx(4 / 2)


def test_an_answer_of_one_token_has_no_gap_to_judge() -> None:
    """It keeps a bound on the time between tokens, and does not take the verdict on the others away."""
    one = replace(request(0, 4, 5), output_tokens=1, token_ns=(5 * SECOND,))
    found = values(window(4, 8, one, request(1, 5, 8)), Objective(tbt_s=0.1))
    assert found["served_well_pct"] == pytest.approx(50)


def test_percentiles_are_over_requests_and_over_all_gaps() -> None:
    """Latency and first token by request; between tokens every gap counts, so one stall shows in the tail."""
    steady = [request(k, 4 + 0.1 * k, 4.1 + 0.1 * k) for k in range(19)]
    stalled = Request(19, 6 * SECOND, 10 * SECOND, server_start_ns=6 * SECOND, server_end_ns=10 * SECOND,
                      token_ns=(6 * SECOND, 7 * SECOND, 10 * SECOND, 10 * SECOND), output_tokens=4)  # fmt: skip
    found = values(window(4, 10, *steady, stalled))
    assert found["latency_s"] == pytest.approx(0.1, rel=1e-6)
    assert found["latency_p99_s"] is not None
    assert found["latency_p99_s"] > 3
    assert found["latency_p90_s"] == pytest.approx(0.1, rel=1e-6)
    assert found["tbt_s"] == pytest.approx(0.025, rel=1e-6)
    assert found["tbt_p99_s"] is not None
    assert found["tbt_p99_s"] > 1


def test_goodput_counts_requests_that_keep_every_bound() -> None:
    """Energy of all requests is shared by the good ones; without an objective nothing is said."""
    run = window(4, 8, request(0, 4, 5), request(1, 5, 6), request(2, 6, 8))
    found = values(run, Objective(latency_s=1.5))
    assert found["served_well_pct"] == pytest.approx(200 / 3)
    assert found["goodput_requests_per_s"] == pytest.approx(0.5)
    assert found["j_per_good_request"] == pytest.approx(20)
    first = values(run, Objective(latency_s=1.5, ttft_s=0.2))
    assert first["served_well_pct"] == 0
    assert first["j_per_good_request"] is None
    assert values(run)["goodput_requests_per_s"] is None
    told = {o.metric: o.reason for o in observations(run)}
    assert told["j_per_good_request"] == "the study declares no latency objective"


def test_a_bound_on_a_time_nobody_tells_gives_no_goodput() -> None:
    """A server without token times cannot be judged by time to first token; it is not counted as good or bad."""
    silent = replace(request(0, 4, 5), token_ns=(), server_start_ns=None, server_end_ns=None)
    reasons = {o.metric: o.reason for o in observations(window(4, 8, silent), Objective(ttft_s=1))}
    assert reasons["goodput_requests_per_s"] == "a time the objective bounds is not known"


def test_a_cold_start_reaches_from_the_process_to_the_first_answer_it_could_give() -> None:
    """Start and load of 2 s at 10 W: 20 J, idle power included."""
    found = values(record())
    assert found["cold_start_s"] == pytest.approx(2)
    assert found["cold_start_energy_j"] == pytest.approx(20)


def test_the_prompts_of_a_batch_share_their_stages() -> None:
    """Four prompts answered as one batch have the energy of one prefill and one decode, not of four."""
    batch = [replace(request(0, 4, 12, answered_s=6), index=index) for index in range(4)]
    found = values(window(4, 12, *batch))
    assert found["prefill_energy_j"] == pytest.approx(20, rel=0.02)
    assert found["decode_energy_j"] == pytest.approx(60, rel=0.02)


def test_stages_of_overlapping_requests_are_not_told_apart() -> None:
    """Two requests at once: energy of a moment belongs to both, so there is a reason instead of a number."""
    run = window(4, 12, request(0, 4, 10), request(1, 6, 12))
    reasons = {o.metric: o.reason for o in observations(run)}
    assert reasons["prefill_energy_j"] == "requests overlap, so energy of a time cannot be given to one of them"


def test_the_wait_in_the_queue_is_a_metric() -> None:
    """The median of what the server tells for requests of the window."""
    times = array("q", [5 * SECOND, 10 * SECOND])
    waits = Trace("client", "server", "queue_span", TraceKind.GAUGE, "s", Method.MEASURED, times, array("d", [0.25, 0.75]))
    assert values(record(traces=(*record().traces, waits)))["queue_s"] == pytest.approx(0.5)
