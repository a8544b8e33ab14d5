"""Tests of servers greenreport did not write: one that runs already, and one that a command starts."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

import greenreport
from greenreport.analysis.metrics import observations
from greenreport.engines.base import EngineJob
from greenreport.errors import MeasurementInvalid
from greenreport.execute.outside import command_job, listeners
from greenreport.record import RunRecord
from greenreport.store import Store
from greenreport.study import Configuration
from tests.conftest import minimal_study
from tests.execute.test_run import Command, Write, fake, orphans, query, started, wait_for

HERE = Path(__file__).parent
ONCE = minimal_study()["protocol"] | {"repetitions": 1}
BARE = [{"id": "one"}]  # a model that only servers of others have needs no weights

Outside = Callable[..., str]


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Iterator[Outside]:
    """Return a function that starts a server as somebody else would, and returns its address."""
    with ExitStack() as stack:

        def start(*options: str, script: str = "small_server.py") -> str:
            port = free_port()
            named = [str(port), *options] if script == "our_server.py" else ["--port", str(port), *options]
            process = stack.enter_context(subprocess.Popen([sys.executable, str(HERE / script), *named]))
            stack.callback(process.kill)
            wait_for(lambda: listens(port))
            return f"http://127.0.0.1:{port}"

        yield start


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def listens(port: int) -> bool:
    """Whether something accepts connections on a port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def endpoint(url: str, **server: Any) -> dict[str, Any]:
    """Return a configuration that attaches to a server."""
    return {"engine": "endpoint", "name": "small", "server": {"url": url, **server}}


def starting(*options: str, **server: Any) -> dict[str, Any]:
    """Return a configuration that starts the small server."""
    line = [sys.executable, str(HERE / "small_server.py"), "--port", "{port}", *options]
    return {"engine": "command", "name": "small", "server": {"command": line, **server}}


def records(tmp_path: Path) -> list[RunRecord]:
    """Return every run of the store."""
    store = Store(tmp_path / "cache" / "greenreport.duckdb")
    return list(store.records([row.run_id for row in store.index()]))


def only(tmp_path: Path) -> RunRecord:
    """Return the one run of the store."""
    [record] = records(tmp_path)
    return record


# --- a server that runs already ---------------------------------------------------------------------------------------


def test_a_running_server_joins_a_study_with_three_lines(
    command: Command, write_study: Write, tmp_path: Path, outside: Outside
) -> None:
    """The run is ok; facts are what the server tells, unknown things are None; metrics of this host are absent with the reason."""
    file = write_study(configurations=[endpoint(outside())], models=BARE, protocol=ONCE)
    assert "no meter is read for this server" in command("validate", str(file)).stderr
    command("run", str(file))
    record = only(tmp_path)
    assert (record.key, record.outcome) == ("one/endpoint-small", "ok")
    facts = record.facts
    assert facts is not None
    assert (facts.dtype, facts.kv_cache, facts.threads, facts.device) == (None, None, None, None)
    assert (facts.model, facts.parameters, facts.weights_b) == ("one", 1234, 4936)
    details = dict(facts.details)
    assert details["not verified"] == "type, KV cache and threads: the server does not tell them"
    assert details["server"].startswith("small-server/1.0")
    assert details["n ctx train"] == "2048"
    assert [mark.phase for mark in record.marks] == ["start", "idle_before", "warmup", "window", "idle_after", "stop"]
    assert {request.output_tokens for request in record.requests} == {8}
    found = {item.metric: item for item in observations(record)}
    for metric in ("energy_j", "cpu_usage_pct", "ram_rss_peak_b"):
        assert found[metric].value is None
        assert "not declared to run on the machine the meters measure" in str(found[metric].reason)
    assert found["throughput_tokens_per_s"].value is not None
    assert (found["load_s"].value, found["load_s"].reason) == (None, "the server was running before")
    assert {trace.meter for trace in record.traces} == {"client"}


