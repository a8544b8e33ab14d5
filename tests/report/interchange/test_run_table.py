"""Tests of run tables: every value as in the store, read again by the importer, and honest about what was not measured."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from greenreport.analysis.measure.dataset import Dataset
from greenreport.results import load_dataset
from greenreport.results.importing import import_results
from greenreport.store import Store
from tests.commands import greenreport

Values = dict[tuple[str, str, int, str], float]


def values(dataset: Dataset) -> Values:
    """Return every value by model, engine, repetition and metric; a net energy of nothing too, which an import reads and refuses."""
    return {
        (cell.model.label, cell.configuration.engine, run.repetition, metric): value
        for cell in dataset.cells
        for run in cell.ok
        for metric, item in run.observations.items()
        if (value := item.refused if item.value is None else item.value) is not None
    }


def written(folder: Path, study: str, target: Path, *more: str) -> pd.DataFrame:
    """Export a study as a run table and read it as pandas does."""
    done = greenreport(folder, "export", study, "--as", "run-table", "--out", str(target / "out"), *more)
    assert done.returncode == 0, done.stderr
    return pd.read_csv(target / "out" / "run_table.csv")


@pytest.mark.parametrize("mapping", [True, False])
def test_a_table_is_read_again_with_equal_values(measured: Path, tmp_path: Path, mapping: bool) -> None:
    """All metrics of all runs, with the mapping and without: the names of the columns tell what they are."""
    frame = written(measured, "studies/judged.yaml", tmp_path)
    ours = load_dataset(measured / "studies" / "judged.yaml", measured / "cache")
    assert len(frame) == 9 and set(frame["__done"]) == {"DONE"} and set(frame["__simulated"]) == {"no"}
    assert frame["__estimated"].isna().all()
    for (_, engine, repetition, metric), value in values(ours).items():
        row = frame[(frame["engine"] == engine) & frame["__run_id"].str.endswith(f"_repetition_{repetition - 1}")]
        assert row[metric].item() == pytest.approx(value, rel=1e-15)
    store = Store(tmp_path / "greenreport.duckdb")
    import_results(
        store, [tmp_path / "out" / "run_table.csv"], "again", mapping=tmp_path / "out" / "mapping.yaml" if mapping else None
    )
    assert values(load_dataset("again", tmp_path)) == values(ours)


def test_estimated_energy_says_so(modelled: Path, tmp_path: Path) -> None:
    """Each row names the metrics that a power model made."""
    frame = written(modelled, "studies/judged.yaml", tmp_path)
    assert all({"energy_j", "j_per_request"} <= set(names.split()) for names in frame["__estimated"])
    assert not any("duration_s" in names.split() for names in frame["__estimated"])
    assert frame["__energy_boundary"].str.contains("model").all()


def test_imported_means_stay_means_and_formulas_are_disarmed(elsewhere: Path, tmp_path: Path) -> None:
    """The statistic stands in the name of the column and in the mapping; a name that a spreadsheet would compute is quoted."""
    frame = written(elsewhere, "there", tmp_path)
    assert list(frame["energy_j_mean"]) == [10 * 1.0625, 11 * 1.0625, 20 * 1.0625, 22 * 1.0625]
    assert list(frame["duration_s"]) == [1.5, 1.25, 0.5, 0.75]
    assert set(frame["model"]) == {"'=1+1"} and set(frame["option_quantisation"]) == {"4-bit, packed"}
    import_results(Store(tmp_path / "greenreport.duckdb"), [tmp_path / "out" / "run_table.csv"], "again")
    again = load_dataset("again", tmp_path)
    means = [run.observations["energy_j"].statistic for run in again.runs]
    assert means == ["mean"] * 4 and [run.observations["duration_s"].statistic for run in again.runs] == [None] * 4


def test_what_is_there_is_not_overwritten(measured: Path, tmp_path: Path) -> None:
    """A folder with something in it is refused without --force, and only its files of the same names are replaced with it."""
    target = tmp_path / "kept"
    target.mkdir()
    (target / "notes.txt").write_text("mine", encoding="utf-8")
    arguments = ("export", "studies/judged.yaml", "--as", "run-table", "--out", str(target))
    refused = greenreport(measured, *arguments)
    assert (refused.returncode, "exists already" in refused.stderr, len(list(target.iterdir()))) == (2, True, 1)
    assert greenreport(measured, *arguments, "--force").returncode == 0
    assert {file.name for file in target.iterdir()} == {"notes.txt", "run_table.csv", "mapping.yaml"}


def test_formats_that_do_not_exist_and_options_that_do_not_fit_are_refused(measured: Path) -> None:
    """Each with a sentence that says what there is, and the exit code of wrong input."""
    unknown = greenreport(measured, "export", "studies/judged.yaml", "--as", "runtable")
    assert unknown.returncode == 2 and "run-table" in unknown.stderr
    for arguments in (("--out", "x"), ("--as", "run-table", "--paper", "x")):
        assert greenreport(measured, "export", "studies/judged.yaml", *arguments).returncode == 2
