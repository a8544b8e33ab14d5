"""Tests of the figures of a sweep: units of axes, marks, intervals, the line through the front, what readers may hide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from greenreport.analysis.analyse import analyse
from greenreport.analysis.measure.dataset import Dataset
from greenreport.record import Outcome
from greenreport.report.context import study_context
from greenreport.report.figure import Figure
from greenreport.report.figures.axes import axis_unit
from greenreport.report.figures.request_distributions import wait_figures
from greenreport.report.figures.run_drift import course_figure
from greenreport.report.figures.saturation_curves import LINE, PANEL, by_model_and_factor, curves_figure
from greenreport.report.figures.throughput_frontier import front_figure
from greenreport.study import Objective
from tests.analysis.test_directions import CURVE, batches, dataset
from tests.analysis.test_frontier import GROWING, sweep
from tests.analysis.test_request_distributions import request


def figures(data: Dataset) -> tuple[Figure, Figure | None]:
    """Return both figures of the first model and factor."""
    study = study_context("x", analyse(data))
    assert study.analysis.frontier is not None
    every = next(iter(by_model_and_factor(study.analysis.frontier.series).values()))
    return curves_figure(study, every), front_figure(study, every)


def rows(figure: Figure | None) -> list[dict[str, Any]]:
    """Return the rows of a figure of one data set."""
    assert figure is not None
    [found] = figure.spec["datasets"].values()
    return list(found)


@pytest.mark.parametrize(
    ("unit", "values", "expected"),
    [
        ("J/token", [0.7, 0.06], (1e-3, "mJ/token")),
        ("J/token", [1.2, 0.06], (1.0, "J/token")),
        ("J", [4200.0], (1e3, "kJ")),
        ("s", [0.05], (1e-3, "ms")),
        ("s", [4200.0], (1.0, "s")),
        ("tokens/s", [14700.0], (1.0, "tokens/s")),
        ("J", [0.0], (1.0, "J")),
        ("s", [2e-8], (1e-6, "µs")),
    ],
)
def test_an_axis_has_one_prefix(unit: str, values: Sequence[float], expected: tuple[float, str]) -> None:
    """The prefix of the largest value, in the title, so that ticks are plain numbers."""
    assert axis_unit(unit, values) == expected


def encodings(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the encodings of a specification and its parts."""
    yield part.get("encoding", {})
    for inner in [*part.get("layer", []), *([part["spec"]] if "spec" in part else [])]:
        yield from encodings(inner)


def test_a_sweep_of_several_series_has_one_legend() -> None:
    """Vega-Lite merges the legends of all channels that show the series, and logs a warning where they are not the same."""
    points = [*batches(CURVE, 0.01, replicas=1), *batches(CURVE, 0.012, replicas=2)]
    for figure in figures(dataset(points)):
        assert figure is not None
        channels = [channel for encoding in encodings(dict(figure.spec)) for channel in encoding.values()]
        legends = [
            channel["legend"] for channel in channels if isinstance(channel, dict) and channel.get("field") == "configuration"
        ]
        assert len(legends) > 4
        assert all(legend == legends[0] and legend for legend in legends)


def test_curves_are_in_the_unit_of_their_panel_and_marked() -> None:
    """10 ms between tokens is 10 in a panel of ms; saturation, objective and memory have marks with words on lines of their own."""
    data = sweep(GROWING, {16: Outcome.OUT_OF_MEMORY})
    data = replace(data, study=data.study.model_copy(update={"objective": Objective(ttft_s=1.0)}))
    curves, front = figures(data)
    panels = {row["panel"] for row in rows(curves)}
    assert panels == {"Throughput (tokens/s)", "Energy per output token (mJ/token)", "Time between tokens (ms)"}
    gaps = {row["load"]: row["value"] for row in rows(curves) if row["kind"] == "line" and row["panel"].startswith("Time")}
    assert gaps[1] == pytest.approx(10)
    notes = {row["load"]: (row["text"], row["value"]) for row in rows(curves) if row["kind"] == "note"}
    assert notes == {4: ("best under the objective", 0), 16: ("memory ends", 1)}
    assert "100\u202ftokens/s at batch 1, at most 800\u202ftokens/s at batch 8" in curves.summary
    assert front is not None
    assert "800\u202ftokens/s" in front.summary


def test_the_front_has_intervals_and_a_line_through_what_nothing_beats() -> None:
    """Of two series the better one is joined; the other's loads are told by what beats them."""
    slow = batches({batch: rate / 2 for batch, rate in CURVE.items()}, 0.02, dtype="float32")
    _, front = figures(dataset([*slow, *batches(CURVE, 0.01, dtype="float16")]))
    assert front is not None
    edges = {(row["configuration"], row["load"]): row["edge"] for row in rows(front)}
    assert all(edge == ("float16" in name) for (name, _), edge in edges.items())
    assert all(row["y_low"] < row["y"] < row["y_high"] for row in rows(front))
    verdicts = {row[-1] for row in front.table.rows if "float16" not in str(row[0])}
    assert all("beaten by" in str(verdict) and "float16" in str(verdict) for verdict in verdicts)
    assert len(front.spec["usermeta"]["greenreport"]["groups"]) == 2