def test_a_server_declared_local_is_found_by_its_port_and_measured(
    command: Command, write_study: Write, tmp_path: Path, outside: Outside
) -> None:
    """Its process tree is watched, so its CPU time is the server's and not that of other programs."""
    url = outside("--busy", "--token-s", "0.05")
    file = write_study(configurations=[endpoint(url, local=True)], models=BARE, protocol=ONCE)
    command("run", str(file))
    record = only(tmp_path)
    assert dict(record.facts.details)["process"] == "found by its port"  # type: ignore[union-attr]
    found = {item.metric: item.value for item in observations(record)}
    assert found["process_cpu_pct"] is not None
    cpus = record.environment.logical_cpus
    assert found["process_cpu_pct"] > 0.2 * 100 / cpus  # it spins; how much of a CPU it gets is up to other programs
    assert found["energy_j"] is not None  # the power model of the study


def test_our_own_server_started_by_hand_is_like_any_other(
    command: Command, write_study: Write, tmp_path: Path, outside: Outside
) -> None:
    """Attached to from outside, greenreport's server gives the same tokens as inside a run, and its times."""
    url = outside("one", script="our_server.py")
    command("run", str(write_study(configurations=[fake(), endpoint(url)], protocol=ONCE)))
    inside, attached = sorted(records(tmp_path), key=lambda record: record.engine, reverse=True)
    assert (inside.engine, attached.engine) == ("fake", "endpoint")
    assert [r.output_sha256 for r in inside.requests] == [r.output_sha256 for r in attached.requests]
    assert all(r.server_start_ns is not None and len(r.token_ns) == 8 for r in attached.requests)


def test_outputs_without_token_ids_are_compared_by_their_text(
    command: Command, write_study: Write, tmp_path: Path, outside: Outside
) -> None:
    """The fake engine tells tokens, the small server only texts; they are the same, so the configuration is faithful."""
    file = write_study(configurations=[fake(), endpoint(outside())], protocol=ONCE)
    command("run", str(file))
    found = {item.configuration: item.reason for item in greenreport.load(file, tmp_path / "cache").fidelity}
    assert found["endpoint-small"] == "4 of 4 outputs equal the reference in their text; the server tells no tokens"


@pytest.mark.parametrize("style", ["llama.cpp", "vllm"])
def test_streams_of_real_servers_are_understood(
    style: str, command: Command, write_study: Write, tmp_path: Path, outside: Outside
) -> None:
    """Comments, no blank after the colon, token ids piece by piece, and usage in an event of its own at the end."""
    url = outside("--style", style, "--token-s", "0.02")
    workload = minimal_study()["workload"] | {"stream": True}
    command("run", str(write_study(configurations=[endpoint(url)], models=BARE, protocol=ONCE, workload=workload)))
    record = only(tmp_path)
    for request in record.requests:
        assert (request.output_tokens, request.finish_reason, request.answered_by) == (8, "length", "one")
        assert request.first_token_ns is not None
        assert 0.01 < (request.first_token_ns - request.start_ns) / 1e9 < (request.end_ns - request.start_ns) / 1e9 - 0.1
    assert {len(output.token_ids) for output in record.outputs} == ({8} if style == "vllm" else {0})
    assert {len(output.text) for output in record.outputs} == {8}
    assert dict(record.facts.details).get("version") == ("9.9" if style == "vllm" else None)  # type: ignore[union-attr]


@pytest.mark.parametrize("style", ["llama.cpp", "vllm"])
def test_pieces_of_several_tokens_keep_their_number(
    style: str, command: Command, write_study: Write, tmp_path: Path, outside: Outside
) -> None:
    """A server under load sends two tokens at once: both count, and time between tokens is that of tokens, not of pieces."""
    url = outside("--style", style, "--token-s", "0.02", "--tokens-per-piece", "2", "--unescaped")
    workload = minimal_study()["workload"] | {"stream": True}
    file = write_study(configurations=[endpoint(url)], models=BARE, protocol=ONCE, workload=workload)
    command("run", str(file))
    record = only(tmp_path)
    assert {len(request.token_ns) for request in record.requests} == ({8} if style == "vllm" else {4})
    assert {request.output_tokens for request in record.requests} == {8}
    assert {output.text[0] for output in record.outputs} == {"\u2028"}
    gap = greenreport.load(file, tmp_path / "cache").dataset.cells[0].ok[0].value("tbt_s")
    assert gap is not None
    assert 6 * 0.02 / 7 <= gap < 0.02  # from the second token to the eighth: six steps for seven gaps


