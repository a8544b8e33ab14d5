"""Tests of servers greenreport did not write and that a command of the study starts."""

from __future__ import annotations

import multiprocessing
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from greenreport.analysis.measure.metrics import observations
from greenreport.engines.base import EngineJob
from greenreport.execute.command_keeper import keeper_main
from greenreport.execute.command_server import command_job
from greenreport.execute.process_entry import guarded
from greenreport.study import Configuration
from tests.execute.external_studies import BARE, ONCE, Outside, Ran, listens, only, ran, starting
from tests.execute.test_run import Command, Write, orphans, started, wait_for

ALLOCATE = "llama_init: failed to allocate buffer of size 17179869184"
TOO_MUCH = "CUDA out of memory. Tried to allocate 2.00 GiB"
#: What is wrong with a command: its options and replicas, the outcome, and words of the reason.
WRONG: dict[str, tuple[tuple[str, ...], int, str, str]] = {
    "says": (("--say", "no such model"), 1, "failed", "the model server process ended with exit code 4: no such model"),
    "loses": (("--claim", "claimed"), 2, "failed", "of 2 process ended with exit code 5: somebody else has it"),
    "ends": (("--end-at", "3"), 1, "failed", "the model server process ended with exit code 7"),
    "allocates": (("--say", ALLOCATE), 1, "out_of_memory", f"the model server process ended: {ALLOCATE}"),
    "grows": (
        ("--fail-at", "3", "--error", TOO_MUCH), 1, "out_of_memory", f"answered with an error: HTTP 500: {TOO_MUCH}",
    ),
    "logs": (
        ("--fail-at", "3", "--log", "torch.OutOfMemoryError: CUDA out of memory."), 1, "out_of_memory",
        "answered with an error: torch.OutOfMemoryError: CUDA out of memory.",
    ),
    "dies": (("--fail-at", "3"), 1, "failed", "answered with an error: HTTP 500: the engine is dead"),
}  # fmt: skip
ABSENT = {"engine": "command", "server": {"command": ["vllm-of-somebody", "serve", "{port}"], "id": "absent"}}