def test_the_finding_says_what_more_load_brings() -> None:
    """Where throughput saturates, more load adds latency; nothing is said to "cost only latency"."""
    _, front = figures(sweep({1: [100.0] * 3, 2: [180.0] * 3, 4: [182.0] * 3, 8: [183.0] * 3}))
    assert front is not None
    assert front.finding == "ONE: beyond batch 2, more load adds latency and hardly any throughput"


def test_the_finding_names_the_series_that_saturates() -> None:
    """Another series may still grow: its largest load does not hide where the first one ends."""
    full = batches({1: 100.0, 2: 180.0, 4: 182.0}, 0.02, dtype="float32")
    _, front = figures(dataset([*full, *batches(CURVE, 0.01, dtype="float16")]))
    assert front is not None
    assert "beyond batch 2, more load adds latency and hardly any throughput (" in front.finding
    assert "float16" not in front.finding


def test_two_loads_have_figures_that_claim_nothing() -> None:
    """Too few loads for a saturation are drawn with the mark where memory ends."""
    curves, front = figures(sweep({1: [1.0] * 3, 2: [2.0] * 3}, {4: Outcome.OUT_OF_MEMORY}))
    assert curves.finding == "ONE: too few loads work to see where throughput saturates"
    assert front is not None
    assert front.finding == curves.finding
    assert [row["text"] for row in rows(curves) if row["kind"] == "note"] == ["memory ends"]


def test_no_curve_meets_the_words_of_remarks() -> None:
    """The first axis reaches so far up that every value stays below the lines on which words stand."""
    curves, _ = figures(sweep({1: [100.0] * 3, 2: [180.0] * 3, 4: [182.0] * 3, 8: [183.0] * 3}))
    notes = [row for row in rows(curves) if row["kind"] == "note"]
    (room,) = (row for row in rows(curves) if row["kind"] == "room")
    highest = max(row["value"] for row in rows(curves) if row["kind"] == "run" and row["panel"] == room["panel"])
    assert len(notes) == 1
    assert PANEL * (1 - highest / room["value"]) > LINE * len(notes)
    assert {row["panel"] for row in notes} == {room["panel"]}


def test_bounds_of_the_objective_are_drawn_in_the_distributions() -> None:
    """Time to first token and between tokens with the declared share; without an objective no line."""
    data = dataset(batches(CURVE, 0.01))
    asked = tuple(request(i, 20 + 10 * i, 10, 5, streamed=True) for i in range(4))
    data = replace(data, cells=tuple(replace(c, runs=tuple(replace(r, requests=asked) for r in c.runs)) for c in data.cells))
    bounded = replace(data, study=data.study.model_copy(update={"objective": Objective(ttft_s=0.035, tbt_s=0.5, share=0.9)}))
    for item, told in ((data, False), (bounded, True)):
        study = study_context("x", analyse(item))
        first, between = wait_figures(study, item.models[0])
        assert ("The dashed line is the declared bound of 35.0\u202fms (for 90 in 100 requests)" in first.caption) is told
        assert ("The dashed line is the declared bound of 500\u202fms" in between.caption) is told
    assert first.summary.endswith("0 of 3 configurations keep at least 90 in 100 requests within 35.0\u202fms.")


def test_short_runs_have_ticks_in_milliseconds() -> None:
    """The course of runs of half a second is drawn in ms, so that no tick reads 500m."""
    data = sweep(GROWING)
    cell = data.cells[0]
    runs = tuple(
        replace(
            r,
            observations={
                **r.observations,
                "duration_s": replace(r.observations["tbt_s"], metric="duration_s", value=0.4 + r.repetition / 10),
            },
        )
        for r in cell.runs
    )
    figure = course_figure(study_context("x", analyse(data)), replace(cell, runs=runs))
    assert {row["panel"] for row in rows(figure)} == {"Execution time (ms)"}
    assert max(row["value"] for row in rows(figure)) == pytest.approx(700)


def test_loads_that_miss_the_objective_are_crossed_out() -> None:
    """Each load is judged by its own requests; a legend in the caption says what the cross means. Without an objective there is none."""
    data = sweep(GROWING)
    objective = Objective(ttft_s=1.0)
    _, front = figures(replace(data, study=data.study.model_copy(update={"objective": objective})))
    assert front is not None
    assert {row["load"]: row["misses"] for row in rows(front)} == {1: False, 2: False, 4: False, 8: True}
    assert "A cross marks loads that miss the objective (time to first token at most" in front.caption
    _, plain_front = figures(data)
    assert plain_front is not None
    assert not any(row["misses"] for row in rows(plain_front))
    assert "cross" not in plain_front.caption