@pytest.mark.parametrize(
    ("options", "changes", "outcome", "reason"),
    [
        (["--tokens", "7"], {}, "invalid", "4 of 4 answers do not have exactly 8 tokens"),
        (["--answer-as", "two"], {}, "invalid", "answers name the model two, not one"),
        (["--model", "two"], {}, "failed", "lists no model 'one'; it has: two. Name one under `server: {model: …}`"),
        (["--end-at", "3"], {}, "failed", "the server closed the connection (RemoteProtocolError: Server disconnected without"),
        (
            ["--style", "silent"],
            {"stream": True},
            "invalid",
            "the server tells no token counts, at least not of streamed answers",
        ),
    ],
)
def test_what_goes_wrong_with_a_running_server_is_a_reason(
    options: list[str],
    changes: dict[str, Any],
    outcome: str,
    reason: str,
    command: Command,
    write_study: Write,
    tmp_path: Path,
    outside: Outside,
) -> None:
    """Other work, another model, a server that ends: an outcome with a sentence, and the run is pending again."""
    workload = minimal_study()["workload"] | changes
    file = write_study(configurations=[endpoint(outside(*options))], models=BARE, protocol=ONCE, workload=workload)
    command("run", str(file), check=1)
    record = only(tmp_path)
    assert record.outcome == outcome
    assert reason in str(record.reason)
    assert "1 pending" in command("plan", str(file)).stdout


@pytest.mark.parametrize(
    ("options", "refused"),
    [({}, "HTTP 400: unknown field return_token_ids"), ({"return_token_ids": False}, None)],
)
def test_keys_beyond_the_protocol_can_be_left_out(
    options: dict[str, Any], refused: str | None, command: Command, write_study: Write, tmp_path: Path, outside: Outside
) -> None:
    """A strict server gets `ignore_eos` only where the study asks for exact lengths, and `return_token_ids` unless it says no."""
    url = outside("--refuse", "ignore_eos", "--refuse", "return_token_ids")
    workload = minimal_study()["workload"] | {"generation": {"output_tokens": 8, "exact": False}}
    file = write_study(configurations=[endpoint(url) | {"options": options}], models=BARE, protocol=ONCE, workload=workload)
    command("run", str(file), check=1 if refused else 0)
    record = only(tmp_path)
    assert (record.reason or "").endswith(refused) if refused else record.outcome == "ok"


def test_exact_lengths_are_asked_for(command: Command, write_study: Write, tmp_path: Path, outside: Outside) -> None:
    """`exact: true` sends `ignore_eos`, which a server that does not know it may refuse."""
    file = write_study(configurations=[endpoint(outside("--refuse", "ignore_eos"))], models=BARE, protocol=ONCE)
    command("run", str(file), check=1)
    assert str(only(tmp_path).reason).endswith("HTTP 400: unknown field ignore_eos")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", ["429", "503"])
def test_a_server_that_refuses_the_load_is_quoted(
    status: str, stream: bool, command: Command, write_study: Write, tmp_path: Path, outside: Outside
) -> None:
    """The status stays, with what it means, whatever type the error has."""
    url = outside("--fail-at", "3", "--fail-status", status, "--error", "too many requests")
    workload = minimal_study()["workload"] | {"stream": stream}
    file = write_study(configurations=[endpoint(url)], models=BARE, protocol=ONCE, workload=workload)
    command("run", str(file), check=1)
    wanted = f"HTTP {status}: overloaded_error: too many requests; the server refused the load: fewer requests at once"
    assert wanted in str(only(tmp_path).reason)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the certificate is made with openssl")
