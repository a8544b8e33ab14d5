"""Tests of imported results that lie beside their study file."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from greenreport.analysis.findings_json.plain_values import plain_text
from greenreport.analysis.hypotheses.claim_text import plain
from greenreport.errors import ImportFileError, StoreError
from greenreport.report.context import study_context
from greenreport.report.pages import study_pages
from greenreport.report.pages.index_page import index_page
from greenreport.report.pages.overview_page import OverviewContent
from greenreport.report.summary import summarise
from greenreport.results import load, locate_all

SHIPPED = Path(__file__).resolve().parents[2] / "studies" / "duran-2024.yaml"
STUDY = {
    "study": "theirs", "title": "Theirs", "imported": "theirs", "questions": {"RQ1": "Energy?"},
    "hypotheses": [{"id": "H1.0", "question": "RQ1", "metric": "energy_j"}],
}  # fmt: skip
TABLE = "model,engine,provider,repetition,metric,value,unit\n"


def written(folder: Path, rows: str) -> Path:
    """Write the study and its table; return the study file."""
    results = folder / "studies" / "theirs" / "results"
    results.mkdir(parents=True)
    (results / "table.csv").write_text(TABLE + rows, encoding="utf-8")
    file = folder / "studies" / "theirs.yaml"
    file.write_text(yaml.safe_dump(STUDY), encoding="utf-8")
    return file


def test_the_shipped_figures_of_a_paper_are_described_and_not_tested(tmp_path: Path) -> None:
    """The ratio is that of the printed figures, the sentence says that it is theirs, and the decision that nothing was tested."""
    analysis = load(SHIPPED, tmp_path)
    assert analysis.dataset.imported
    energy, time = analysis.answers
    assert plain_text(plain(energy.lead)) == (
        "As published, Torch · CUDA uses the least energy on all 3 sizes: 84 % less than Torch · CPU."
    )
    claim = next(part for part in energy.lead if not isinstance(part, str))
    ratios = (16432.53 / 64993.75, 31525.72 / 216854.71, 62301.62 / 512731.24)
    assert claim.value == pytest.approx((ratios[0] * ratios[1] * ratios[2]) ** (1 / 3), rel=1e-12)
    assert time.answers[0].decision == "H2.0 is not tested: each cell has one value, so how far apart runs lie is not known."
    assert {cell.runs[0].observations["energy_j"].boundary for cell in analysis.dataset.cells} == {
        "as imported: aggregated, the mean"
    }


def test_rows_of_a_table_are_not_counted_as_runs(tmp_path: Path) -> None:
    """Neither on the first page of the study nor among the valid runs of the whole site."""
    study = study_context("duran-2024", load(SHIPPED, tmp_path))
    first = next(study_pages(study, "")).content
    assert isinstance(first, OverviewContent)
    assert [(number.label, number.text) for number in first.numbers][-1] == ("Rows of the table", "15")
    assert index_page([summarise(study, [])]).content.runs == 0


def test_a_table_beside_its_study_needs_no_store(tmp_path: Path) -> None:
    """It is read where it lies; another content is another stamp; with several runs it is tested like any other."""
    rows = "".join(
        f"A,{engine},cpu,{n},energy_j,{value + n},J\n" for engine, value in (("x", 100), ("y", 50)) for n in range(1, 6)
    )
    file = written(tmp_path, rows)
    [first] = locate_all(tmp_path / "studies", tmp_path / "cache", None)
    assert first.read().dataset.imported
    analysis = load(file, tmp_path / "cache")
    assert analysis.findings[0].rejected
    table = tmp_path / "studies" / "theirs" / "results" / "table.csv"
    table.write_text(TABLE + rows.replace("101", "102"), encoding="utf-8")
    [second] = locate_all(tmp_path / "studies", tmp_path / "cache", None)
    assert second.stamp != first.stamp


def test_a_wrong_table_beside_a_study_is_named(tmp_path: Path) -> None:
    """File and line are in the message; without any table, the message says how to import one."""
    file = written(tmp_path, "A,x,cpu,1,energy_j,many,J\n")
    with pytest.raises(ImportFileError, match=r"table\.csv:2"):
        load(file, tmp_path / "cache")
    (tmp_path / "studies" / "theirs" / "results" / "table.csv").unlink()
    with pytest.raises(StoreError, match="greenreport import FILE --study theirs"):
        load(file, tmp_path / "cache")
