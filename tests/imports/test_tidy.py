"""Tests of greenreport's own table of results: a row for each value."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from greenreport.errors import ImportFileError
from greenreport.imports.observed_values import ObservedValues
from greenreport.imports.reading import read_results
from greenreport.imports.results_table import Role

HEAD = "model,engine,provider,repetition,metric,value,unit"


def table(tmp_path: Path, text: str) -> Path:
    """Write a table and return its path."""
    file = tmp_path / "t.csv"
    file.write_text(text, encoding="utf-8")
    return file


def refused(file: Path) -> str:
    """Return why a table is refused."""
    with pytest.raises(ImportFileError) as caught:
        ObservedValues(read_results([file], "tidy"), str(file))
    return str(caught.value)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("m,e,p,1,energy,1,J", ":2: unknown metric 'energy', did you mean 'energy_j'?\nknown metrics: "),
        ("m,e,p,1,time_s,1,s", ":2: unknown metric 'time_s', did you mean 'duration_s'?"),  # not cpu_time_s
        ("m,e,p,1,energy_j,1,kJ", ":2: energy_j is in 'J', not 'kJ'; convert it first"),
        ("m,e,p,0,energy_j,1,J", ":2: repetition '0' is no whole number from 1"),
        ("m,e,p,1.5,energy_j,1,J", ":2: repetition '1.5' is no whole number from 1"),
        ("m,e,p,,energy_j,1,J", ":2: repetition is blank and is no whole number from 1"),
        ("m,e,p,²,energy_j,1,J", ":2: repetition '²' is no number"),
        ("m,e,p,20240103,energy_j,1,J", ":2: repetition '20240103' is more than 10,000, the most a study has"),
        ('"m\nn",e,p,1,energy_j,1,J', ":3: model holds a line break or another control character"),
        ("m,e,p,1,energy_j,lots,J", ":2: value 'lots' is no number"),
        ("m,e,p,1,energy_j,1_99.765,J", ":2: value '1_99.765' is no number"),
        ("m,e,p,1,energy_j,٣,J", ":2: value '٣' is no number"),
        ("m,e,p,1,energy_j,nan,J", ":2: value 'nan' is no number"),
        ("m,e,p,1,energy_j,1e308,J", ":2: energy_j 1e+308 J is more than anything that is measured"),
        ("m,e,p,1,energy_j,1e30,J", ":2: energy_j 1e+30 J is more than anything that is measured"),
        (",e,p,1,energy_j,1,J", ":2: model is empty"),
        ("m" * 300 + ",e,p,1,energy_j,1,J", ":2: model is longer than 200 characters"),
        ("m,e,p,1,energy_j,1,J\nm,e,p,1,energy_j,2,J", ":3: the same run and metric as line 2"),
        ("m,é,p,1,energy_j,1,J\nm,e\u0301,p,1,energy_j,2,J", "look the same and are written with different characters"),
    ],
)
def test_a_wrong_row_is_named_with_its_line(tmp_path: Path, row: str, message: str) -> None:
    """Every kind of wrong value gives file, line and what is allowed."""
    assert message in refused(table(tmp_path, f"{HEAD}\n{row}\n"))


def test_files_that_are_no_table_are_refused(tmp_path: Path) -> None:
    """Missing columns, columns named twice, no rows, no text and no regular file are sentences."""
    cases = {
        "a,b\n1,2\n": "missing columns model, engine", f"{HEAD}\n": "holds no rows", "": "is empty", f"{HEAD},note,note\n": ":1: columns that stand there twice: note",
        f"{HEAD}\nm,e,p,1,energy_j,1,J,8\n": ":2: cannot be read as CSV",
    }  # fmt: skip
    for text, message in cases.items():
        assert message in refused(table(tmp_path, text))
    (tmp_path / "bin.csv").write_bytes(b"\xff\xfe\x00\x01")
    os.mkfifo(tmp_path / "pipe.csv")
    for file in (tmp_path / "bin.csv", tmp_path / "none.csv", tmp_path / "pipe.csv", Path("/dev/zero")):
        assert "cannot be read" in refused(file)


def test_a_load_no_study_can_have_is_named(tmp_path: Path) -> None:
    """Levels beyond what a configuration may ask for are wrong where they stand, not when the site is built."""
    message = refused(table(tmp_path, f"{HEAD},batch_size\nm,e,p,1,energy_j,1,J,1e300\n"))
    assert ":2: batch_size: Input should be less than or equal to 1000000" in message
    assert "open loop" in refused(table(tmp_path, f"{HEAD},concurrency,request_rate\nm,e,p,1,energy_j,1,J,2,3\n"))
    assert "batch_size '0' is no whole number from 1" in refused(
        table(tmp_path, f"{HEAD},batch_size\nm,e,p,1,energy_j,1,J,0\n")
    )


def test_a_blank_load_beside_its_default_is_refused(tmp_path: Path) -> None:
    """Nobody can tell whether they are the same, and both would have one address."""
    file = table(tmp_path, f"{HEAD},batch_size\nm,e,p,1,energy_j,1,J,\nm,e,p,2,energy_j,1,J,1\n")
    assert ":2: batch_size is blank here and 1 in line 3" in refused(file)


def test_only_the_first_problems_are_told(tmp_path: Path) -> None:
    """A table that is wrong throughout gives twenty lines and the number of the others."""
    text = refused(table(tmp_path, f"{HEAD}\n" + "".join(f"m{row},e,p,0,energy_j,1,J\n" for row in range(1000))))
    assert len(text.splitlines()) == 21
    assert text.endswith("… and 980 more")


def test_rows_of_one_run_are_one_row(tmp_path: Path) -> None:
    """Metrics are columns; a further column is a factor, a task is different work, and nothing is pooled."""
    rows = [
        f"m,e,p,{r},{metric},{r * 10},{unit},{q},sum"
        for q in ("fp16", "int8")
        for r in (1, 2)
        for metric, unit in (("energy_j", "J"), ("duration_s", "s"))
    ]
    found = read_results([table(tmp_path, f"{HEAD},quantisation,task\n" + "\n".join(rows) + "\n")])
    assert (len(found), found.format, list(found.lines)) == (4, "tidy", [2, 4, 6, 8])
    assert {column.key: column.within for column in found.of(Role.FACTOR)} == {"quantisation": False, "task": True}
    energy = found.metric("energy_j")
    assert energy is not None and np.array_equal(energy.scaled, [10.0, 20.0, 10.0, 20.0])
    assert len(found.groups()) == 2
