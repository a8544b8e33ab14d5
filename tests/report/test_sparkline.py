"""Tests of the drawing in the index: what it shows is said, nothing it says is a bare percentage, and labels stay apart."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree as ET

from greenreport.analysis.analyse import analyse
from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.dataset import Dataset
from greenreport.catalog import METRICS
from greenreport.report.context import study_context
from greenreport.report.figures.saturation_curves import by_model_and_factor, series_looks
from greenreport.report.sparkline import MOST, WIDTH, direction, sparkline
from greenreport.study import Configuration
from tests.analysis.test_frontier import GROWING, sweep
from tests.datasets import around, dataset, run

ENERGY = {"a": {"torch": around(100), "onnx": around(50), "openvino": around(150)}}


def drawn(data: Dataset) -> ET.Element:
    """Return the drawing of a data set."""
    return ET.fromstring(sparkline(study_context("x", analyse(data))))


def words(drawing: ET.Element) -> list[str]:
    """Return its texts with ordinary spaces."""
    return [str(text.text).replace("\u00a0", " ") for text in drawing.iter("text")]


def names(drawing: ET.Element) -> list[str]:
    """Return its texts but for the ratios at its right edge."""
    return [str(text.text).replace("\u00a0", " ") for text in drawing.iter("text") if text.attrib["text-anchor"] != "end"]


def told(drawing: ET.Element) -> str:
    """Return what it says to those who do not see it."""
    return drawing.attrib["aria-label"].replace("\u00a0", " ")


def test_a_strip_says_what_it_shows_and_where_less_is() -> None:
    """The metric's noun and the direction above, the reference below, each ratio beside its mark, and the same in words."""
    drawing = drawn(dataset(ENERGY))
    shown = words(drawing)
    assert shown[0] == "energy ← less"
    assert shown[-1] == "dashed: the same as Torch"
    assert shown[1:-1] == ["ONNX Runtime", "0.500\u202f×", "OpenVINO", "1.50\u202f×"]  # all serve on the CPU
    assert told(drawing) == (
        "Energy from less to more: ONNX Runtime · CPU 0.500\u202f×, Torch · CPU (the reference), OpenVINO · CPU 1.50\u202f×"
    )
    assert len(list(drawing.iter("polygon"))) == 2  # the shapes of their engines


def test_who_is_not_ranked_is_not_left_out_without_a_word() -> None:
    """On a phone the worst configuration was gone, and all that was left was better than the reference."""
    drawing = drawn(dataset({"a": ENERGY["a"]}, outputs={("a", "openvino"): ("a", "x")}))
    assert words(drawing)[:2] == ["energy ← less, 1 not ranked", "ONNX Runtime"]


def test_the_direction_follows_the_metric() -> None:
    """Of throughput more is better; of a metric without a better side the smaller one is named."""
    assert direction(METRICS["throughput_tokens_per_s"]) == "throughput → higher"
    assert direction(METRICS["duration_s"]) == "execution time ← shorter"
    assert direction(METRICS["cpu_usage_pct"]) == "CPU usage ← lower"


def test_no_text_leaves_the_drawing_when_the_reference_is_at_its_edge() -> None:
    """The line of the reference may lie left or right; its label does not go beyond."""
    for centre in (5, 2000):
        texts = list(drawn(dataset({"a": {"torch": around(100), "onnx": around(centre)}})).iter("text"))
        assert all(0 <= float(text.attrib["x"]) <= WIDTH for text in texts)


def test_of_many_configurations_the_best_are_drawn_and_the_number_is_said() -> None:
    """More rows than fit: the lowest, and how many there are."""
    made = dataset({"a": {"torch": around(100)}})
    cells = list(made.cells)
    for threads in range(1, MOST + 3):
        configuration = Configuration(engine="onnx", threads=threads)
        runs = tuple(run(n, {"energy_j": 10.0 * threads + n}) for n in range(1, 6))
        cells.append(CellView(made.models[0], configuration, runs))
    spec = made.study.model_copy(update={"configurations": tuple(cell.configuration for cell in cells)})
    drawing = drawn(replace(made, study=spec, cells=tuple(cells)))
    assert words(drawing)[0] == f"energy ← less, {MOST} of {MOST + 2}"
    assert len(list(drawing.iter("polygon"))) == MOST


