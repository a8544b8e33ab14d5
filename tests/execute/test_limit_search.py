"""Tests of looking for the largest load that works."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from greenreport.execute.limit_search import FILL_MS, Trial, at_load, search
from greenreport.record import Outcome
from greenreport.study import Configuration
from tests.conftest import minimal_study

Command = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[..., Path]


def loads(limit: int, largest: int = 1024) -> list[int]:
    """Return the loads tried on a machine with this limit."""

    def tried(load: int) -> Trial:
        return Trial(load, Outcome.OK if load <= limit else Outcome.OUT_OF_MEMORY, None)

    return [trial.load for trial in search(tried, largest)]


def test_the_load_is_doubled_and_then_bisected() -> None:
    """The documented example: the exact limit below 16."""
    assert loads(13) == [1, 2, 4, 8, 16, 12, 14, 13]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 15, 16, 17, 100, 600, 1000])
def test_the_largest_load_found_is_within_a_sixteenth_of_the_limit(limit: int) -> None:
    """What works and what does not enclose the limit as closely as said, in few trials."""
    tried = loads(limit)
    good = max(load for load in tried if load <= limit)
    assert limit - good <= max(0, int(good / 16))
    assert len(tried) <= 17


def test_no_load_is_tried_beyond_the_largest_and_none_twice() -> None:
    """Without a limit the last trial is the largest load itself."""
    assert loads(10**9, 100) == [1, 2, 4, 8, 16, 32, 64, 100]
    assert loads(0) == [1]


def test_the_command_finds_the_batch_that_fits(command: Command, write_study: Write) -> None:
    """Seven sequences fit: the command says so, and the study's own runs are not touched."""
    configuration = {"engine": "fake", "options": {"token_s": 0.0005, "fits": 7}}
    file = write_study(configurations=[configuration], protocol=minimal_study()["protocol"] | {"repetitions": 1})
    printed = command("limit", str(file), "--largest", "64", "--quiet").stdout
    assert (
        "one/fake-cpu-fits.7-token_s.0.0005: batch_size 7 works, 8 does not (out of memory: 8 sequences do not fit, 7 do)"
        in printed
    )
    assert "1 pending" in command("plan", str(file)).stdout


def test_a_dynamic_batch_is_really_filled(command: Command, write_study: Write) -> None:
    """Five sequences fit: found only when the requests of a trial come together and are answered in one batch, on each replica."""
    configuration = {"engine": "fake", "replicas": 2, "request_rate": 3.0, "options": {"token_s": 0.0005, "fits": 5}}
    file = write_study(configurations=[configuration], protocol=minimal_study()["protocol"] | {"repetitions": 1})
    printed = command("limit", str(file), "--factor", "max_batch", "--largest", "16", "--quiet").stdout
    assert "max_batch 5 works, 6 does not (out of memory: 6 sequences do not fit, 5 do)" in printed


def test_a_trial_has_the_clients_its_level_needs() -> None:
    """As many prompts wait at each server as its batch may hold; one client is enough for other factors."""
    plain = Configuration(engine="fake")
    assert at_load(plain, "batch_size", 8).concurrency == 1
    assert at_load(plain, "max_batch", 1).max_wait_ms == 0
    filled = at_load(Configuration(engine="fake", batch_size=2, replicas=3, request_rate=1.0), "max_batch", 8)
    assert (filled.concurrency, filled.request_rate, filled.max_wait_ms) == (12, None, FILL_MS)
    command = Configuration.model_validate({"engine": "command", "server": {"command": ["a", "{port}", "{max_batch}"]}})
    assert (at_load(command, "max_batch", 4).concurrency, at_load(command, "max_batch", 4).max_wait_ms) == (4, 0)


def test_a_wrong_argument_is_a_sentence_and_exit_code_two(command: Command, write_study: Write) -> None:
    """The same code as a wrong study file: nothing was done, and the sentence says what is possible."""
    file = write_study()
    assert "--factor 'colour': one of batch_size" in command("limit", str(file), "--factor", "colour", check=2).stderr
    chat = write_study(workload=minimal_study()["workload"] | {"api": "chat"})
    assert "a request in chat is one conversation" in command("limit", str(chat), check=2).stderr
    assert "matches no cell" in command("limit", str(file), "--only", "engine=onnx", check=2).stderr
    assert "did you mean 'fake'?" in command("run", str(file), "--only", "engine=fak", check=2).stderr
