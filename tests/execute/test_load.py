"""Tests of load: batches, clients at once, open loops, dynamic batches, limits; real processes on the fake engine."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from tests.conftest import minimal_study

Command = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[..., Path]


def query(tmp_path: Path, sql: str) -> list[tuple[Any, ...]]:
    """Return rows of the store."""
    with duckdb.connect(str(tmp_path / "cache" / "greenreport.duckdb")) as connection:
        return connection.execute(sql).fetchall()


def measure(command: Command, write_study: Write, configuration: dict[str, Any], check: int = 0, **sections: Any) -> None:
    """Run one repetition of one configuration (or of its sweep)."""
    protocol = minimal_study()["protocol"] | {"repetitions": 1} | sections.pop("protocol", {})
    workload = minimal_study()["workload"] | sections.pop("workload", {})
    file = write_study(configurations=[{"engine": "fake", **configuration}], protocol=protocol, workload=workload, **sections)
    command("run", str(file), "--quiet", check=check)


def spans(tmp_path: Path, domain: str, quantity: str) -> list[float]:
    """Return the samples of a client trace."""
    ((values,),) = query(tmp_path, f"SELECT value FROM traces WHERE domain = '{domain}' AND quantity = '{quantity}'")
    return list(values)


def test_a_batch_is_one_request_and_its_prompts_share_its_times(command: Command, write_study: Write, tmp_path: Path) -> None:
    """8 prompts in batches of 4: two distinct times, eight answers, each with its own tokens and prompt length."""
    measure(command, write_study, {"batch_size": 4, "options": {"token_s": 0.002}}, workload={"requests": 8})
    rows = query(
        tmp_path, 'SELECT "index", start_ns, end_ns, output_tokens, prompt_tokens, len(token_ns) FROM requests ORDER BY 1'
    )
    assert [row[0] for row in rows] == list(range(8))
    assert len({row[1:3] for row in rows}) == 2
    assert {row[3] for row in rows} == {8} == {row[5] for row in rows}
    assert len({row[4] for row in rows}) > 1
    assert query(tmp_path, "SELECT outcome FROM runs") == [("ok",)]


def test_every_request_knows_the_text_it_asked(command: Command, write_study: Write, tmp_path: Path) -> None:
    """4 texts sent twice in batches of 3: each text is kept once, by the SHA-256 of its UTF-8; its row of a batch names it."""
    texts = ["def f", "Überprüfe „x“ \U0001f680", "c", "d"]
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "p.txt").write_text("\n".join(texts), encoding="utf-8")
    workload = {"requests": 8, "prompts": {"source": "file", "path": "p.txt"}}
    measure(command, write_study, {"batch_size": 3}, workload=workload)
    digests = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    assert query(tmp_path, 'SELECT prompt_sha256 FROM requests ORDER BY "index"') == [(digest,) for digest in digests * 2]
    assert sorted(query(tmp_path, "SELECT sha256, text FROM prompts")) == sorted(zip(digests, texts, strict=True))


def test_drawn_answers_differ_from_request_to_request(command: Command, write_study: Write, tmp_path: Path) -> None:
    """Four prompts sent twice in two repetitions give sixteen answers, so that k answers to a problem can be judged."""
    generation = {"output_tokens": 8, "temperature": 0.8, "top_p": 0.95, "seed": 3}
    measure(command, write_study, {}, workload={"requests": 8, "generation": generation}, protocol={"repetitions": 2})
    assert query(tmp_path, "SELECT outcome FROM runs") == [("ok",)] * 2
    assert query(tmp_path, "SELECT count(DISTINCT output_sha256), count(DISTINCT prompt_sha256) FROM requests") == [(16, 4)]


def test_a_run_that_fails_keeps_what_was_asked_last(command: Command, write_study: Write, tmp_path: Path) -> None:
    """The request that ended the window names its text like those before it."""
    measure(command, write_study, {"options": {"out_of_memory_at": 4}}, check=1)
    rows = query(tmp_path, 'SELECT error IS NULL, text FROM requests JOIN prompts ON sha256 = prompt_sha256 ORDER BY "index"')
    assert [row[0] for row in rows] == [True, True, False]
    assert len({row[1] for row in rows}) == 3


def test_a_streamed_batch_tells_when_the_first_token_came(command: Command, write_study: Write, tmp_path: Path) -> None:
    """Streaming works for a batch: all rows complete, one arrival of the first token."""
    measure(command, write_study, {"batch_size": 2, "options": {"token_s": 0.002}}, workload={"stream": True})
    rows = query(tmp_path, "SELECT first_token_ns, start_ns, end_ns, output_tokens, output_sha256 FROM requests")
    assert len(rows) == 4
    assert all(start < first < end and tokens == 8 for first, start, end, tokens, _ in rows)
    assert len({row[4] for row in rows}) == 4


def test_clients_at_once_wait_in_the_queue_of_the_server(command: Command, write_study: Write, tmp_path: Path) -> None:
    """Four clients on a server that answers one at a time: requests overlap, and three of four wait."""
    configuration = {"concurrency": 4, "options": {"token_s": 0.004}}
    measure(command, write_study, configuration, workload={"requests": 16})
    rows = query(tmp_path, "SELECT start_ns, end_ns FROM requests ORDER BY 1")
    assert len(rows) == 16
    assert any(later[0] < earlier[1] for earlier, later in pairwise(rows))
    waits = spans(tmp_path, "server", "queue_span")
    assert np.median(waits) > 2 * 8 * 0.004


@pytest.mark.alone
def test_dynamic_batches_form_from_requests_that_wait(command: Command, write_study: Write, tmp_path: Path) -> None:
    """With room for four in a batch, four clients are answered together: about as fast as one of them alone."""
    configuration = {"concurrency": 4, "max_batch": 4, "max_wait_ms": 200, "options": {"token_s": 0.01}}
    measure(command, write_study, configuration, workload={"requests": 16})
    inferred = spans(tmp_path, "server", "infer_span")  # those of one batch took the same time, to the nanosecond
    alone = 16 * 8 * 0.01
    assert len(inferred) == 16
    assert len(set(inferred)) <= 8
    assert sum(set(inferred)) < 0.6 * alone
    tokens = query(tmp_path, "SELECT output_sha256, output_tokens FROM requests")
    assert len({digest for digest, _ in tokens}) == 4
    assert {number for _, number in tokens} == {8}


def test_an_open_loop_sends_when_due_and_latency_counts_from_then(command: Command, write_study: Write, tmp_path: Path) -> None:
    """Requests are due at the declared times whatever the server does; waiting is part of their latency."""
    workload = {"requests": 20, "arrivals": {"process": "constant"}}
    measure(command, write_study, {"request_rate": 50.0, "options": {"token_s": 0.004}}, workload=workload,
            validity={"foreign_load": 1.0, "admit": ["late_requests"]})  # fmt: skip
    rows = query(tmp_path, "SELECT start_ns, end_ns FROM requests ORDER BY 1")
    gaps = [(b[0] - a[0]) / 1e9 for a, b in pairwise(rows)]
    assert gaps == pytest.approx([0.02] * 19, abs=1e-6)
    latencies = [(end - start) / 1e9 for start, end in rows]
    assert latencies[-1] > latencies[0] + 0.1  # 32 ms of work every 20 ms: the queue grows


@pytest.mark.alone
def test_a_queue_waits_as_long_as_lindley_says(command: Command, write_study: Write, tmp_path: Path) -> None:
    """Poisson arrivals at a server of constant service time: mean time in queue as computed from arrivals and service."""
    number, service_s = 160, 0.015
    workload = {"requests": number, "generation": {"output_tokens": 1, "exact": True}, "arrivals": {"seed": 4}}
    configuration = {"request_rate": 40.0, "options": {"prefill_s": service_s}}
    measure(command, write_study, configuration, workload=workload, validity={"foreign_load": 1.0, "admit": ["late_requests"]})
    arrived = [row[0] / 1e9 for row in query(tmp_path, "SELECT server_start_ns FROM requests ORDER BY 1")]
    queued, tokenised, inferred = (spans(tmp_path, "server", f"{name}_span") for name in ("queue", "tokenise", "infer"))
    assert len(arrived) == len(queued) == len(tokenised) == len(inferred) == number
    # what each took, and what passes between two of them while one waits: other programs may run beside the test
    service = [sum(parts) for parts in zip(tokenised, inferred, strict=True)]
    began = [sum(parts) for parts in zip(arrived, queued, strict=True)]
    ended = [sum(parts) for parts in zip(began, service, strict=True)]
    between = [start - end for at, start, end in zip(arrived[1:], began[1:], ended, strict=False) if at < end]
    assert 0 < float(np.mean(between)) < service_s
    free, waits = 0.0, []
    for at, seconds in zip(arrived, service, strict=True):
        waits.append(max(0.0, free - at))
        free = max(free, at) + seconds + float(np.mean(between))
    assert float(np.mean(waits)) > 0.1 * service_s
    assert float(np.mean(queued)) == pytest.approx(float(np.mean(waits)), rel=0.3, abs=0.003)


def test_the_ramp_is_no_part_of_the_window(command: Command, write_study: Write, tmp_path: Path) -> None:
    """With a ramp the window begins later and ends with the last request sent; a load within the ramp is invalid."""
    configuration = {"concurrency": 2, "options": {"token_s": 0.005}}
    measure(command, write_study, configuration, workload={"requests": 30, "ramp_s": 0.2})
    ((start, end, note),) = query(tmp_path, "SELECT start_ns, end_ns, note FROM marks WHERE phase = 'window'")
    ((first, last_sent, last),) = query(tmp_path, "SELECT min(start_ns), max(start_ns), max(end_ns) FROM requests")
    assert (start, end) == (first + 200_000_000, last_sent)
    assert end < last
    assert note == "steady part of the load, after a ramp of 0.2 s"


def test_a_load_that_ends_within_its_ramp_is_invalid(command: Command, write_study: Write, tmp_path: Path) -> None:
    """The reason says what to change."""
    measure(command, write_study, {"options": {"token_s": 0.001}}, check=1, workload={"ramp_s": 60})
    ((outcome, reason),) = query(tmp_path, "SELECT outcome, reason FROM runs")
    assert outcome == "invalid"
    assert "within the ramp of 60 s; raise `requests:` of the workload or shorten `ramp_s:`" in reason


def test_a_sweep_ends_where_memory_does(command: Command, write_study: Write, tmp_path: Path) -> None:
    """The first batch that does not fit is tried once; larger ones are recorded as not tried, also by the next call."""
    protocol = {"order": {"design": "fixed"}, "repetitions": 2}
    sections: dict[str, Any] = {"sweep": {"batch_size": [1, 2, 4, 8]}, "workload": {"requests": 8}, "protocol": protocol}
    configuration = {"options": {"token_s": 0.001, "fits": 2}}
    measure(command, write_study, configuration, check=1, **sections)
    rows = query(tmp_path, "SELECT key, outcome, reason FROM runs ORDER BY position")
    ends = [(key.split("-b")[-1][:1] if "-b" in key else "1", outcome, reason) for key, outcome, reason in rows]
    assert [outcome for _, outcome, _ in ends] == ["ok", "ok", "out_of_memory", "out_of_memory"] * 2
    assert "4 sequences do not fit, 2 do" in ends[2][2]
    assert "which asks for less, was out of memory" in ends[3][2]
    plan = command("plan", str(next((tmp_path / "studies").glob("*.yaml")))).stdout
    assert "0 pending" in plan


def test_output_tokens_may_differ_by_configuration(command: Command, write_study: Write, tmp_path: Path) -> None:
    """A configuration's own number of output tokens takes the place of the workload's, and is what validity asks for."""
    measure(command, write_study, {"options": {"token_s": 0.001}}, sweep={"output_tokens": [4, 12]})
    assert query(tmp_path, "SELECT DISTINCT output_tokens FROM requests ORDER BY 1") == [(4,), (12,)]
    assert query(tmp_path, "SELECT DISTINCT outcome FROM runs") == [("ok",)]