LONG = "onnxruntime-with-a-long-name-of-a-nightly-build"


def environments(*names: str) -> Dataset:
    """Return a data set of one engine in several environments."""
    made = dataset({"a": {"onnx": around(100)}})
    cells = []
    for place, name in enumerate(names):
        configuration = Configuration(engine="onnx", environment=name)
        runs = tuple(run(n, {"energy_j": 10.0 * place + 10 + n / 10}) for n in range(1, 6))
        cells.append(CellView(made.models[0], configuration, runs))
    spec = made.study.model_copy(update={"configurations": tuple(cell.configuration for cell in cells)})
    return replace(made, study=spec, cells=tuple(cells))


def test_a_name_is_told_whole_without_what_all_rows_share() -> None:
    """The engine of all is not named; a name wider than its column goes on below, and nothing is cut."""
    assert names(drawn(environments("ort-1.20", "ort-1.23", "ort-1.32"))) == [
        "energy ← less",
        "ort-1.23",
        "ort-1.32",
        "dashed: the same as ort-1.20",
    ]
    drawing = drawn(environments("first", f"{LONG}-1", f"{LONG}-2"))
    shown = names(drawing)
    assert not any("…" in line for line in shown)
    assert "".join(shown[1:-1]) == f"{LONG}-1{LONG}-2"
    places = [float(text.attrib["y"]) for text in drawing.iter("text") if text.attrib["text-anchor"] != "end"]
    assert places == sorted(places) and min(b - a for a, b in pairwise(places)) > 11
    assert places[-1] < float(drawing.attrib["height"])


def loads(replicas: int, most: float) -> list[CellView]:
    """Return the cells of one series that stops growing at batch 4."""
    made = []
    for batch in (1, 2, 4, 8):
        configuration = Configuration(engine="torch", batch_size=batch, replicas=replicas)
        rate = most * min(batch, 4) / 4
        runs = tuple(run(n, {"throughput_tokens_per_s": rate + n / 100}) for n in range(1, 4))
        made.append(CellView(sweep(GROWING).models[0], configuration, runs))
    return made


def test_curves_are_labelled_where_they_end_and_the_ring_is_explained() -> None:
    """Two series: each named by what tells it from the other, in the colours of the frontier page, labels apart."""
    made = sweep(GROWING)
    cells = (*loads(1, 400.0), *loads(2, 401.0))
    spec = made.study.model_copy(update={"configurations": tuple(cell.configuration for cell in cells)})
    data = replace(made, study=spec, cells=cells)
    study = study_context("x", analyse(data))
    drawing = ET.fromstring(sparkline(study))
    shown = words(drawing)
    assert shown[:2] == ["throughput ↑ higher", "saturates"]
    assert "2 replicas" in shown
    frontier = study.analysis.frontier
    assert frontier is not None
    (group,) = by_model_and_factor(frontier.series).values()
    colours = {look.colour for look in series_looks(study, group).values()}
    assert {line.attrib["stroke"] for line in drawing.iter("polyline")} == colours
    assert len(colours) == 2
    places = [float(text.attrib["y"]) for text in drawing.iter("text") if text.text in ("1 replica", "2 replicas")]
    assert len(places) == 2
    assert abs(places[0] - places[1]) >= 12
    assert "2 replicas saturates at batch 4" in told(drawing)


def test_a_single_curve_that_still_grows_has_no_ring_to_explain() -> None:
    """Nothing saturates: no ring, and the words say that the sweep ended first."""
    drawing = drawn(sweep(GROWING))
    assert "saturates" not in words(drawing)
    assert told(drawing).endswith("still grows at the largest load measured")


def test_nothing_to_compare_gives_no_drawing() -> None:
    """One configuration has no ratios."""
    assert sparkline(study_context("x", analyse(dataset({"a": {"torch": around(10)}})))) == ""
