"""Tests of what can be taken away: columns that are what the files hold, and one archive of everything."""

from __future__ import annotations

import csv
import hashlib
import re
import zipfile
from pathlib import Path

import duckdb
import pytest

from greenreport.report.exports.archive import bundle
from greenreport.report.exports.data_dictionary import file_columns
from greenreport.report.site_writer import MANIFEST


@pytest.mark.parametrize("name", file_columns())
def test_the_columns_are_those_of_the_file(judged: Path, name: str) -> None:
    """Names, order and types; every column says what it means."""
    file = judged / "site" / "s" / "judged" / "data" / name
    told = [(column.name, column.type) for column in file_columns()[name]]
    if file.suffix == ".csv":
        with file.open(encoding="utf-8") as stream:
            assert next(csv.reader(stream)) == [column for column, _ in told]
    else:
        found = duckdb.sql(f"DESCRIBE SELECT * FROM read_parquet('{file}')").fetchall()
        assert [(row[0], row[1]) for row in found] == told
    assert all(column.meaning and column.unit == column.unit.strip() for column in file_columns()[name])
    page = file.with_name("index.html").read_text(encoding="utf-8")
    assert f"<caption>Columns of {name}</caption>" in page


def test_every_published_table_has_its_columns_explained(site: Path, judged: Path) -> None:
    """No Parquet file without; a study that judges no answers has no table of verdicts."""
    explained = {name for name in file_columns() if name.endswith(".parquet")}
    folder = judged / "site" / "s" / "judged" / "data"
    assert {file.name for file in folder.glob("*.parquet")} == explained
    assert {file.name for file in (site / "s" / "tiny" / "data").glob("*.parquet")} == explained - {"verdicts.parquet"}


def test_the_archive_holds_every_file_with_its_digest(site: Path) -> None:
    """All files of the folder but the page and the archive itself, in a folder of the study's name, and a manifest of them."""
    folder = site / "s" / "tiny" / "data"
    names = {file.name for file in folder.iterdir()} - {"index.html", "tiny.zip"}
    with zipfile.ZipFile(folder / "tiny.zip") as archive:
        assert archive.namelist() == [f"tiny/{name}" for name in (MANIFEST, *sorted(names))]
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        lines = archive.read(f"tiny/{MANIFEST}").decode().splitlines()
        for digest, name in (line.split("  ", 1) for line in lines):
            content = archive.read(f"tiny/{name}")
            assert hashlib.sha256(content).hexdigest() == digest
            assert content == (folder / name).read_bytes()
    assert len(lines) == len(names)


def test_an_archive_is_the_same_bytes_wherever_it_is_made(tmp_path: Path) -> None:
    """Neither the order of files nor their age nor the folder shows; another content makes another archive."""
    large = tmp_path / "large.bin"
    large.write_bytes(b"x" * 100_000)
    first = bundle("a", {"one.txt": b"1", "large.bin": large}, tmp_path / "here")
    second = bundle("a", {"large.bin": large, "one.txt": b"1"}, tmp_path / "there")
    assert first.read_bytes() == second.read_bytes()
    assert first.name == second.name
    first.write_bytes(b"changed")
    assert bundle("a", {"one.txt": b"1", "large.bin": large}, tmp_path / "here").read_bytes() == second.read_bytes()
    assert bundle("a", {"one.txt": b"2", "large.bin": large}, tmp_path / "here") != first


def test_the_environment_is_known_by_its_digests_and_leads_to_the_order_of_runs(site: Path) -> None:
    """What energy includes, digests of environment, machine and prompts, and a link to the figure of all runs."""
    page = (site / "s" / "tiny" / "environment" / "index.html").read_text(encoding="utf-8")
    assert re.search(r"<dt>Power boundary</dt><dd>.*(estimated|measured); idle power included", page)
    for name in ("Digest of the environment", "Digest of the machine", "SHA-256 of the prompts"):
        assert re.search(rf"<dt>{name}</dt><dd><code>[0-9a-f]{{16,64}}</code>", page), name
    assert "methods/index.html#fig-order" in page


def test_a_study_that_is_not_to_be_used_says_why_before_its_results(site: Path) -> None:
    """The fake engine makes a study invalid: a banner with the rule and its evidence, above every result."""
    for name in ("index.html", "rq/rq1/index.html", "matrix/index.html", "guidelines/index.html"):
        page = (site / "s" / "tiny" / name).read_text(encoding="utf-8")
        banner = re.search(r'<div class="notice bad">.*?</div>', page, re.DOTALL)
        assert banner is not None, name
        assert "Do not use these results." in banner[0]
        assert "the fake engine serves no model" in banner[0]
        assert page.index("notice bad") < min(page.find(part) for part in ("<figure", "<table") if part in page)
