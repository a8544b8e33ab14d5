"""Tests of running studies: real processes, real server, real store, on the fake engine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.conftest import minimal_study

Command = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[..., Path]


def query(tmp_path: Path, sql: str) -> list[tuple[Any, ...]]:
    """Return rows of the store."""
    with duckdb.connect(str(tmp_path / "cache" / "greenreport.duckdb")) as connection:
        return connection.execute(sql).fetchall()


def fake(**options: Any) -> dict[str, Any]:
    """Return a configuration of the fake engine."""
    return {"engine": "fake", "options": {"token_s": 0.001} | options}


def test_a_study_runs_once_and_then_has_nothing_to_do(command: Command, write_study: Write, tmp_path: Path) -> None:
    """Every run ends as an ok record with all phases in order; the second call does nothing."""
    file = write_study()
    first = command("run", str(file))
    assert "all 4 runs are done and ok" in first.stdout
    assert query(tmp_path, "SELECT outcome, count(*) FROM runs GROUP BY ALL") == [("ok", 4)]
    phases = query(tmp_path, "SELECT list(phase ORDER BY start_ns) FROM marks GROUP BY run_id")
    assert {tuple(row[0]) for row in phases} == {("start", "load", "idle_before", "warmup", "window", "idle_after", "stop")}
    assert query(tmp_path, "SELECT count(*), min(output_tokens), max(output_tokens) FROM requests") == [(16, 8, 8)]
    assert "nothing to do: all 4 runs" in command("run", str(file)).stdout
    assert query(tmp_path, "SELECT count(*) FROM runs") == [(4,)]


def test_only_what_is_missing_runs(command: Command, write_study: Write, tmp_path: Path) -> None:
    """More repetitions add runs, a changed protocol runs again and keeps the old rows, force repeats."""
    one = [fake()]
    command("run", str(write_study(configurations=one)), "--quiet")
    command("run", str(write_study(configurations=one)), "--repetitions", "3", "--quiet")
    assert query(tmp_path, "SELECT count(*) FROM runs") == [(3,)]
    protocol = minimal_study()["protocol"] | {"warmup_requests": 2}
    plan = command("plan", str(write_study(configurations=one, protocol=protocol))).stdout
    assert "changed" in plan
    assert "2 pending" in plan
    command("run", str(write_study(configurations=one, protocol=protocol)), "--quiet")
    assert query(tmp_path, "SELECT count(*) FROM runs") == [(5,)]
    command("run", str(write_study(configurations=one)), "--force", "--repetitions", "1", "--quiet")
    assert query(tmp_path, "SELECT count(*) FROM runs") == [(6,)]


def test_a_cell_that_fails_is_a_recorded_outcome_and_the_rest_goes_on(
    command: Command, write_study: Write, tmp_path: Path
) -> None:
    """Crash, out of memory, hang and failed load each end as their outcome with a reason; the good cell is ok; exit code 1."""
    protocol = minimal_study()["protocol"] | {"repetitions": 1, "window_timeout_s": 2, "order": {"design": "fixed"}}
    file = write_study(
        configurations=[
            fake(),
            fake(crash_at=3),
            fake(out_of_memory_at=3),
            fake(hang_at=3),
            fake(fail_load=True),
            {"engine": "torch", "provider": "cuda"},
        ],
        protocol=protocol,
    )
    result = command("run", str(file), check=1)
    rows = dict(query(tmp_path, "SELECT outcome, reason FROM runs"))
    assert rows["ok"] is None
    assert rows["failed"] == "the model server process ended with exit code 3"
    assert rows["out_of_memory"] == "the fake engine was asked to run out of memory"
    assert rows["timed_out"] == "the window took longer than 2 s"
    assert query(tmp_path, "SELECT count(*) FROM runs WHERE outcome = 'unsupported'") == [(2,)]
    assert "1 of 6 runs ok; 1 failed, 1 out of memory, 1 timed out, 2 unsupported" in result.stdout


def test_a_time_limit_ends_a_sweep_only_above_what_was_in_time(command: Command, write_study: Write, tmp_path: Path) -> None:
    """The smallest batch is too slow for so many requests, larger ones are tried all the same; longer outputs of one of them are not."""
    loads = ((1, 8), (4, 8), (4, 64), (4, 128))
    file = write_study(
        configurations=[
            fake(token_s=0.02) | {"batch_size": batch, "output_tokens": tokens, "name": f"batch {batch}, {tokens} tokens"}
            for batch, tokens in loads
        ],
        workload=minimal_study()["workload"] | {"requests": 16},
        protocol=minimal_study()["protocol"] | {"repetitions": 1, "window_timeout_s": 2, "order": {"design": "fixed"}},
    )
    command("run", str(file), "--quiet", check=1)
    ended = query(tmp_path, "SELECT outcome, coalesce(reason, '') FROM runs ORDER BY position")
    assert [outcome for outcome, _ in ended] == ["timed_out", "ok", "timed_out", "timed_out"]
    assert [reason.startswith("not tried:") for _, reason in ended] == [False, False, False, True]


def test_failed_runs_are_tried_again_and_given_up_within_a_call(command: Command, write_study: Write, tmp_path: Path) -> None:
    """After two failures a cell's other runs are recorded with the reason; the next call tries all of them again."""
    protocol = minimal_study()["protocol"] | {"repetitions": 4}
    file = write_study(configurations=[fake(crash_at=2)], protocol=protocol)
    result = command("run", str(file), check=1)
    assert "0 of 4 runs ok; 2 failed, 2 not run" in result.stdout
    reasons = [row[0] for row in query(tmp_path, "SELECT reason FROM runs ORDER BY repetition")]
    assert reasons[:2] == ["the model server process ended with exit code 3"] * 2
    assert all(reason.startswith("not tried after 2 failures of this cell: the model server") for reason in reasons[2:])
    assert "failed" in command("plan", str(file)).stdout
    assert "4 pending" in command("plan", str(file)).stdout


