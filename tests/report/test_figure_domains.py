"""Tests that figures know their domain: no value a run may have ends a build, and what has no logarithm has no mark on a logarithmic axis."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from greenreport.analysis.analyse import analyse
from greenreport.analysis.compare.comparison import compare_studies
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.downsample import REQUESTS, Rail
from greenreport.analysis.measure.metrics import PhaseRow
from greenreport.analysis.measure.observation import Observation
from greenreport.record import Mark, Method, Phase, Quantity
from greenreport.report.context import StudyContext, study_context
from greenreport.report.figure import Figure
from greenreport.report.figures.energy_breakdown import phases_figure
from greenreport.report.figures.matrix import matrix_figure
from greenreport.report.figures.study_comparison import quotient_figure, slope_figure
from greenreport.report.figures.traces import trace_figure
from greenreport.report.pages import study_pages
from greenreport.report.sparkline import sparkline
from greenreport.validity import Agreement
from tests.analysis.test_frontier import GROWING, sweep
from tests.datasets import around, dataset

ODD = {"zero": 0.0, "negative": -3.0, "infinite": math.inf, "not a number": math.nan, "missing": None}
METRICS = ("energy_j", "duration_s", "cpu_usage_pct", "throughput_tokens_per_s", "ttft_s", "cpu_energy_j", "dram_energy_j")


def context(data: Dataset) -> StudyContext:
    """Return the context of a study."""
    return study_context("x", analyse(data))


def observed(
    data: Dataset, values: dict[str, float | None], engines: tuple[str, ...] = ("torch", "onnx", "openvino")
) -> Dataset:
    """Return the dataset with these values of metrics in every run of some engines."""
    new = {metric: Observation(metric, value, "CPU package-0", Method.MEASURED) for metric, value in values.items()}
    cells = tuple(
        replace(cell, runs=tuple(replace(run, observations={**run.observations, **new}) for run in cell.runs))
        if cell.configuration.engine in engines
        else cell
        for cell in data.cells
    )
    return replace(data, cells=cells)


def made(value: float | None, engines: tuple[str, ...]) -> Dataset:
    """Return a dataset of three engines in which some have one odd value in every metric, phase, trace and pair of instruments."""
    base = {
        "a": {"torch": around(100), "onnx": around(50), "openvino": around(70)},
        "b": {"torch": around(9), "onnx": around(8)},
    }
    data = observed(dataset(base), dict.fromkeys(METRICS, 5.0))
    data = observed(data, dict.fromkeys(METRICS, value), engines)
    number = 0.0 if value is None else value
    mark = Mark(Phase.WINDOW, 10**10, 11 * 10**9)
    extra: dict[str, Any] = {
        "phases": (PhaseRow(mark, value, value),),
        "agreements": (Agreement("gpu-0", "counter", number, "power", number),),
        "rails": (Rail("package-0", "power", "W", Method.MEASURED, (0.0, 1.0), (number, number), 2),),
    }
    cells = tuple(replace(cell, runs=tuple(replace(run, **extra) for run in cell.runs)) for cell in data.cells)
    return replace(data, cells=cells)


def every_figure(data: Dataset) -> Iterator[Figure]:
    """Yield every figure of every page of a study."""
    for page in study_pages(context(data), ""):
        yield from page.figures


def assert_drawable(figure: Figure) -> None:
    """Assert that the specification is JSON, and that no logarithmic scale begins at 0 or below, or speaks of 0, of which Vega-Lite warns."""
    json.dumps(figure.spec, allow_nan=False)

    def scales(part: Any) -> Iterator[dict[str, Any]]:
        if isinstance(part, dict):
            if part.get("type") == "log":
                yield part
            for inner in part.values():
                yield from scales(inner)
        elif isinstance(part, list):
            for inner in part:
                yield from scales(inner)

    for scale in scales(figure.spec):
        low, high = scale["domain"]
        assert 0 < low < high < math.inf
        assert "zero" not in scale


def test_figures_of_ratios_near_and_far_can_be_drawn() -> None:
    """Ratios a few per cent or many times apart: the axes are of both kinds."""
    kinds = set()
    for ratio in (1.01, 40):
        data = dataset({"a": {"torch": around(100, 6, 0.003), "onnx": around(100 * ratio, 6, 0.003)}})
        for figure in every_figure(data):
            assert_drawable(figure)
            if figure.id.startswith("multiverse"):
                kinds |= {word for word in ("log", "linear") if f'"type": "{word}"' in json.dumps(figure.spec)}
    assert kinds == {"log", "linear"}


@pytest.mark.parametrize("engines", [("torch",), ("onnx",)], ids=["reference", "another"])
@pytest.mark.parametrize("value", ODD.values(), ids=ODD.keys())
def test_no_value_ends_a_build(value: float | None, engines: tuple[str, ...]) -> None:
    """Of the reference or of another configuration: every page has its figures, and each can be drawn."""
    data = made(value, engines)
    figures = list(every_figure(data))
    assert figures
    for figure in figures:
        assert_drawable(figure)
    sparkline(context(data))


@pytest.mark.parametrize("value", ODD.values(), ids=ODD.keys())
@pytest.mark.parametrize("metric", ["throughput_tokens_per_s", "tbt_s", "j_per_output_token"])
def test_no_value_ends_the_build_of_a_sweep(metric: str, value: float | None) -> None:
    """The lightest load without a value that a logarithmic axis has."""
    data = sweep(GROWING)
    odd = observed(data, {metric: value}, (data.cells[0].configuration.engine,))
    data = replace(data, cells=(odd.cells[0], *data.cells[1:]))
    for figure in every_figure(data):
        assert_drawable(figure)
    sparkline(context(data))


@pytest.mark.parametrize("value", ODD.values(), ids=ODD.keys())
def test_no_value_ends_a_comparison(value: float | None) -> None:
    """A pair of studies of which one has an odd value: what has no ratio is not drawn."""
    first, second = made(5.0, ()), made(value, ("onnx",))
    compared = compare_studies(first, second, ("one", "two"))
    looks = context(first).looks
    for metric in compared.metrics:
        assert_drawable(slope_figure(metric, ("one", "two"), looks, (), "c"))
        assert_drawable(quotient_figure(metric, ("one", "two"), (), "c"))


def test_a_value_of_zero_has_no_rank() -> None:
    """Zero is shown as it was measured; it is neither the best nor a ratio to the best."""
    figure = matrix_figure(context(made(0.0, ("onnx",))), "cpu_usage_pct")
    assert figure is not None
    rows = {row[1].replace("\u00a0", " "): row[2:] for row in figure.table.rows if row[0] == "A"}  # type: ignore[union-attr]
    assert rows["ONNX Runtime · CPU"] == (0.0, None, "not above 0, so it has no ratio")
    assert rows["Torch · CPU"][1] == 1.0


def test_energy_that_no_phase_used_has_no_share() -> None:
    """Counters that did not move give no figure of where the energy goes."""
    assert phases_figure(context(made(0.0, ())), "a") is None
    assert phases_figure(context(made(2.0, ())), "a") is not None


def test_requests_at_a_server_are_drawn_beside_power() -> None:
    """Those that run and those that wait in one figure, and the use of its cache in another; none where the server tells nothing."""
    data = made(5.0, ())
    told = (
        Rail("running", REQUESTS, "requests", Method.MEASURED, (1.0, 10.5), (1.0, 4.0), 2),
        Rail("waiting", REQUESTS, "requests", Method.MEASURED, (1.0, 10.5), (0.0, 7.0), 2),
        Rail("server", Quantity.CACHE_USE, "%", Method.MEASURED, (1.0, 10.5), (0.0, 62.5), 2),
    )
    study, cell = context(data), data.cells[0]
    run = replace(cell.runs[0], rails=told, start_ns=0)
    both, cache = trace_figure(study, cell, run, REQUESTS), trace_figure(study, cell, run, Quantity.CACHE_USE)
    assert both is not None and cache is not None
    assert both.finding == "Server load (waiting) peaks at 7 requests in the measured window"
    assert cache.finding == "Cache use peaks at 62.5\u202f% in the measured window"
    assert {row[0] for row in both.table.rows} == {"running", "waiting"}
    for figure in (both, cache):
        assert_drawable(figure)
    assert trace_figure(study, cell, cell.runs[0], REQUESTS) is None


def test_a_trace_without_finite_samples_is_not_drawn() -> None:
    """A trace with no sample that can be placed has no figure; others lose only that sample."""
    study = context(made(math.nan, ()))
    cell = study.dataset.cells[0]
    assert trace_figure(study, cell, cell.runs[0], "power") is None
