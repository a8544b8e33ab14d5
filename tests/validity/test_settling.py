"""Tests of the check whether a run had settled when its window began."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from greenreport.analysis.measure.settling import settling
from greenreport.record import Request
from greenreport.report.order_sentences import settling_sentence
from greenreport.validity.settling import answer_times, change_point
from tests.datasets import dataset
from tests.records import SECOND, record
from tests.validity.test_checks import codes


def answers(times_s: np.ndarray, **changes: int) -> tuple[Request, ...]:
    """Return requests of 8 tokens, one after the other from the start of the window."""
    ends = 4 * SECOND + np.cumsum(times_s * SECOND).astype(int)
    starts = np.concatenate(([4 * SECOND], ends[:-1]))
    values = {"prompt_tokens": 5, "output_tokens": 8, "answered_by": "one"} | changes
    return tuple(Request(n, int(start), int(end), **values) for n, (start, end) in enumerate(zip(starts, ends, strict=True)))  # type: ignore[arg-type]


def noisy(seed: int, n: int = 24) -> np.ndarray:
    """Return times of 0.4 s that vary by 2 %."""
    return 0.4 * np.exp(np.random.default_rng([7, seed]).normal(0, 0.02, n))


def test_a_warm_up_that_did_not_end_is_flagged() -> None:
    """The first six answers take 15 % longer; or 15 % less, as with a clock that falls."""
    slow = np.where(np.arange(24) < 6, 1.15, 1.0)
    for factors in (slow, 1 / slow):
        run = record(requests=answers(noisy(1) * factors))
        assert "unsettled_window" in codes(run)
        times = answer_times(run.requests)
        assert times is not None
        found = change_point(times)
        assert found.answers == 6
        assert abs(found.change - (factors[0] - 1)) < 0.03


def test_chance_and_lengths_are_no_change() -> None:
    """None of 300 settled runs is flagged, also with heavy tails; nor one whose first prompts are longer and take longer for that."""
    random = np.random.default_rng(8)
    assert not any("unsettled_window" in codes(record(requests=answers(noisy(seed)))) for seed in range(20))
    for draw in (random.standard_normal((300, 24)), random.standard_t(3, (300, 12))):
        found = [change_point(row - row.mean()) for row in 0.02 * draw]
        assert not any(abs(point.t) >= 6 and abs(point.change) >= 0.05 for point in found)
    long = np.where(np.arange(24) < 6, 1.5, 1.0)
    requests = answers(noisy(2) * long)
    lengths = [replace(request, prompt_tokens=int(20 * factor)) for request, factor in zip(requests, long, strict=True)]
    assert "unsettled_window" in codes(record(requests=requests))
    assert "unsettled_window" not in codes(record(requests=tuple(lengths)))


def test_answers_that_wait_for_others_are_not_judged() -> None:
    """Overlapping requests queue behind each other; few show no stretch; the prompts of a batch are one answer."""
    requests = answers(noisy(3))
    assert answer_times(requests[:9]) is None
    assert answer_times([replace(request, start_ns=request.start_ns - SECOND) for request in requests]) is None
    batches = answer_times([replace(request, index=2 * request.index + half) for request in requests for half in (0, 1)])
    assert batches is not None
    assert len(batches) == len(requests)


def test_a_cell_is_judged_over_its_runs() -> None:
    """A beginning that is 3 % slower is flagged in no single run, and found over five; the other cell had settled."""
    slow = np.where(np.arange(24) < 6, 1.03, 1.0)
    data = dataset({"a": {"torch": [1.0] * 5, "onnx": [1.0] * 5}})
    cells = []
    for cell, factors in zip(data.cells, (slow, np.ones(24)), strict=True):
        runs = tuple(replace(run, requests=answers(noisy(run.repetition) * factors)) for run in cell.runs)
        assert not any("unsettled_window" in codes(record(requests=run.requests)) for run in runs)
        cells.append(replace(cell, runs=runs))
    first, second = settling(replace(data, cells=tuple(cells)))
    assert (first.found, second.found) == (True, False)
    assert first.ci.low < 0.03 < first.ci.high
    told = settling_sentence([first, second])
    assert told is not None
    assert told.found
    assert told.seen.startswith("In 1 of 2 cells")
    quiet = settling_sentence([second])
    assert quiet is not None
    assert not quiet.found
    assert settling_sentence(settling(data)) is None
