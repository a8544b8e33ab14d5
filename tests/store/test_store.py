"""Tests of the store: what goes in comes out, all or nothing, one writer at a time."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from greenreport.errors import StoreError, UnstorableRecord
from greenreport.record import (
    Flag,
    FlagCode,
    Gpu,
    Missing,
    Outcome,
    Prompt,
    RecordKind,
    Request,
    RequestError,
    RequestErrorKind,
    RunRecord,
    Verdict,
    VerdictCode,
)
from greenreport.results.importing import import_results
from greenreport.store import Store, export_parquet, import_parquet, published, store
from greenreport.store.codec import part_rows, read_request, read_request_error
from greenreport.store.observations import FreeFactor, observed_studies
from tests.records import ENVIRONMENT, counter, record


def rich_record() -> object:
    """Return a record that uses every field."""
    return record(
        flags=(Flag(FlagCode.ESTIMATED_ENERGY, "a sentence", fatal=False),),
        missing=(Missing("nvml", "no driver", "install it"),),
        reason="why",
        detail="Traceback …",
        environment=replace(ENVIRONMENT, gpus=(Gpu(0, "GPU", 10**9, "u"),), turbo=True, swap_b=0),
        traces=(replace(counter("package-0", 3.0), wrap_at=262143.0), counter("gpu-0", 5.0)),
    )


def test_a_record_comes_back_as_it_went_in(tmp_path: Path) -> None:
    """Every field survives, traces and outputs included."""
    original = rich_record()
    held = Store(tmp_path / "s.duckdb")
    held.append([original])  # type: ignore[list-item]
    assert list(held.records(["run-1"])) == [
        replace(original, traces=tuple(sorted(original.traces, key=lambda t: (t.meter, t.domain))))  # type: ignore[attr-defined,type-var]
    ]


def test_the_index_lists_runs_and_not_preparations(tmp_path: Path) -> None:
    """Rows come oldest first; downloads and conversions are left out."""
    held = Store(tmp_path / "s.duckdb")
    held.append([record(run_id="b", started_at="2026-01-02T00:00:00Z"), record(run_id="a")])
    held.append([record(run_id="c", kind=RecordKind.PREPARE)])
    assert [row.run_id for row in held.index()] == ["a", "b"]
    assert held.index()[0].outcome is Outcome.OK


def test_an_append_is_all_or_nothing(tmp_path: Path) -> None:
    """A batch with a record that cannot be added leaves the store as it was."""
    held = Store(tmp_path / "s.duckdb")
    held.append([record(run_id="a")])
    with pytest.raises(UnstorableRecord, match="Duplicate key"):
        held.append([record(run_id="b"), record(run_id="a")])
    assert [row.run_id for row in held.index()] == ["a"]


def test_a_store_that_is_in_use_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process with the file open gives a sentence, after a short wait."""
    monkeypatch.setattr(store, "LOCK_WAIT_S", 0.2)
    held = Store(tmp_path / "s.duckdb")
    held.append([record()])
    holder = f"import duckdb, sys; c = duckdb.connect({str(held.path)!r}); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(StoreError, match="is in use by another greenreport command"):
            held.index()
        process.communicate(b"")


def test_another_schema_version_is_refused(tmp_path: Path) -> None:
    """A store written by another version is not touched."""
    held = Store(tmp_path / "s.duckdb")
    held.append([record()])
    with duckdb.connect(str(held.path)) as connection:
        connection.execute("UPDATE schema_version SET version = 99")
    with pytest.raises(StoreError, match="has schema version 99, this greenreport writes version 6"):
        held.index()


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    """Rubbish in place of the store is a sentence."""
    file = tmp_path / "s.duckdb"
    file.write_bytes(b"rubbish" * 1000)
    with pytest.raises(StoreError, match=r"cannot be used: .* it is not a valid DuckDB database file"):
        Store(file).index()


def test_export_and_import_keep_every_record(tmp_path: Path) -> None:
    """Exported files read where they lie, and imported into another store, give the same records; twice adds nothing."""
    first, second = Store(tmp_path / "a.duckdb"), Store(tmp_path / "b.duckdb")
    first.append([record(run_id="r1"), record(run_id="r2", repetition=2), record(run_id="other", fingerprint="x")])
    rows = export_parquet(first, ["r1", "r2"], tmp_path / "results")
    assert (rows["runs"], rows["requests"], rows["outputs"]) == (2, 4, 2)
    results = published(tmp_path / "results")
    assert results is not None
    expected = list(first.records(["r1", "r2"]))
    assert list(results.records(["r1", "r2"])) == expected
    assert import_parquet(second, tmp_path / "results") == 2
    assert import_parquet(second, tmp_path / "results") == 0
    assert list(second.records(["r1", "r2"])) == expected