def test_a_certificate_of_ones_own_authority_is_believed_where_the_machine_believes_it(
    command: Command, write_study: Write, tmp_path: Path, outside: Outside
) -> None:
    """The probe and the client trust what the system trusts; without that, the reason is the certificate and not a server that is off."""
    pem = tmp_path / "server.pem"
    extensions = ("subjectAltName=IP:127.0.0.1", "keyUsage=critical,digitalSignature,keyCertSign")
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    made += ["-subj", "/CN=small", "-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "certificate")]
    subprocess.run([*made, *(word for text in extensions for word in ("-addext", text))], check=True, capture_output=True)
    pem.write_text((tmp_path / "key").read_text() + (tmp_path / "certificate").read_text())
    url = outside("--tls", str(pem)).replace("http://", "https://")
    file = write_study(configurations=[endpoint(url)], models=BARE, protocol=ONCE)
    plain = {name: value for name, value in os.environ.items() if name != "SSL_CERT_FILE"}
    command("run", str(file), check=1, env=plain)
    reason = str(only(tmp_path).reason)
    assert reason.startswith(
        f"the certificate of the server at {url} is not trusted here (ConnectError: [SSL: CERTIFICATE_VERIFY"
    )
    assert reason.endswith("or name its file in the environment variable SSL_CERT_FILE")
    command("run", str(file), env=plain | {"SSL_CERT_FILE": str(tmp_path / "certificate")})
    assert sorted(record.outcome for record in records(tmp_path)) == ["failed", "ok"]


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("docker-proxy", "start the container with `--network host`"),
        ("ssh", "the server runs somewhere else: leave `local` out"),
    ],
)
def test_what_only_hands_requests_on_is_not_taken_for_the_server(name: str, remedy: str, tmp_path: Path) -> None:
    """A published port of a container and a tunnel have a process of their own, whose memory says nothing of the server."""
    program, port = tmp_path / name, free_port()
    program.symlink_to(Path(sys.executable).resolve())
    with subprocess.Popen([str(program), str(HERE / "small_server.py"), "--port", str(port)]) as process:
        try:
            wait_for(lambda: listens(port))
            with pytest.raises(MeasurementInvalid, match=f"is '{name}', not the server; {remedy}"):
                listeners(f"http://127.0.0.1:{port}")
        finally:
            process.kill()


def test_a_server_that_is_not_there_is_tried_again(command: Command, write_study: Write, tmp_path: Path) -> None:
    """Nobody answers: the run says so and stays pending, so that starting the server is all there is to do."""
    url = f"http://127.0.0.1:{free_port()}"
    command("run", str(write_study(configurations=[endpoint(url)], models=BARE, protocol=ONCE)), check=1)
    record = only(tmp_path)
    assert record.outcome == "failed"
    assert str(record.reason).startswith(f"no server answers at {url} (ConnectError: [Errno 111] Connection refused); start it")


def test_local_is_refused_for_another_machine(command: Command, write_study: Write, tmp_path: Path) -> None:
    """`local: true` would give the server the energy of this machine; an address that is not ours makes the run invalid."""
    file = write_study(configurations=[endpoint("http://192.0.2.1:8000", local=True)], models=BARE, protocol=ONCE)
    command("run", str(file), check=1)
    record = only(tmp_path)
    assert record.outcome == "invalid"
    assert "is no address of this machine" in str(record.reason)


