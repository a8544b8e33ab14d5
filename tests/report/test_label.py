"""Tests of energy labels: absolute values with all they depend on, never a grade."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from greenreport.analysis.analyse import analyse
from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.metrics import Observation
from greenreport.record import Method
from greenreport.report.context import StudyContext, study_context
from greenreport.report.drawing.svg_text import width
from greenreport.report.exports.label import WIDTH, energy_label, label_svg
from tests.datasets import around, dataset
from tests.hostile_site import HOSTILE
from tests.report.test_card import SVG, size, texts

TOKENS = (0.040, 0.042, 0.041, 0.039, 0.043)


def made(method: Method = Method.MEASURED, boundary: str = "CPU package-0", **changes: object) -> Dataset:
    """Return a study whose cells have energy per token and per request, five runs each."""
    base = dataset({"a": {"torch": around(100.0), "onnx": around(60.0)}}, **changes)

    def told(cell: CellView) -> CellView:
        runs = tuple(
            replace(
                run,
                observations={
                    **run.observations,
                    "j_per_output_token": Observation("j_per_output_token", value, boundary, method, None),
                    "j_per_request": Observation("j_per_request", value * 8, boundary, method, None),
                },
            )
            for run, value in zip(cell.runs, TOKENS, strict=True)
        )
        return replace(cell, runs=runs, estimates_answer=True)

    return replace(base, cells=tuple(told(cell) for cell in base.cells), prompts_count=4)


def labelled(data: Dataset) -> tuple[StudyContext, CellView]:
    """Return a study and its first cell."""
    study = study_context("tiny", analyse(data))
    return study, study.dataset.cells[0]


def test_a_label_says_how_much_for_how_much_work_and_what_it_depends_on() -> None:
    """Energy for 1,000 output tokens and for a request, with interval, runs, method, boundary, work, machine and date."""
    label = energy_label(*labelled(made()))
    assert label is not None
    assert [(a.energy, a.work) for a in label.amounts] == [
        ("41.0\u202fJ", "for 1,000 output tokens"),
        ("328\u202fmJ", "for one request"),
    ]
    assert re.fullmatch(r"9[0-9]\u202f% interval 39\.0\u202fJ to 43\.0\u202fJ", label.amounts[0].interval)
    facts = dict(label.facts)
    assert facts == {
        "Value": "median of 5 valid runs",
        "Method": "measured",
        "Boundary": "CPU package-0; idle power included",
        "Work": "4 prompts, exactly 8 output tokens each",
        "Machine": "Test CPU (2 cores)",
        "Date": "2026-01-01",
        "Study": "tiny, greenreport",
    }
    said = texts_of(label_svg(label))
    for part in ("41.0\u00a0J", "A", "Torch\u00a0·\u00a0CPU", *facts.values(), "untrained weights"):
        assert part in said, part
    assert not re.search(r"\bgrade [A-G]\b|★|[A-G]\+", " ".join(said))


def test_the_work_is_that_of_the_cell() -> None:
    """Where a configuration sets its own number of output tokens, the label says that one."""
    study, cell = labelled(made())
    longer = replace(cell, configuration=cell.configuration.model_copy(update={"output_tokens": 32}))
    label = energy_label(study, longer)
    assert label is not None
    assert dict(label.facts)["Work"] == "4 prompts, exactly 32 output tokens each"
    workload = study.dataset.study.workload.model_copy(update={"requests": 100})
    repeated = replace(study.dataset, study=study.dataset.study.model_copy(update={"workload": workload}))
    label = energy_label(study_context("tiny", analyse(repeated)), longer)
    assert label is not None
    assert dict(label.facts)["Work"] == "100 requests, exactly 32 output tokens each"


def texts_of(svg: str) -> list[str]:
    """Return what a label says, apart from its title."""
    return texts(svg.replace("<title>", "<text>").replace("</title>", "</text>"))[1:]


def test_the_value_does_not_depend_on_other_configurations() -> None:
    """The label of a cell stays the same when a worse or a better one joins."""
    few = energy_label(*labelled(made()))
    study, _ = labelled(made())
    alone = replace(study.dataset, cells=study.dataset.cells[:1])
    assert energy_label(*labelled(alone)) == few


def test_estimates_and_other_outputs_are_told() -> None:
    """A power model, untrained weights, and a cell that does other work wear their bands."""
    study, cell = labelled(made(Method.ESTIMATED))
    label = energy_label(study, cell)
    assert label is not None
    assert dict(label.facts)["Method"] == "estimated by a power model from the CPU load"
    other = dataset({"a": {"torch": around(100.0), "onnx": around(60.0)}}, outputs={("a", "onnx"): ("x", "y")})
    merged = replace(
        made(),
        cells=tuple(
            replace(
                cell, runs=tuple(replace(run, requests=odd.requests) for run, odd in zip(cell.runs, source.runs, strict=True))
            )
            for cell, source in zip(made().cells, other.cells, strict=True)
        ),
    )
    study, _ = labelled(merged)
    bands = {c.configuration.id: energy_label(study, c) for c in study.dataset.cells}
    onnx, torch = bands["onnx-cpu"], bands["torch-cpu"]
    assert onnx is not None
    assert torch is not None
    assert onnx.bands == ("untrained weights", "other outputs than the reference")
    assert torch.bands == ("untrained weights",)
    assert "other outputs than the reference" in texts_of(label_svg(onnx))


def test_without_energy_there_is_no_label() -> None:
    """Time alone makes none."""
    study = study_context("tiny", analyse(dataset({"a": {"torch": around(100.0)}})))
    assert energy_label(study, study.dataset.cells[0]) is None


@pytest.mark.parametrize("text", [HOSTILE, "word " * 80, "x" * 290], ids=["hostile", "words", "one word"])
def test_long_and_hostile_names_stay_inside(text: str) -> None:
    """Model, boundary and bands are cut or broken; nothing leaves the frame or becomes a tag."""
    data = made(boundary=text)
    study, cell = labelled(data)
    cell = replace(cell, model=cell.model.model_copy(update={"name": text}))
    study = replace(
        study, bands=("estimated energy", "untrained weights", "simulated engine", "measured elsewhere"), machine=text
    )
    label = energy_label(study, cell)
    assert label is not None
    root = ET.fromstring(label_svg(label))
    assert {e.tag.removeprefix(SVG) for e in root.iter()} == {"svg", "title", "defs", "pattern", "rect", "text"}
    tall = float(root.attrib["height"])
    for element in root.iter(f"{SVG}text"):
        wide = width("".join(element.itertext()), float(element.attrib["font-size"]), bold="font-weight" in element.attrib)
        assert float(element.attrib["x"]) + wide <= WIDTH
        assert float(element.attrib["y"]) < tall
    for element in root.iter(f"{SVG}rect"):
        assert float(element.attrib.get("x", 0)) + float(element.attrib["width"]) <= WIDTH


def test_cells_with_energy_link_their_label(built: Path) -> None:
    """SVG and PNG of the built site, linked from the page of the cell."""
    folder = built / "site" / "s" / "tiny"
    labels = sorted((folder / "labels").glob("*.svg"))
    assert len(labels) == 2
    for file in labels:
        page = (folder / "cells" / file.stem / "index.html").read_text(encoding="utf-8")
        assert f'href="../../../../s/tiny/labels/{file.name}"' in page
        across, _ = size(file.with_suffix(".png").read_bytes())
        assert across == 2 * WIDTH
        assert "for 1,000 output tokens" in " ".join(texts_of(file.read_text(encoding="utf-8")))
        assert "simulated engine" in texts_of(file.read_text(encoding="utf-8"))
