"""Tests of reading tables of runs: those of experiment-runner, and any other through a mapping."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from greenreport.errors import ImportFileError, SpecError
from greenreport.imports.mapping import Mapping, load_mapping
from greenreport.imports.reading import read_results
from greenreport.imports.results_table import ResultsTable, Role
from tests.imports.real_files import real

RUNS = "__run_id,__done,model,mode,length,topic,Inference Time,energy (kWh),note\n" + "".join(
    f"run_{run}_repetition_{repetition},DONE,m{run % 2},{'remote' if run // 2 % 2 else 'local'},{100 if run < 4 else 500},topic {repetition},"
    f"{run + repetition / 7},{1e-5 * (run + 1)},\n"
    for repetition in range(4)
    for run in range(8)
)  # fmt: skip


def made(folder: Path, text: str, name: str = "run_table.csv") -> Path:
    """Write a file and return its path."""
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def keys(table: ResultsTable, role: Role) -> dict[str, bool]:
    """Return the keys of a role, each with whether it is different work."""
    return {column.key: column.within for column in table.of(role)}


def test_a_run_table_needs_no_mapping(tmp_path: Path) -> None:
    """What differs among the repetitions of a treatment is no factor; lengths are different work; an empty column is left out."""
    table = read_results([made(tmp_path, RUNS)])
    assert (table.format, len(table), len(table.groups())) == ("experiment-runner", 32, 8)
    assert keys(table, Role.FACTOR) == {"mode": False, "length": True}
    assert {column.name: column.why_left_out for column in table.of(Role.LEFT_OUT)} == {
        "__done": "state of the run", "topic": "it differs from run to run", "note": "it is empty",
    }  # fmt: skip
    assert [column.values[9] for column in table.of(Role.REPETITION)] == [1.0]
    energy, duration = table.metric("energy_j"), table.metric("duration_s")
    assert energy is not None and duration is not None
    assert energy.scaled[1] == pytest.approx(72.0, rel=1e-12)
    assert table.lines[0] == 2


def test_a_mapping_says_what_each_column_is(tmp_path: Path) -> None:
    """Separator, decimal mark and encoding are declared; texts are put together of several columns; constants stand in every row."""
    text = "Größe;Art;Zähler;Energie;Zeit;egal\n7B;int8;1;12,5;1500,25;x\n7B;fp16;1;25;3000;y\n"
    file = tmp_path / "werte.csv"
    file.write_bytes(text.encode("cp1252"))
    mapping = made(
        tmp_path,
        'encoding: cp1252\ndecimal: ","\nseparator: ";"\nmodel: "Llama {Größe}"\nengine: {value: torch}\nrepetition: Zähler\n'
        "factors: {quantisation: Art}\nmetrics:\n  energy_j: {column: Energie, unit: mWh}\n  duration_s: {column: Zeit, unit: ms, statistic: mean}\n"
        "left_out: {egal: says nothing}\n",
        "map.yaml",
    )
    table = read_results([file], mapping=mapping)
    assert [list(column.values) for column in table.of(Role.MODEL)] == [["Llama 7B", "Llama 7B"]]
    assert [list(column.values) for column in table.of(Role.ENGINE)] == [["torch", "torch"]]
    energy, duration = table.metric("energy_j"), table.metric("duration_s", "mean")
    assert energy is not None and list(energy.scaled) == [45.0, 90.0]
    assert duration is not None and list(duration.scaled) == pytest.approx([1.50025, 3.0])
    with pytest.raises(ImportFileError, match=r"is not utf-8 text.*encoding: cp1252"):
        read_results([file])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model,rep,energy_j\nm,1,1_99.765\n", ":2: energy_j '1_99.765' is no number"),
        ("model,rep,energy_j\nm,1,٣\n", ":2: energy_j '٣' is no number"),
        ("model,rep,energy_j\nm,1,1\nm,2,1e999\n", ":3: energy_j '1e999' is no number"),
        ('model,rep,energy_j\nm,1,"2,5"\n', ":2: energy_j '2,5' is no number; if that is a decimal mark, declare `decimal: ','`"),
        ("model,rep,energy_j,energy_j\nm,1,1,2\n", ":1: columns that stand there twice: energy_j"),
        ("model,rep,energy_j\nm,1\n", ":2: cannot be read as CSV: Expected Number of Columns: 3 Found: 2"),
        ("model,rep,energy_j,mode\nm,1,1,a\n", ":1: the mapping does not say what these columns are: mode"),
        ("model,rep\nm,1\n", "no column 'energy_j'; there are model, rep"),
        ("model,rep,energy_j\n", "holds no rows"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_table_is_named(tmp_path: Path, text: str, message: str) -> None:
    """Numbers have ASCII digits alone, each column has one name and a meaning, each row all cells."""
    mapping = Mapping.model_validate(
        {"model": "model", "repetition": "rep", "metrics": {"energy_j": {"column": "energy_j", "unit": "J"}}}
    )
    with pytest.raises(ImportFileError) as caught:
        read_results([made(tmp_path, text)], mapping=mapping)
    assert message in str(caught.value)


def test_a_wrong_separator_is_named(tmp_path: Path) -> None:
    """A declared separator that parts nothing is not taken for a table of one column."""
    file = made(tmp_path, "model;rep;energy_j\nm;1;1\n")
    with pytest.raises(ImportFileError, match="one column only; its cells seem to be separated by ';'"):
        read_results([file], mapping=Mapping(separator=","))
    assert len(read_results([file])) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("metrics: {energy_j: {column: e, unit: s}}", "energy_j is in J, which 's' is not; units that can be converted: J, kJ"),
        ("load: {speed: a}", "'speed' is no load factor"),
        ("model: a\nhost: a", "the column 'a' is named twice: as model and as host"),
        ("model: {column: a, value: b}", "write the name of a column, or `{value: …}`"),
        ("modell: a", "unknown key 'modell', did you mean 'model'?"),
    ],
)
def test_a_wrong_mapping_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    """Units that do not fit, factors that do not exist and columns with two meanings are problems of the mapping."""
    with pytest.raises(SpecError) as caught:
        load_mapping(made(tmp_path, text, "map.yaml"))
    assert message in str(caught.value)


def test_a_folder_is_walked_for_files_of_one_format(tmp_path: Path) -> None:
    """Tables of several folders are one table; other files are passed over; a folder without results is named."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        made(tmp_path / name, RUNS)
        made(tmp_path / name, "no table\n", "README.md")
    table = read_results([tmp_path])
    assert (len(table), len(table.groups())) == (64, 8)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImportFileError, match="none with results of a known format"):
        read_results([tmp_path / "empty"])


@pytest.mark.parametrize(
    ("name", "separator", "column", "key", "scale", "groups"),
    [
        ("cain-2025", ",", "energy_usage_J", "energy_j", 1.0, 42),
        ("angels-2025", ";", "duration_ms", "duration_s", 1e-3, 30),
        ("quantized-llms_llama", ",", "GPU Energy", "gpu_energy_j", 1.0, 12),
        ("quantized-llms_qwen", ",", "Inference Time", "duration_s", 1.0, 12),
    ],
)
def test_published_run_tables_are_read_as_they_are(
    name: str, separator: str, column: str, key: str, scale: float, groups: int
) -> None:
    """Every value agrees with the module csv, and the runs of a treatment are one group."""
    file = real(f"{name}_run_table.csv")
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter=separator))
    table = read_results([file])
    found = table.metric(key)
    assert found is not None and found.name == column
    assert np.allclose(found.scaled, [float(row[column]) * scale for row in rows], rtol=1e-12, atol=0)
    assert len(table.groups()) == groups
    (repetition,) = table.of(Role.REPETITION)
    assert [f"{value:.0f}" for value in repetition.values] == [row["__run_id"].rpartition("_")[2] for row in rows]
