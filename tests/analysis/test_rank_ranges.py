"""Tests of places: that of the median, and those that the tests leave open."""

from __future__ import annotations

from greenreport.analysis.analyse import analyse
from greenreport.analysis.hypotheses.rank_ranges import places_of
from greenreport.catalog import METRICS
from tests.datasets import around, dataset

INFO = METRICS["energy_j"]


def test_a_place_is_certain_where_all_differ_and_open_where_two_are_tied() -> None:
    """Three far apart: one place each. Two alike: both may be first; the median says which looks better."""
    apart = analyse(dataset({"a": {"torch": around(100), "onnx": around(50), "openvino": around(200)}})).findings[0].tests[0]
    assert [str(places_of(apart, INFO)[name]) for name in ("onnx-cpu", "torch-cpu", "openvino-cpu")] == [
        "1 of 3",
        "2 of 3",
        "3 of 3",
    ]
    tied = analyse(dataset({"a": {"torch": around(100), "onnx": around(100.01), "openvino": around(200)}})).findings[0].tests[0]
    assert [str(places_of(tied, INFO)[name]) for name in ("torch-cpu", "onnx-cpu")] == [
        "1 (1–2) of 3",
        "2 (1–2) of 3",
    ]
    assert str(places_of(tied, INFO)["openvino-cpu"]) == "3 of 3"


def test_where_more_is_better_the_largest_is_first() -> None:
    """The direction is the metric's."""
    item = analyse(dataset({"a": {"torch": around(100), "onnx": around(50)}})).findings[0].tests[0]
    assert str(places_of(item, METRICS["throughput_tokens_per_s"])["torch-cpu"]) == "1 of 2"


def test_alone_there_is_no_place() -> None:
    """One configuration, or one that was not measured, is compared with nothing."""
    item = analyse(dataset({"a": {"torch": around(100)}})).findings[0].tests[0]
    assert places_of(item, INFO) == {}