def test_equal_runs_export_to_equal_bytes(tmp_path: Path) -> None:
    """The order in which runs were stored does not show in the files."""
    stores = [Store(tmp_path / f"{name}.duckdb") for name in "ab"]
    records = [record(run_id="r1"), record(run_id="r2", repetition=2)]
    for held, order in zip(stores, (records, records[::-1]), strict=True):
        for item in order:
            held.append([item])
        export_parquet(held, ["r1", "r2"], tmp_path / held.path.stem)
    for file in (tmp_path / "a").glob("*.parquet"):
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_an_incomplete_export_is_refused(tmp_path: Path) -> None:
    """A folder that lacks a table is named with what is missing."""
    held = Store(tmp_path / "a.duckdb")
    held.append([record()])
    export_parquet(held, ["run-1"], tmp_path / "results")
    (tmp_path / "results" / "traces.parquet").unlink()
    with pytest.raises(StoreError, match=r"not a complete export: traces\.parquet missing"):
        published(tmp_path / "results")


def test_a_store_of_the_first_version_is_raised_and_keeps_its_rows(tmp_path: Path) -> None:
    """Version 1 had no loads of imported observations; opening it adds the column and keeps the runs."""
    held = Store(tmp_path / "s.duckdb")
    held.append([record()])
    with duckdb.connect(str(held.path)) as connection:
        for column in ("load", "factors", "statistic", "of_values"):
            connection.execute(f"ALTER TABLE observations DROP COLUMN {column}")
        connection.execute("ALTER TABLE requests DROP COLUMN server")
        connection.execute("ALTER TABLE marks DROP COLUMN steady")
        connection.execute("UPDATE schema_version SET version = 1")
    assert len(held.index()) == 1
    table = tmp_path / "table.csv"
    table.write_text(
        "model,engine,provider,repetition,metric,value,unit,batch_size,task\nm,e,cpu,1,energy_j,2.5,J,8,sums\n",
        encoding="utf-8",
    )
    assert import_results(held, [table], "there").values == 1
    ((_, (row,)),) = observed_studies(held).values()
    assert (row.load, row.factors, row.statistic) == ((("batch_size", 8.0),), (FreeFactor("task", "sums", within=True),), None)


def test_a_store_of_the_second_version_is_raised_and_keeps_its_rows(tmp_path: Path) -> None:
    """Version 2 did not keep which server answered: old requests do not know, new ones do, and both can be exported."""
    held = Store(tmp_path / "s.duckdb")
    held.append([record(run_id="old")])
    with duckdb.connect(str(held.path)) as connection:
        connection.execute("ALTER TABLE requests DROP COLUMN server")
        connection.execute("ALTER TABLE marks DROP COLUMN steady")
        connection.execute("DELETE FROM schema_version")
        connection.execute("INSERT INTO schema_version VALUES (2)")
    made = record(run_id="new", repetition=2)
    held.append([replace(made, requests=tuple(replace(r, server=r.index) for r in made.requests))])
    assert [[r.server for r in found.requests] for found in held.records(["old", "new"])] == [[None, None], [0, 1]]
    export_parquet(held, ["old", "new"], tmp_path / "results")
    results = published(tmp_path / "results")
    assert results is not None
    assert list(results.records(["old", "new"])) == list(held.records(["old", "new"]))


def judged_record(run_id: str = "run-1") -> RunRecord:
    """Return a run that kept its prompts, with a verdict on its first answer."""
    made = record(run_id=run_id)
    requests = tuple(
        replace(r, prompt_sha256=f"asked-{r.index}", rendered_sha256="seen", reasoning_tokens=2, first_answer_ns=r.end_ns)
        for r in made.requests
    )
    return replace(
        made,
        requests=requests,
        outputs=(replace(made.outputs[0], reasoning="hmm"), made.outputs[1]),
        prompts=tuple(Prompt(sha, sha.upper()) for sha in ("asked-0", "asked-1", "seen")),
        verdicts=(Verdict("asked-0", "digest-0", "task", VerdictCode.WRONG, "3 is not 4", "2026-01-01T00:00:00Z"),),
    )