def test_the_key_is_used_and_kept_nowhere(
    command: Command, write_study: Write, tmp_path: Path, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key comes from the environment; it is neither in the store nor in a log, also when the server repeats it in an error."""
    monkeypatch.setenv("SMALL_KEY", "sk-very-secret-1")
    url = outside("--key-env", "SMALL_KEY")
    without = endpoint(url, id="without")
    command("run", str(write_study(configurations=[without], models=BARE, protocol=ONCE)), check=1)
    good = endpoint(url, api_key_env="SMALL_KEY")
    command("run", str(write_study(configurations=[good], models=BARE, protocol=ONCE)))
    monkeypatch.setenv("SMALL_KEY", "sk-another-secret-2")
    says = starting("--say", "my key is sk-another-secret-2", api_key_env="SMALL_KEY")
    command("run", str(write_study(configurations=[says], models=BARE, protocol=ONCE)), check=1)
    monkeypatch.delenv("SMALL_KEY")
    command("run", str(write_study(configurations=[good], models=BARE, protocol=ONCE)), "--force", check=None)
    reasons = [row[0] or "ok" for row in query(tmp_path, "SELECT reason FROM runs ORDER BY started_at, run_id")]
    assert sorted(reason.split(";")[0][:44] for reason in reasons) == sorted(
        [
            "ok",
            f"the server at {url} wants an API key"[:44],
            "the model server process ended with exit code 4: my key is <key>"[:44],
            "the environment variable SMALL_KEY, named by `api_key_env`"[:44],
        ]
    )
    assert "my key is <key>" in " ".join(reasons)
    for file in (tmp_path / "cache").rglob("*"):
        if file.is_file():
            assert b"secret-1" not in file.read_bytes(), file
    held = json.dumps(query(tmp_path, "SELECT reason, detail, facts FROM runs"), default=str)
    assert "secret" not in held


# --- a command that starts a server -----------------------------------------------------------------------------------


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
    assert 0.8 <= load.duration_s < 5
    found = {item.metric: item.value for item in observations(record)}
    assert found["process_cpu_pct"] is not None
    assert found["process_cpu_pct"] > 0
    assert found["ram_rss_peak_b"] is not None
    assert list((tmp_path / "cache" / "logs").glob("*")) == []


def test_a_command_may_be_replicated(command: Command, write_study: Write, tmp_path: Path) -> None:
    """Each replica gets a port of its own."""
    file = write_study(configurations=[starting() | {"replicas": 2}], models=BARE, protocol=ONCE)
    command("run", str(file))
    record = only(tmp_path)
    assert record.outcome == "ok"
    assert ("replicas", "2 processes, each with these facts") in record.facts.details  # type: ignore[union-attr]


def test_a_batch_is_counted_as_a_whole(command: Command, write_study: Write, tmp_path: Path) -> None:
    """Such servers count the tokens of a batch together; when that is the most possible, every answer has its full length."""
    batched = [starting() | {"batch_size": 2}, starting("--tokens", "7", id="short") | {"batch_size": 2}]
    command("run", str(write_study(configurations=batched, models=BARE, protocol=ONCE)), check=1)
    found = {record.key: record for record in records(tmp_path)}
    good, short = found["one/command-small-b2"], found["one/command-short-b2"]
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


def test_options_are_keys_of_every_request(command: Command, write_study: Write, tmp_path: Path) -> None:
    """What a server knows beyond the protocol is passed to it as it is, and is part of the configuration's name."""
    file = write_study(configurations=[starting() | {"options": {"cache_prompt": False}}], models=BARE, protocol=ONCE)
    command("run", str(file))
    assert only(tmp_path).key == "one/command-small-cache_prompt.false"


@pytest.mark.parametrize(
    ("configuration", "outcome", "reason"),
    [
        (starting("--say", "no such model"), "failed", "the model server process ended with exit code 4: no such model"),
        (
            starting("--claim", "claimed") | {"replicas": 2},
            "failed",
            "of 2 process ended with exit code 5: somebody else has it",
        ),
        (starting("--load-s", "60"), "timed_out", "starting and loading took longer than 3 s"),
        (starting("--end-at", "3"), "failed", "the model server process ended with exit code 7"),
        (
            starting("--say", "llama_init: failed to allocate buffer of size 17179869184"),
            "out_of_memory",
            "the model server process ended: llama_init: failed to allocate buffer of size 17179869184",
        ),
        (
            starting("--fail-at", "3", "--error", "CUDA out of memory. Tried to allocate 2.00 GiB"),
            "out_of_memory",
            "answered with an error: HTTP 500: CUDA out of memory. Tried to allocate 2.00 GiB",
        ),
        (
            starting("--fail-at", "3", "--log", "torch.OutOfMemoryError: CUDA out of memory."),
            "out_of_memory",
            "answered with an error: torch.OutOfMemoryError: CUDA out of memory.",
        ),
        (starting("--fail-at", "3"), "failed", "answered with an error: HTTP 500: the engine is dead"),
        (
            {"engine": "command", "server": {"command": ["vllm-of-somebody", "serve", "{port}"]}},
            "unsupported",
            "the command 'vllm-of-somebody' is not installed; install it, or write its full path; then run again with --force",
        ),
    ],
)
def test_what_goes_wrong_with_a_command_is_a_reason(
    configuration: dict[str, Any], outcome: str, reason: str, command: Command, write_study: Write, tmp_path: Path
) -> None:
    """A command that ends, hangs, loses a replica or is not installed: an outcome with a sentence."""
    protocol = ONCE | {"load_timeout_s": 3}
    command("run", str(write_study(configurations=[configuration], models=BARE, protocol=protocol)), check=1)
    record = only(tmp_path)
    assert record.outcome == outcome
    assert reason in str(record.reason)


def test_requests_taken_back_are_told_beside_the_numbers(command: Command, write_study: Write, tmp_path: Path) -> None:
    """Servers like vLLM count them for as long as it runs; what the load added is a flag that excludes nothing. Others tell nothing."""
    pressed = starting("--style", "vllm", "--preempt-from", "2", id="pressed")
    roomy = starting("--style", "vllm", "--preempt-from", "99", id="roomy")
    command("run", str(write_study(configurations=[pressed, roomy, starting(id="silent")], models=BARE, protocol=ONCE)))
    found = {record.key: record for record in records(tmp_path)}
    flags = [flag for flag in found["one/command-pressed"].flags if flag.code == "preempted"]
    assert [(flag.fatal, flag.detail) for flag in flags] == [
        (False, "the server took requests back 3 times while the load lasted, for lack of room")
    ]
    counts = {key: [list(t.value) for t in r.traces if t.quantity == "preemptions"] for key, r in found.items()}
    assert counts == {
        "one/command-pressed": [[40.0, 43.0]],
        "one/command-roomy": [[40.0, 40.0]],
        "one/command-silent": [],
    }
    told = {key for key, record in found.items() if any(flag.code == "preempted" for flag in record.flags)}
    assert (told, {record.outcome for record in found.values()}) == ({"one/command-pressed"}, {"ok"})


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
        wait_for(lambda: any(b"time.sleep(600)" in Path(f"/proc/{pid}/cmdline").read_bytes() for pid in orphans(tmp_path)))
        process.kill()
    wait_for(lambda: not orphans(tmp_path))


def test_plan_shows_the_command_and_runs_nothing(command: Command, write_study: Write, tmp_path: Path) -> None:
    """Whoever runs somebody's study can see beforehand what it starts; control characters are not passed to the terminal."""
    made = tmp_path / "made"
    line = ["touch", str(made), "a b", "\x1b[2J", "{port}"]
    file = write_study(configurations=[{"engine": "command", "name": "x", "server": {"command": line}}], models=BARE)
    shown = command("plan", str(file)).stdout
    command("validate", str(file))
    assert f"command-x starts: touch {made} 'a b'" in shown
    assert "\x1b[2J" not in shown
    assert not made.exists()


def test_the_small_server_is_what_it_claims(outside: Outside) -> None:
    """The stand-in speaks HTTP as a client of another library sees it."""
    answer = httpx.post(
        f"{outside()}/v1/completions", json={"model": "one", "prompt": "a", "max_tokens": 3}, trust_env=False
    ).json()
    assert answer["usage"] == {"prompt_tokens": 1, "completion_tokens": 3}
    assert "token_ids" not in answer["choices"][0]
