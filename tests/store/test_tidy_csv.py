"""Tests of importing a table of results measured elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from greenreport.analysis.measure.dataset import label_of
from greenreport.analysis.measure.imported_dataset import imported_dataset
from greenreport.errors import ImportFileError
from greenreport.store import Store
from greenreport.store.tidy_csv import import_csv, observed_studies, read_csv

HEAD = "model,engine,provider,repetition,metric,value,unit,size_category,host\n"


def table(tmp_path: Path, text: str) -> Path:
    """Write a table and return its path."""
    file = tmp_path / "t.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_table_is_imported_and_replaces_the_one_before(tmp_path: Path) -> None:
    """Importing again replaces the study's observations; optional columns may be empty."""
    held = Store(tmp_path / "s.duckdb")
    file = table(tmp_path, HEAD + "phi2,TORCH,CUDA,1,energy_j,63555.1,J,3,lab\nphi2,ONNX,CUDA,1,energy_j,127933,J,,\n")
    assert import_csv(held, file, "elsewhere") == 2
    assert import_csv(held, file, "elsewhere") == 2
    source, rows = observed_studies(held)["elsewhere"]
    assert source.startswith("t.csv sha256:")
    assert [(r.engine, r.value, r.size_category, r.host) for r in rows] == [
        ("TORCH", 63555.1, "3", "lab"),
        ("ONNX", 127933.0, None, None),
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("m,e,p,1,energy,1,J", ":2: unknown metric 'energy'"),
        ("m,e,p,1,energy_j,1,kJ", ":2: energy_j is in 'J', not 'kJ'; convert it first"),
        ("m,e,p,0,energy_j,1,J", ":2: repetition '0' is no whole number from 1"),
        ("m,e,p,²,energy_j,1,J", ":2: repetition '²' is no whole number from 1"),
        ("m,e,p," + "9" * 5000 + ",energy_j,1,J", ":2: repetition '99999999999999999999' is no whole number from 1"),
        ("m,e,p,100000000000000000000,energy_j,1,J", ":2: repetition '10000000000000000000"),
        ("m,e,p,10001,energy_j,1,J", ":2: repetition '10001' is more than 10,000, the most a study has"),
        ("m,e\0,p,1,energy_j,1,J", ":2: engine holds a line break or another control character"),
        ('"m\nn",e,p,1,energy_j,1,J', ":3: model holds a line break or another control character"),
        ("m,e,p,1,energy_j,lots,J", ":2: value 'lots' is no number"),
        ("m,e,p,1,energy_j,nan,J", ":2: value 'nan' is not finite; leave the row out instead"),
        (",e,p,1,energy_j,1,J", ":2: model is empty"),
        ("m" * 300 + ",e,p,1,energy_j,1,J", ":2: model is longer than 200 characters"),
        ("m,e,p,1,energy_j,1,J\nm,e,p,1,energy_j,2,J", ":3: the same run and metric as line 2"),
    ],
)
def test_a_wrong_row_is_named_with_its_line(tmp_path: Path, row: str, message: str) -> None:
    """Every kind of wrong value gives file, line and what is allowed."""
    with pytest.raises(ImportFileError) as caught:
        read_csv(table(tmp_path, HEAD.replace(",size_category,host", "") + row + "\n"))
    assert message in str(caught.value)


def test_files_that_are_no_table_are_refused(tmp_path: Path) -> None:
    """Missing columns, no rows, no text and no file are sentences."""
    cases = {"a,b\n1,2\n": "missing columns model, engine", HEAD: "holds no rows", "": "missing columns"}
    for text, message in cases.items():
        with pytest.raises(ImportFileError, match=message):
            read_csv(table(tmp_path, text))
    (tmp_path / "bin.csv").write_bytes(b"\xff\xfe\x00\x01")
    for file in (tmp_path / "bin.csv", tmp_path / "none.csv"):
        with pytest.raises(ImportFileError, match="cannot be read as CSV"):
            read_csv(file)


def test_the_name_of_the_study_is_checked_too(tmp_path: Path) -> None:
    """What no page could be named after is refused before anything is stored."""
    held, file = Store(tmp_path / "s.duckdb"), table(tmp_path, HEAD + "m,e,p,1,energy_j,1,J,,\n")
    for name in ("", "x" * 201, "a\nb"):
        with pytest.raises(ImportFileError, match="the name of the study"):
            import_csv(held, file, name)
    assert not held.path.exists()


def test_a_load_no_study_can_have_is_named(tmp_path: Path) -> None:
    """Levels beyond what a configuration may ask for are wrong where they stand, not when the site is built."""
    with pytest.raises(ImportFileError, match=r":2: batch_size: Input should be less than or equal to 1000000"):
        read_csv(table(tmp_path, "model,engine,provider,repetition,metric,value,unit,batch_size\nm,e,p,1,energy_j,1,J,1e300\n"))
    both = "model,engine,provider,repetition,metric,value,unit,concurrency,request_rate\nm,e,p,1,energy_j,1,J,2,3\n"
    with pytest.raises(ImportFileError, match=r":2: .*open loop"):
        read_csv(table(tmp_path, both))


def test_only_the_first_problems_are_told(tmp_path: Path) -> None:
    """A table that is wrong throughout gives twenty lines and the number of the others."""
    with pytest.raises(ImportFileError) as caught:
        read_csv(table(tmp_path, HEAD + "m,e,p,0,energy_j,1,J,,\n" * 1000))
    assert len(str(caught.value).splitlines()) == 21
    assert str(caught.value).endswith("… and 980 more")


def test_what_ends_never_or_is_no_file_is_not_read(tmp_path: Path) -> None:
    """A device, a folder and a pipe are refused before they are opened."""
    os.mkfifo(tmp_path / "pipe.csv")
    for file in (Path("/dev/zero"), tmp_path, tmp_path / "pipe.csv"):
        with pytest.raises(ImportFileError, match="cannot be read as CSV"):
            read_csv(file)


def test_a_large_table_is_inserted_at_once(tmp_path: Path) -> None:
    """More rows than one statement inserts keep their order and their loads."""
    rows = "".join(
        f"m{number},e,cpu,{repetition},energy_j,{number},J,,\n" for number in range(5) for repetition in range(1, 5001)
    )
    held = Store(tmp_path / "s.duckdb")
    assert import_csv(held, table(tmp_path, HEAD + rows), "large") == 25_000
    _, found = observed_studies(held)["large"]
    assert found == read_csv(tmp_path / "t.csv")


def test_output_tokens_and_threads_are_loads_too(tmp_path: Path) -> None:
    """Each level is a configuration of its own, with a label that says it."""
    rows = [f"m,e,cpu,1,energy_j,{tokens * threads},J,{tokens},{threads}" for tokens in (8, 16) for threads in (1, 2)]
    file = table(tmp_path, HEAD.replace("size_category,host", "output_tokens,threads") + "\n".join(rows) + "\n")
    found = read_csv(file)
    assert [row.load for row in found] == [
        (("threads", threads), ("output_tokens", tokens)) for tokens in (8.0, 16.0) for threads in (1.0, 2.0)
    ]
    data = imported_dataset("there", "t.csv", found)
    labels = [label_of(configuration) for configuration in data.configurations]
    assert len(set(labels)) == 4
    assert labels[0].endswith("1 thread · 8 output tokens")
