"""Tests of the explorer's data: every cell of every study, once, with what it is and its medians."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

from greenreport.analysis.analyse import analyse
from greenreport.analysis.measure.dataset import Dataset
from greenreport.record import FlagCode
from greenreport.report.cell_summary import CellSummary, cell_summaries
from greenreport.report.context import study_context
from greenreport.report.pages import explorer_files, site_pages
from greenreport.report.pages.explorer_page import (
    CSV,
    FACETS,
    PREFERRED,
    ROWS,
    SCRIPT,
    ExplorerContent,
    default_axes,
    explorer_page,
    size_of,
)
from greenreport.report.summary import Summary
from tests.datasets import around, dataset
from tests.hostile_site import HOSTILE
from tests.report.test_feed import context

CELL = CellSummary(
    "M", 124_000_000, "Torch · CPU", "torch", "Torch", "CPU", "float32", "one request at a time", "untrained", "metered", 3,
    "s/a/cells/m--torch-cpu/index.html", {"energy_j": 100.0, "duration_s": 2.0},
)  # fmt: skip


def with_cells(slug: str, *cells: CellSummary, **changes: object) -> Summary:
    """Return a study of the site with these cells."""
    return replace(context(slug), cells=cells, **changes)  # type: ignore[arg-type]


def script(*studies: Summary) -> dict[str, object]:
    """Return what the page's script reads."""
    text = explorer_files(studies)[SCRIPT].decode()
    return dict(json.loads(text.removeprefix("window.greenreportCells = ").removesuffix(";\n")))


def summaries(made: Dataset) -> list[CellSummary]:
    """Return the cells of a dataset."""
    return list(cell_summaries(study_context("tiny", analyse(made))))


def test_a_cell_says_what_it_is_and_its_medians() -> None:
    """Of runs that count, in base units; energy from a power model says so."""
    first, second = summaries(dataset({"a": {"torch": around(100.0), "onnx": around(60.0)}}))
    assert (first.model, first.configuration, first.engine, first.provider) == ("A", "Torch\u00a0·\u00a0CPU", "Torch", "CPU")
    assert (first.dtype, first.load, first.weights, first.runs) == ("float32", "one request at a time", "untrained", 5)
    assert first.medians["energy_j"] == 100.0
    assert second.engine_id == "onnx"
    assert first.address == "s/tiny/cells/a--torch-cpu/index.html"


def test_what_other_programs_disturbed_has_no_medians() -> None:
    """It is listed all the same, since it was measured."""
    made = dataset({"a": {"torch": around(100.0)}})
    (cell,) = made.cells
    flag = replace(cell.runs[0].flags[0], code=FlagCode.FOREIGN_LOAD) if cell.runs[0].flags else None
    if flag is None:
        from greenreport.record import Flag

        flag = Flag(FlagCode.FOREIGN_LOAD, "another program", fatal=False)
    disturbed = replace(made, cells=(replace(cell, runs=tuple(replace(run, flags=(flag,)) for run in cell.runs)),))
    (summary,) = summaries(disturbed)
    assert (summary.runs, summary.medians) == (5, {})


def test_every_cell_is_in_the_script_and_in_the_table() -> None:
    """By the places of its values; what is not known says so and stands last."""
    other = replace(CELL, model="N", dtype="", parameters=None, load="batch 8", medians={"energy_j": 5.0}, energy="modelled")
    data = script(with_cells("a", CELL, title="One"), with_cells("b", other, title="Two"))
    facets = {facet["name"]: facet["values"] for facet in data["facets"]}  # type: ignore[attr-defined]
    assert facets["study"] == ["One", "Two"]
    assert facets["size"] == ["below 200 M", "not known"]
    assert facets["precision"] == ["float32", "not known"]
    assert facets["energy"] == ["metered", "modelled"]
    assert [metric["id"] for metric in data["metrics"]] == ["duration_s", "energy_j"]  # type: ignore[attr-defined]
    rows = data["rows"]
    assert isinstance(rows, list)
    assert [row[-1] for row in rows] == [[2.0, 100.0], [None, 5.0]]
    assert [row[5][0] for row in rows] == [0, 1]
    table = list(csv.DictReader(io.StringIO(explorer_files([with_cells("a", CELL), with_cells("b", other)])[CSV].decode())))
    assert [row["energy_j"] for row in table] == ["100.0", "5.0"]
    assert table[1]["duration_s"] == ""
    assert table[0]["page"] == CELL.address


def test_axes_are_those_that_mean_something_for_most_cells() -> None:
    """Per token against throughput where half of the cells have both; else the time and the energy that most have; else none."""
    study = with_cells("a")
    per_token = replace(CELL, medians={"energy_j": 1.0, "duration_s": 1.0, PREFERRED[0]: 3.0, PREFERRED[1]: 4.0})
    names = [default_axes([(study, cell) for cell in cells]) for cells in ((per_token, CELL), (per_token, CELL, CELL), ())]
    assert [axes and tuple(metric.id for metric in axes) for axes in names] == [PREFERRED, ("duration_s", "energy_j"), None]
    no_energy = replace(CELL, medians={"duration_s": 1.0, "weights_b": 2.0})
    axes = default_axes([(study, no_energy)])
    assert axes is not None
    assert {metric.id for metric in axes} == {"duration_s", "weights_b"}


def test_the_page_holds_the_first_cells_and_says_how_many_there_are() -> None:
    """All of them would weigh too much; without any the page says so."""
    content = explorer_page([with_cells("a", *[CELL] * (ROWS + 1)), with_cells("b", CELL)]).content
    assert (len(content.cells), content.total, content.studies) == (ROWS, ROWS + 2, 2)
    assert explorer_page([with_cells("a")]).content == ExplorerContent((), 0, 0, None)
    assert [page.path for page in site_pages([])][1] == "explorer/index.html"


def test_sizes_of_models_have_bounds() -> None:
    """A bound belongs to the class above it."""
    assert [size_of(size) for size in (1, 200_000_000, 1_000_000_000, 7_000_000_000, None)] == [
        "below 200 M", "200 M to 1 B", "1 B to 3 B", "3 B and more", "not known",
    ]  # fmt: skip


def test_hostile_texts_end_no_script_and_are_no_formula() -> None:
    """A text cannot close the script, and a spreadsheet takes none for a formula."""
    studies = [with_cells("a", replace(CELL, model=text, configuration=text), title=text) for text in (HOSTILE, "=1+1")]
    files = explorer_files(studies)
    assert b"</script" not in files[SCRIPT].lower()
    assert not [row for row in csv.reader(io.StringIO(files[CSV].decode())) for value in row if value.startswith("=")]


def test_facets_have_names_of_their_own() -> None:
    """The address knows them by these, beside the axes and the order."""
    names = [facet.name for facet in FACETS]
    assert len({*names, "x", "y", "sort"}) == len(names) + 3
