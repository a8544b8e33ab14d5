"""Tests of distributions over requests, and of the order and the start of runs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenreport.analysis.measure.downsample import Rail
from greenreport.analysis.measure.metrics import PhaseRow
from greenreport.analysis.measure.request_distributions import STEPS, WAITS, Curve, token_curves, wait_curves
from greenreport.analysis.measure.run_order import in_order, start_temperature
from greenreport.analysis.measure.run_view import RunView
from greenreport.record import Mark, Method, Outcome, Phase, Request, RequestError, RequestErrorKind
from tests.datasets import around, dataset

DATA = dataset({"a": {"torch": around(100), "onnx": around(50)}})
SECOND = 10**9


def curve(values: list[float]) -> Curve:
    """Return a curve of these values."""
    cell = DATA.cells[0]
    return Curve(cell.model, cell.configuration, tuple(sorted(values)), 1)


@given(st.lists(st.floats(0.001, 1e6), min_size=1, max_size=600))
def test_a_curve_tells_the_true_share_at_every_step(values: list[float]) -> None:
    """Few steps, ascending, from 0 to all requests; at each the share is exact, thinned or not."""
    steps = curve(values).steps()
    assert len(steps) <= STEPS + 1
    assert steps[0] == (min(values), 0.0)
    assert steps[-1] == (max(values), 1.0)
    assert [*steps] == sorted(steps)
    assert all(share == sum(v <= value for v in values) / len(values) for value, share in steps[1:])


def test_quantiles_are_values_that_occurred() -> None:
    """The smallest value that a share does not exceed; 95 of 100 numbers are at most 95."""
    hundred = curve([float(n) for n in range(1, 101)])
    assert [hundred.quantile(share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert hundred.share_within(95) == 0.95
    assert hundred.share_within(0) == 0.0


def request(index: int, ttft_ms: int, gap_ms: int, tokens: int, *, streamed: bool) -> Request:
    """Return a request with known times."""
    start = (index + 1) * 100 * SECOND  # a time of 0 is no time
    first = start + ttft_ms * 10**6
    times = tuple(first + n * gap_ms * 10**6 for n in range(tokens))
    return Request(
        index, start, times[-1] + 5 * 10**6, first + 10**6 if streamed else None, start, times[-1], times, 5, tokens, "length",
        f"d{index}", "m",
    )  # fmt: skip


@pytest.mark.parametrize(("streamed", "seen_by", "expected"), [(False, "server", 0.02), (True, "client", 0.021)])
def test_waiting_times_come_from_every_valid_run(streamed: bool, seen_by: str, expected: float) -> None:
    """Requests of valid runs only; the client's clock where it saw the first token; gaps are means over tokens."""
    cell = DATA.cells[0]
    good = tuple(request(i, 20, 10, 5, streamed=streamed) for i in range(3))
    runs = (
        replace(cell.runs[0], requests=good),
        replace(cell.runs[1], requests=good),
        replace(cell.runs[2], requests=(request(0, 900, 900, 5, streamed=streamed),), outcome=Outcome.INVALID),
    )
    data = replace(DATA, cells=(replace(cell, runs=runs),))
    ttft, tbt, latency = (wait_curves(data, "a", wait)[0] for wait in WAITS)
    assert (ttft.values, ttft.runs, ttft.seen_by) == (pytest.approx((expected,) * 6), 2, seen_by)
    assert (tbt.values, tbt.seen_by) == (pytest.approx((0.01,) * 6), "server")
    assert latency.values == pytest.approx((0.065,) * 6)
    assert wait_curves(data, "b", WAITS[0]) == ()


def test_requests_of_the_ramp_are_not_in_distributions() -> None:
    """What metrics leave out, distributions leave out: answers before the window and those that were complete after it."""
    cell = DATA.cells[0]
    requests = tuple(request(i, 20, 10, 5, streamed=False) for i in range(4))  # each in a hundred seconds of its own
    window = PhaseRow(Mark(Phase.WINDOW, 150 * SECOND, 350 * SECOND), None, None)
    runs = (replace(cell.runs[0], requests=requests, phases=(window,)),)
    data = replace(DATA, cells=(replace(cell, runs=runs),))
    assert [len(wait_curves(data, "a", wait)[0].values) for wait in WAITS] == [2, 2, 2]
    [tokens] = token_curves(data)
    assert len(tokens.values) == 2


def test_gaps_of_a_server_without_times_are_seen_by_the_client() -> None:
    """Whose clock it is follows from what the server tells, as it does for the metric."""
    cell = DATA.cells[0]
    told = request(0, 20, 10, 5, streamed=True)
    silent = replace(told, server_start_ns=None, server_end_ns=None)
    for asked, clock in ((told, "server"), (silent, "client")):
        data = replace(DATA, cells=(replace(cell, runs=(replace(cell.runs[0], requests=(asked,)),)),))
        assert wait_curves(data, "a", WAITS[1])[0].seen_by == clock


def test_token_counts_are_those_of_valid_runs() -> None:
    """One curve a cell; requests that failed are left out."""
    cell = DATA.cells[0]
    bad = replace(request(1, 1, 1, 3, streamed=False), error=RequestError(RequestErrorKind.SERVER, "refused"))
    runs = (replace(cell.runs[0], requests=(request(0, 1, 1, 7, streamed=False), bad)),)
    [found] = token_curves(replace(DATA, cells=(replace(cell, runs=runs),)))
    assert (found.values, found.runs) == ((7.0,), 1)


def test_runs_stand_in_the_order_of_the_study() -> None:
    """By place, not by repetition; runs without a window or a place are left out."""
    cell = DATA.cells[0]
    places = (9, 4, 30, 0, 7)
    outcomes = (Outcome.OK, Outcome.INVALID, Outcome.OK, Outcome.OK, Outcome.FAILED)
    runs = tuple(replace(r, position=p, outcome=o) for r, p, o in zip(cell.runs, places, outcomes, strict=True))
    assert [run.position for run in in_order(replace(cell, runs=runs))] == [4, 9, 30]


def warm(*rails: Rail) -> RunView:
    """Return a run whose window began after ten seconds, with these series."""
    begin = 100 * SECOND
    window = Mark(Phase.WINDOW, begin + 10 * SECOND, begin + 20 * SECOND)
    return replace(DATA.cells[0].runs[0], start_ns=begin, phases=(PhaseRow(window, None, None),), rails=rails)


def test_the_temperature_a_run_began_at_is_the_last_before_its_window() -> None:
    """Of several sensors the hottest; other series are no temperature."""
    cool = Rail("cpu", "temperature", "°C", Method.MEASURED, (0.0, 9.0, 15.0), (40.0, 45.0, 80.0), 3)
    hot = Rail("gpu", "temperature", "°C", Method.MEASURED, (0.0, 9.5), (50.0, 55.0), 2)
    load = Rail("CPU load", "load", "%", Method.MEASURED, (0.0, 9.0), (99.0, 99.0), 2)
    assert start_temperature(warm(cool, hot, load)) == 55.0
    assert start_temperature(warm(cool)) == 45.0
    assert start_temperature(warm(load)) is None
    assert start_temperature(DATA.cells[0].runs[0]) is None