def test_prompts_and_verdicts_come_back_from_the_store_and_from_an_export(tmp_path: Path) -> None:
    """What was asked and whether the answer is right belong to a record; of two verdicts the later counts."""
    first, second = Store(tmp_path / "a.duckdb"), Store(tmp_path / "b.duckdb")
    first.append([judged_record()])
    assert list(first.records(["run-1"])) == [judged_record()]
    later = Verdict("asked-0", "digest-0", "better task", VerdictCode.PASSED, None, "2026-01-02T00:00:00Z")
    first.add_verdicts([later, Verdict("of another", "run", "task", VerdictCode.PASSED)])
    (found,) = first.records(["run-1"])
    assert found.verdicts == (later,)
    assert first.verdicts_on(["run-1"]) == (2, "2026-01-02T00:00:00Z")
    rows = export_parquet(first, ["run-1"], tmp_path / "results")
    assert (rows["prompts"], rows["verdicts"]) == (3, 2)
    assert import_parquet(second, tmp_path / "results") == 1
    assert list(second.records(["run-1"])) == [found]


def test_a_store_of_the_fourth_version_is_raised_and_keeps_its_rows(tmp_path: Path) -> None:
    """Version 4 kept neither prompts nor verdicts: old requests do not know them, and new ones are kept."""
    held = Store(tmp_path / "s.duckdb")
    held.append([record()])
    with duckdb.connect(str(held.path)) as connection:
        for column in ("prompt_sha256", "rendered_sha256", "reasoning_tokens", "first_answer_ns"):
            connection.execute(f"ALTER TABLE requests DROP COLUMN {column}")
        connection.execute("ALTER TABLE outputs DROP COLUMN reasoning")
        connection.execute("DROP TABLE prompts")
        connection.execute("DROP TABLE verdicts")
        connection.execute("UPDATE schema_version SET version = 4")
    held.append([judged_record("with-prompts")])
    assert [found.prompts for found in held.records(["run-1", "with-prompts"])] == [(), judged_record().prompts]


def test_a_study_whose_requests_all_failed_can_be_exported_and_imported(tmp_path: Path) -> None:
    """Where no request has an output, none is missing."""
    first, second = Store(tmp_path / "a.duckdb"), Store(tmp_path / "b.duckdb")
    error = RequestError(RequestErrorKind.SERVER, "no")
    first.append([record(requests=(Request(0, 1, 2, error=error),), outputs=(), outcome=Outcome.FAILED, reason="no")])
    export_parquet(first, ["run-1"], tmp_path / "results")
    assert import_parquet(second, tmp_path / "results") == 1


def test_exports_from_before_a_column_are_read_and_imported(tmp_path: Path) -> None:
    """Published results stay readable: what they do not have is not known."""
    first, second = Store(tmp_path / "a.duckdb"), Store(tmp_path / "b.duckdb")
    first.append([record(run_id="r1")])
    folder = tmp_path / "results"
    export_parquet(first, ["r1"], folder)
    file, old = folder / "requests.parquet", folder / "old.parquet"
    duckdb.execute(f"COPY (SELECT * EXCLUDE (server) FROM read_parquet('{file}')) TO '{old}' (FORMAT parquet)")
    old.replace(file)
    results = published(folder)
    assert results is not None
    assert list(results.records(["r1"])) == [record(run_id="r1")]
    assert import_parquet(second, folder) == 1
    assert list(second.records(["r1"])) == [record(run_id="r1")]


@pytest.mark.parametrize(
    ("earlier", "kind"),
    [
        ("OutOfMemory: 3 sequences do not fit", RequestErrorKind.OUT_OF_MEMORY),
        ("the request outlasted its limit", RequestErrorKind.TIMED_OUT),
        ("the server closed the connection (ReadError: )", RequestErrorKind.DISCONNECTED),
        ("HTTP 500: the engine is dead", RequestErrorKind.SERVER),
    ],
)
def test_errors_of_requests_keep_their_kind_and_earlier_ones_get_it(earlier: str, kind: RequestErrorKind) -> None:
    """Earlier records hold a text alone; from now on the kind stands before it."""
    assert read_request_error(earlier) == RequestError(kind, earlier)
    failed = record(requests=(Request(0, 1, 2, error=RequestError(kind, earlier)),))
    [row] = part_rows(failed, "requests")
    assert read_request(*row[1:]) == failed.requests[0]
