"""Tests of cold starts: the break-even against the reference, in words where one is ahead from the start, and the first request."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from greenreport.analysis.cold_starts import break_even, cold_starts
from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.metrics import observations
from greenreport.record import Mark, Method, Phase, RunRecord, Trace, TraceKind
from greenreport.study import Configuration
from tests.datasets import around, run, study
from tests.records import SECOND, record


def dataset(starts: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> Dataset:
    """Return a study of one model from engine → joules of starts and of requests."""
    spec = study(["one"], tuple(starts))
    cells = []
    for configuration in spec.configurations:
        pairs = zip(*starts[configuration.engine], strict=True)
        runs = tuple(
            run(n, {"cold_start_s": 2.0, "cold_start_energy_j": start, "j_per_request": request})
            for n, (start, request) in enumerate(pairs, start=1)
        )
        cells.append(CellView(spec.models[0], configuration, runs))
    return Dataset(spec, tuple(cells))


def against(start: Sequence[float], request: Sequence[float]) -> str:
    """Return what is said of a configuration beside a reference of 100 J to start and 10 J a request."""
    data = dataset({"torch": (around(100, 8), around(10, 8)), "onnx": (start, request)})
    reference, other = cold_starts(data)
    assert reference.against == "the reference"
    assert reference.worth == pytest.approx(10, rel=0.02)
    return other.against


def test_a_dear_start_pays_off_after_the_difference_over_the_saving() -> None:
    """200 J more to start and 4 J less a request: 50 requests."""
    told = against(around(300, 8), around(6, 8))
    assert told.startswith("less after about 50 requests (")
    data = dataset({"torch": (around(100, 8), around(10, 8)), "onnx": (around(300, 8), around(6, 8))})
    number, low, high = break_even(data.cells[1], data.cells[0])
    assert number == 50
    assert 45 < low <= 50 <= high < 56


@pytest.mark.parametrize(
    ("start", "request_j", "told"),
    [
        (50, 6, "less from the first request on"),
        (100, 6, "less from the first request on"),
        (300, 14, "more, however many requests"),
        (100, 14, "more, however many requests"),
        (50, 10, "the start costs less, a request does not clearly differ"),
        (100, 10, "no clear difference"),
    ],
)
def test_where_one_is_ahead_words_say_so(start: float, request_j: float, told: str) -> None:
    """No number of requests is told where there is none; what does not clearly differ counts as equal."""
    assert against(around(start, 8), around(request_j, 8)) == told


def test_a_cheap_start_is_ahead_up_to_a_number_of_requests() -> None:
    """80 J less to start and 4 J more a request: up to 20 requests."""
    assert against(around(20, 8), around(14, 8)).startswith("less up to about 20 requests")


def test_loads_of_a_sweep_start_alike_and_are_told_once() -> None:
    """Of batches 1, 2 and 4 the lightest is shown; another load than the reference's has no break-even."""
    spec = study(["one"], ["torch"])
    values = {"cold_start_s": 2.0, "cold_start_energy_j": 100.0, "j_per_request": 10.0}
    runs = tuple(run(n, values) for n in (1, 2, 3))
    batches = [Configuration(engine="torch", batch_size=batch) for batch in (4, 1, 2)]
    other = Configuration(engine="onnx", batch_size=2)
    cells = tuple(CellView(spec.models[0], configuration, runs) for configuration in (*batches, other))
    data = Dataset(spec.model_copy(update={"configurations": (batches[1], other)}), cells)
    found = [(cold.cell.configuration.id, cold.against) for cold in cold_starts(data)]
    assert found == [("torch-cpu", "the reference"), ("onnx-cpu-b2", "measured under another load than the reference")]


def noted(seconds: float) -> Trace:
    """Return what the client notes of the first request of a warm-up."""
    times, values = array("q", [3 * SECOND]), array("d", [seconds])
    return Trace("client", "client", "first_request", TraceKind.GAUGE, "s", Method.MEASURED, times, values)


def first(made: RunRecord) -> tuple[float | None, float | None, str | None]:
    """Return time, energy and the reason for no energy of the first request."""
    told = {o.metric: o for o in observations(made)}
    energy = told["first_request_energy_j"]
    return told["first_request_s"].value, energy.value, energy.reason


def test_the_first_request_is_that_of_the_warm_up() -> None:
    """Half a second at 10 W, sampled ten times a second: 5 J."""
    made = record()
    seconds, joules, _ = first(replace(made, traces=(*made.traces, noted(0.5))))
    assert seconds == pytest.approx(0.5)
    assert joules == pytest.approx(5)


def test_a_first_request_shorter_than_two_samples_has_no_energy() -> None:
    """150 ms between samples of 100 ms: a time, and a reason instead of joules."""
    made = record()
    seconds, joules, reason = first(replace(made, traces=(*made.traces, noted(0.15))))
    assert seconds == pytest.approx(0.15)
    assert joules is None
    assert reason is not None
    assert "150 ms" in reason


def test_without_a_warm_up_the_first_request_is_that_of_the_window() -> None:
    """The window's first request lasts 5 s; a warm-up that was not noted gives none, nor does a server that ran before."""
    made = record()
    marks = tuple(mark for mark in made.marks if mark.phase is not Phase.WARMUP)
    assert first(replace(made, marks=marks))[:2] == (pytest.approx(5), pytest.approx(50))
    assert first(made)[0] is None
    running = (Mark(Phase.WARMUP, 0, SECOND), Mark(Phase.WINDOW, 4 * SECOND, 14 * SECOND))
    told = {o.metric: o.reason for o in observations(replace(made, marks=running, traces=(*made.traces, noted(0.5))))}
    assert told["first_request_s"] == "the server was running before"