def test_wrong_token_counts_make_a_run_invalid(command: Command, write_study: Write, tmp_path: Path) -> None:
    """A server that answers with another number of tokens than asked for is caught by the same-work check."""
    file = write_study(configurations=[fake(short_by=1)], protocol=minimal_study()["protocol"] | {"repetitions": 1})
    command("run", str(file), check=1)
    [(outcome, reason)] = query(tmp_path, "SELECT outcome, reason FROM runs")
    assert outcome == "invalid"
    assert "4 of 4 answers do not have exactly 8 tokens" in reason


def test_streaming_gives_the_clients_time_to_first_token(command: Command, write_study: Write, tmp_path: Path) -> None:
    """With `stream: true` each request has a first-token time between its start and its end, and the same tokens."""
    workload = minimal_study()["workload"]
    command("run", str(write_study(workload=workload)), "--repetitions", "1", "--quiet")
    command("run", str(write_study(workload=workload | {"stream": True})), "--repetitions", "1", "--quiet")
    streamed = query(tmp_path, "SELECT count(*) FROM requests WHERE first_token_ns > start_ns AND first_token_ns < end_ns")
    assert streamed == [(8,)]
    assert query(tmp_path, "SELECT count(DISTINCT output_sha256) FROM requests") == [(4,)]


def test_a_required_meter_that_is_missing_makes_cells_unsupported(command: Command, write_study: Write, tmp_path: Path) -> None:
    """With `required: true` nothing stands in for the meter."""
    environment = os.environ | {"GREENREPORT_POWERCAP": str(tmp_path / "none")}
    file = write_study(meters=["utilisation", {"rapl": {"required": True}}])
    command("run", str(file), "--quiet", check=1, env=environment)
    [(outcome, reason)] = query(tmp_path, "SELECT DISTINCT outcome, reason FROM runs")
    assert outcome == "unsupported"
    assert reason.startswith("the required meter rapl cannot be read: this machine shows no RAPL package")


def test_two_measurements_on_one_cache_are_refused(command: Command, write_study: Write, tmp_path: Path) -> None:
    """A second run says which process is measuring and does not start."""
    file = write_study(configurations=[fake(token_s=1)])  # longer than the other command needs to begin
    with started("run", str(file), folder=tmp_path) as process:
        wait_for(lambda: (tmp_path / "cache" / "run.lock").exists() and (tmp_path / "cache" / "run.lock").read_text() != "")
        other = command("run", str(file), check=3)
        assert f"another greenreport run (process {process.pid}) is measuring" in other.stderr
        process.terminate()
        assert process.wait(60) == 130


@pytest.mark.parametrize(
    "how",
    [
        signal.SIGINT,
        signal.SIGKILL,
        *(pytest.param(number, marks=pytest.mark.acceptance) for number in (signal.SIGTERM, signal.SIGHUP)),
    ],
)
def test_an_interrupted_study_goes_on_where_it_was(
    command: Command, write_study: Write, tmp_path: Path, how: signal.Signals
) -> None:
    """Ctrl-C, SIGTERM, SIGHUP and SIGKILL lose at most the current run, leave no process behind, and nothing is run twice."""
    file = write_study(configurations=[fake(token_s=0.02)], protocol=minimal_study()["protocol"] | {"repetitions": 3})
    with started("run", str(file), folder=tmp_path) as process:
        wait_for(lambda: finished_runs(tmp_path) >= 1)
        time.sleep(0.6)  # into the next run
        process.send_signal(how)
        code = process.wait(60)
    assert code == (-signal.SIGKILL if how == signal.SIGKILL else 130)
    wait_for(lambda: not orphans(tmp_path))
    [(done,)] = query(tmp_path, "SELECT count(*) FROM runs WHERE kind = 'run'")
    assert done >= 1
    if how != signal.SIGKILL:
        kept = f"{done} runs of this command are stored" if done > 1 else "1 run of this command is stored"
        assert f"{kept}; the run in progress was discarded" in (tmp_path / "stderr").read_text(encoding="utf-8")
    result = command("run", str(file))
    assert f"[1/{3 - done}]" in result.stdout
    assert query(tmp_path, "SELECT repetition, count(*) FROM runs WHERE kind = 'run' GROUP BY ALL ORDER BY 1") == [
        (repetition, 1) for repetition in range(1, 4)
    ]


def started(*arguments: str, folder: Path, env: Mapping[str, str] = os.environ) -> subprocess.Popen[bytes]:
    """Start the command line in the background, marked so that its children can be found."""
    # Tests that run in the background of a shell inherit an ignored Ctrl-C, and so would the command.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
            return subprocess.Popen(
                [sys.executable, "-m", "greenreport", *arguments],
                cwd=folder,
                env={**env, "GREENREPORT_TEST": str(folder)},
                stdout=stdout,
                stderr=stderr,
            )
    finally:
        signal.signal(signal.SIGINT, before)


def wait_for(condition: Callable[[], bool], patience_s: float = 120) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {patience_s:g} s in vain"
        time.sleep(0.02)


def serves(tmp_path: Path) -> bool:
    """Whether a model server was started: it has a log."""
    return any((tmp_path / "cache" / "logs").glob("*.log"))


def finished_runs(tmp_path: Path) -> int:
    """Return how many runs `started` has reported; a look into the store would keep the process out of it."""
    return (tmp_path / "stdout").read_text(encoding="utf-8").count(" ok in ")


def orphans(tmp_path: Path) -> list[int]:
    """Return the processes that carry the mark of `started`."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"GREENREPORT_TEST={tmp_path}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:
            continue
    return found
