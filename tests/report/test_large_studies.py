"""Tests of studies with too many cells for a page each, and of figures with too many models to be drawn."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from greenreport.report import context
from greenreport.report.build import build
from greenreport.report.check import check_site
from greenreport.report.figures import specification
from greenreport.report.figures.specification import drawn
from greenreport.results.importing import import_results
from greenreport.store import Store
from greenreport.study import Configuration
from tests.report.test_pages import text_of

MODELS, RUNS = 61, 3


@dataclass(frozen=True)
class Row:
    """A row of a figure."""

    model: str


def table(file: Path) -> Path:
    """Write a table of two engines on many models."""
    rows = [
        f"model-{model},{engine},cpu,{run},energy_j,{1 + model + run / 50 + slower},J"
        for model in range(MODELS)
        for engine, slower in (("torch", 1.0), ("onnx", 0.0))
        for run in range(1, RUNS + 1)
    ]
    file.write_text("\n".join(["model,engine,provider,repetition,metric,value,unit", *rows]) + "\n", encoding="utf-8")
    return file


def test_models_are_drawn_while_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first ones, whole, and always one; the caption says how many of all."""
    monkeypatch.setattr(specification, "MOST_BYTES", 1000)
    rows = [Row(f"m{model}") for model in range(4) for _ in range(5)]
    assert drawn(rows, 50) == (rows, "")
    assert drawn(rows, 60) == (rows[:15], " The first 3 of 4 drawn; the CSV file has all.")
    assert drawn(rows, 5000) == (rows[:5], " The first of 4 drawn; the CSV file has all.")
    assert drawn([], 50) == ([], "")


def test_cells_and_models_of_a_large_study_have_no_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They stand in the explorer and in the data; tables show their beginning, and every link leads somewhere."""
    monkeypatch.setattr(context, "MOST_CELLS_WITH_PAGES", 2 * MODELS - 1)
    monkeypatch.setattr(specification, "MOST_BYTES", 20_000)
    cache, studies, site = (tmp_path / name for name in ("cache", "studies", "site"))
    cache.mkdir(exist_ok=True)
    studies.mkdir()
    import_results(Store(cache / "greenreport.duckdb"), [table(tmp_path / "t.csv")], "large")
    built = build(studies, cache, site, None)
    assert built.failures == ()
    assert check_site(site) == []
    folder = site / "s" / "large"
    assert not (folder / "cells").exists()
    assert not (folder / "models").exists()
    matrix = text_of(folder / "matrix" / "index.html")
    assert "There are too many for a page each" in matrix
    assert f"The first 60 of {MODELS} rows; all of them are in the data" in matrix
    assert f"of {MODELS} drawn; the CSV file has all." in text_of(folder / "rq" / "rq1" / "index.html")
    assert f"The first 20 of {MODELS} rows" in text_of(folder / "claims" / "index.html")
    cells = (site / "explorer" / "cells.csv").read_text(encoding="utf-8").splitlines()
    assert len(cells) == 1 + 2 * MODELS
    assert all(cell.endswith(",s/large/matrix/index.html") for cell in cells[1:])
    with gzip.open(folder / "data" / "findings.json.gz", "rt", encoding="utf-8") as findings:
        assert len(json.load(findings)["cells"]) == 2 * MODELS


def test_a_copy_of_a_configuration_has_an_id_of_its_own() -> None:
    """Ids are found once for each configuration, and never taken over by another one."""
    first = Configuration(engine="torch")
    assert first.id == "torch-cpu"
    assert first.model_copy(update={"provider": "cuda"}).id == "torch-cuda"
    assert first.model_copy() == first