@pytest.fixture(scope="module")
def commanded(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Give a study of commands, good ones and those of `WRONG`."""
    configurations = [
        starting(id="replicated") | {"replicas": 2},
        starting(id="batched") | {"batch_size": 2},
        starting("--tokens", "7", id="short") | {"batch_size": 2},
        starting(id="told") | {"options": {"cache_prompt": False}},
        starting("--style", "vllm", "--preempt-from", "2", id="pressed"),
        starting("--style", "vllm", "--preempt-from", "99", id="roomy"),
        starting(id="silent"),
        ABSENT,
        *(starting(*options, id=name) | {"replicas": replicas} for name, (options, replicas, _, _) in WRONG.items()),
    ]
    return ran(tmp_path_factory.mktemp("commanded"), configurations)


def test_a_command_is_started_measured_and_ended(command: Command, write_study: Write, tmp_path: Path) -> None:
    """Loading takes as long as the server says, its process tree is measured, and nothing of it is left, detached workers included."""
    options = ("--load-s", "0.8", "--busy", "--token-s", "0.02", "--worker")
    file = write_study(configurations=[starting(*options)], models=BARE, protocol=ONCE)
    with started("run", str(file), folder=tmp_path) as process:
        assert process.wait(120) == 0
    wait_for(lambda: not orphans(tmp_path))
    record = only(tmp_path)
    assert (record.key, record.outcome) == ("one/command-small", "ok")
    load = next(mark for mark in record.marks if mark.phase == "load")
    assert 0.8 <= load.duration_s < 20
    found = {item.metric: item.value for item in observations(record)}
    assert found["process_cpu_pct"] is not None
    assert found["process_cpu_pct"] > 0
    assert found["ram_rss_peak_b"] is not None
    assert list((tmp_path / "cache" / "logs").glob("*")) == []


@pytest.mark.acceptance
def test_a_command_may_be_replicated(commanded: Ran) -> None:
    """Each replica gets a port of its own."""
    record = commanded.records["command-replicated-r2"]
    assert record.outcome == "ok"
    assert ("replicas", "2 processes, each with these facts") in record.facts.details  # type: ignore[union-attr]


def test_a_batch_is_counted_as_a_whole(commanded: Ran) -> None:
    """Such servers count the tokens of a batch together; when that is the most possible, every answer has its full length."""
    good, short = commanded.records["command-batched-b2"], commanded.records["command-short-b2"]
    assert (good.outcome, {request.output_tokens for request in good.requests}, len(good.requests)) == ("ok", {8}, 4)
    assert (short.outcome, {request.output_tokens for request in short.requests}) == ("invalid", {None})
    assert "the server tells no token counts" in str(short.reason)


def test_a_command_is_told_the_levels_of_its_factors(tmp_path: Path) -> None:
    """Threads, type and largest batch stand where the placeholders are; numbers have no decoration."""
    line = ["env", "--port", "{port}", "-t", "{threads}", "{dtype}", "--max-num-seqs={max_batch}", "{share}"]
    configuration = Configuration.model_validate(
        {"engine": "command", "max_batch": 16, "replicas": 4, "server": {"command": line}}
    )
    found = command_job(EngineJob(configuration, 3), tmp_path)
    port = found.url.rpartition(":")[2]
    assert found.arguments[1:] == ("--port", port, "-t", "3", "float32", "--max-num-seqs=16", "0.22")


def test_options_are_keys_of_every_request(commanded: Ran) -> None:
    """What a server knows beyond the protocol is passed to it as it is, and is part of the configuration's name."""
    assert commanded.records["command-told-cache_prompt.false"].outcome == "ok"


@pytest.mark.parametrize("name", WRONG)
def test_what_goes_wrong_with_a_command_is_a_reason(name: str, commanded: Ran) -> None:
    """A command that ends, loses a replica, or runs out of memory: an outcome with a sentence."""
    _, replicas, outcome, reason = WRONG[name]
    record = commanded.records[f"command-{name}" + (f"-r{replicas}" if replicas > 1 else "")]
    assert record.outcome == outcome
    assert reason in str(record.reason)


def test_a_command_that_is_not_installed_is_a_reason(commanded: Ran) -> None:
    """It is not run, with what to do."""
    record = commanded.records["command-absent"]
    assert record.outcome == "not_run"
    assert "the command 'vllm-of-somebody' is not installed; install it, or write its full path, then run again" in str(
        record.reason
    )


def test_a_command_that_hangs_is_a_reason(command: Command, write_study: Write, tmp_path: Path) -> None:
    """It has as long as the protocol says."""
    hangs = starting("--load-s", "600")
    command("run", str(write_study(configurations=[hangs], models=BARE, protocol=ONCE | {"load_timeout_s": 2})), check=1)
    record = only(tmp_path)
    assert record.outcome == "timed_out"
    assert "starting and loading took longer than 2 s" in str(record.reason)


def test_requests_taken_back_are_told_beside_the_numbers(commanded: Ran) -> None:
    """Servers like vLLM count them for as long as it runs; what the load added is a flag that excludes nothing. Others tell nothing."""
    found = {name: commanded.records[f"command-{name}"] for name in ("pressed", "roomy", "silent")}
    told = {name: [f for f in record.flags if f.code == "preempted"] for name, record in found.items()}
    assert [(flag.fatal, flag.detail) for flag in told["pressed"]] == [
        (False, "the server took requests back 3 times while the load lasted, for lack of room")
    ]
    assert told["roomy"] == told["silent"] == []
    counts = {name: [(t.value[0], t.value[-1]) for t in r.traces if t.quantity == "preemptions"] for name, r in found.items()}
    assert counts == {"pressed": [(40.0, 43.0)], "roomy": [(40.0, 40.0)], "silent": []}
    served = [(t.meter, set(t.value)) for t in found["pressed"].traces if t.quantity == "requests_running"]
    assert served == [("server", {3.0})]
    assert {record.outcome for record in found.values()} == {"ok"}


def test_a_port_that_is_taken_is_refused(command: Command, write_study: Write, tmp_path: Path, outside: Outside) -> None:
    """Otherwise the run would measure whoever has the port."""
    url = outside()
    file = write_study(configurations=[starting(url=url)], models=BARE, protocol=ONCE)
    command("run", str(file), check=1)
    assert str(only(tmp_path).reason).startswith(f"something answers at {url} already")


def test_a_killed_greenreport_leaves_no_server(command: Command, write_study: Write, tmp_path: Path) -> None:
    """SIGKILL cannot be caught: the keeper sees its pipe close and ends the command with everything it started."""
    file = write_study(configurations=[starting("--worker", "--token-s", "1")], models=BARE, protocol=ONCE)
    with started("run", str(file), folder=tmp_path) as process:
        wait_for(lambda: any("time.sleep(600)" in line for line in command_lines(tmp_path)))
        process.kill()
    wait_for(lambda: not orphans(tmp_path))


def test_a_keeper_that_can_tell_nobody_leaves_no_server(tmp_path: Path) -> None:
    """The parent is gone at the moment at which the server answers."""
    server = Configuration.model_validate(starting()).server
    job = command_job(EngineJob(Configuration(engine="command", server=server), threads=1), tmp_path)
    fork = multiprocessing.get_context("forkserver")
    deaf, closed = fork.Pipe(duplex=False)  # what the keeper has to say fails, and nobody closes its pipe
    keeper = fork.Process(target=guarded, args=(keeper_main, deaf, job, tmp_path / "log", {}))
    keeper.start()
    keeper.join(60)
    assert keeper.exitcode == 0
    assert not listens(urlsplit(job.url).port or 0)
    closed.close()


def command_lines(tmp_path: Path) -> list[str]:
    """Return the command lines of the processes that carry the mark of `started`; some may end meanwhile."""
    found = []
    for pid in orphans(tmp_path):
        with suppress(OSError):
            found.append(Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def test_plan_shows_the_command_and_runs_nothing(command: Command, write_study: Write, tmp_path: Path) -> None:
    """Whoever runs somebody's study can see beforehand what it starts; control characters are not passed to the terminal."""
    made = tmp_path / "made"
    line = ["touch", str(made), "a b", "\u202e", "{port}"]
    asked = {"engine": "endpoint", "name": "y", "server": {"url": "http://127.0.0.1:9", "api_key_env": "MY_KEY"}}
    file = write_study(
        configurations=[{"engine": "command", "name": "x", "server": {"command": line}}, asked],
        models=BARE,
        meters=[
            "utilisation",
            {"energibridge": {"path": "./my program"}},
            {"wattmeter": {"kind": "netio", "url": "http://10.0.0.1/"}},
        ],
        hypotheses=[],
    )
    for verb in ("validate", "plan"):
        starts, asks = (
            command(verb, str(file)).stdout.split("Programs this study starts:\n")[1].split("Addresses this study contacts:\n")
        )
        assert starts.startswith("  meter energibridge: './my program'\n")
        assert f"  command-x: touch {made} 'a b'" in starts
        assert "\u202e" not in starts
        assert "  meter wattmeter: http://10.0.0.1/\n  endpoint-y: http://127.0.0.1:9, with the API key in $MY_KEY\n" in asks
    assert not made.exists()
