"""Tests of records as rows: what earlier versions wrote is read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from greenreport.errors import StoreError
from greenreport.record import Metering, Phase, RecordKind, RunSpec
from greenreport.store import Published, Store, export_parquet
from greenreport.store.codec import read_mark, read_spec, spec_content
from tests.records import record

RESULTS = sorted((Path(__file__).resolve().parents[2] / "studies").glob("*/results/runs.parquet"))


@pytest.mark.parametrize("file", RESULTS, ids=lambda file: file.parts[-3])
def test_specs_of_published_runs_lose_nothing(file: Path) -> None:
    """Whatever version wrote a spec, reading and writing it gives the same content."""
    rows = duckdb.execute("SELECT spec FROM read_parquet(?)", [str(file)]).fetchall()
    assert rows
    for (text,) in rows:
        assert spec_content(read_spec(text)) == json.loads(text)


def test_the_load_of_a_trial_is_a_level_and_that_of_a_run_is_not() -> None:
    """Both have been kept under the key ``load``."""
    assert read_spec('{"factor": "batch_size", "load": 4}') == RunSpec(factor="batch_size", level=4)
    assert read_spec('{"load": {"ramp_s": 0}}') == RunSpec(other={"load": {"ramp_s": 0}})
    assert read_spec('{"condition": "often", "what": "convert"}') == RunSpec(metering=Metering.OFTEN, preparation=Phase.CONVERT)


@pytest.mark.parametrize("changes", [{"factor": None}, {"level": None}])
def test_a_search_for_a_limit_without_its_load_is_no_record(changes: dict[str, None], tmp_path: Path) -> None:
    """A published file that was damaged so is refused with a sentence, when it is read and when it is imported."""
    store = Store(tmp_path / "a.duckdb")
    spec = RunSpec(configuration={"engine": "fake", "provider": "cpu"}, factor="batch_size", level=4)
    store.append([record(kind=RecordKind.LIMIT, spec=replace(spec, **changes))])  # type: ignore[arg-type]
    with pytest.raises(StoreError, match="a search for a limit needs a factor and a level"):
        list(store.records(["run-1"]))


def test_a_run_that_published_files_hold_twice_is_no_record(tmp_path: Path) -> None:
    """Nobody can say which of the two is meant; a store cannot hold both."""
    store = Store(tmp_path / "a.duckdb")
    store.append([record()])
    export_parquet(store, ["run-1"], tmp_path / "results", small=False)
    file = tmp_path / "results" / "runs.parquet"
    twice = f"COPY (SELECT * REPLACE ('limit' AS kind) FROM '{file}' UNION ALL FROM '{file}') TO '{file}.part' (FORMAT parquet)"
    duckdb.execute(twice)
    Path(f"{file}.part").replace(file)
    with pytest.raises(StoreError, match="run run-1 is in the table runs twice"):
        list(Published(tmp_path / "results").records(["run-1"]))


def test_marks_of_earlier_versions_tell_whether_the_machine_was_steady() -> None:
    """They had only a note, which began with the verdict; a note of another phase is no verdict."""
    steady = {
        ("cooldown", "steady after 12 s: power varies by 1.0%"): True,
        ("cooldown", "not steady after the longest wait of 60 s: power varies by 30.0%"): False,
        ("cooldown", None): None,
        ("window", "steady part of the load, after a ramp of 5 s"): None,
    }
    for (phase, note), verdict in steady.items():
        assert read_mark(phase, 0, 1, None, note, None).steady is verdict
    assert read_mark("cooldown", 0, 1, None, "power varies by 30.0%", False).steady is False
