"""Tests of servers greenreport did not write and does not start: they run already."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

import greenreport
from greenreport.analysis.measure.metrics import observations
from tests.conftest import minimal_study
from tests.execute.external_studies import BARE, ONCE, Outside, Ran, endpoint, ran, starter, starting
from tests.execute.test_run import Command, Write, fake, query

#: What is wrong with a server: its options, the outcome, and words of the reason.
WRONG = {
    "another-length": (("--tokens", "7"), "invalid", "4 of 4 answers do not have exactly 8 tokens"),
    "another-answers": (("--answer-as", "two"), "invalid", "answers name the model two, not one"),
    "another-model": (("--model", "two"), "failed", "lists no model 'one'; it has: two. Name one under `server: {model: …}`"),
    "ends": (("--end-at", "3"), "failed", "the server closed the connection"),
}
STYLES = ("llama.cpp", "vllm")


@pytest.fixture(scope="module")
def attached(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Give a study of servers that run already, good ones and those of `WRONG`."""
    with ExitStack() as stack:
        start = starter(stack)
        nobody = stack.enter_context(socket.socket())
        nobody.bind(("127.0.0.1", 0))  # a port that is taken, and on which nobody listens
        configurations = [
            endpoint(start()),
            endpoint(start("--busy", "--token-s", "0.05"), local=True, id="local"),
            endpoint(f"http://127.0.0.1:{nobody.getsockname()[1]}", id="nobody"),
            endpoint("http://192.0.2.1:8000", local=True, id="far"),
            *(endpoint(start(*options), id=name) for name, (options, _, _) in WRONG.items()),
        ]
        return ran(tmp_path_factory.mktemp("attached"), configurations)


@pytest.fixture(scope="module")
def streamed(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Give a study of servers that stream their answers."""
    with ExitStack() as stack:
        start = starter(stack)
        configurations = [
            *(endpoint(start("--style", style, "--token-s", "0.04"), id=style) for style in STYLES),
            endpoint(start("--style", "silent"), id="silent"),
        ]
        workload = minimal_study()["workload"] | {"stream": True}
        return ran(tmp_path_factory.mktemp("streamed"), configurations, workload=workload)


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Give a study of the fake engine, of greenreport's own server started by hand, and of one that tells no tokens."""
    with ExitStack() as stack:
        start = starter(stack)
        configurations = [fake(), endpoint(start()), endpoint(start(script="our_server.py"), id="ours")]
        models = minimal_study()["models"]
        return ran(tmp_path_factory.mktemp("beside"), configurations, models=models)


def test_a_running_server_joins_a_study_with_three_lines(attached: Ran) -> None:
    """The run is ok; facts are what the server tells, unknown things are None; metrics of this host are absent with the reason."""
    assert "no meter is read for this server" in attached.say("validate")
    record = attached.records["endpoint-small"]
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


def test_a_server_declared_local_is_found_by_its_port_and_measured(attached: Ran) -> None:
    """Its process tree is watched, so its CPU time is the server's and not that of other programs."""
    record = attached.records["endpoint-local"]
    assert dict(record.facts.details)["process"] == "found by its port"  # type: ignore[union-attr]
    values = {item.metric: item.value for item in observations(record)}
    share = values["process_cpu_pct"]
    assert share is not None
    window = next(mark for mark in record.marks if mark.phase == "window")
    assert share / 100 * record.environment.logical_cpus * window.duration_s > 1  # of 1.6 s: 32 tokens of 0.05 s
    assert values["energy_j"] is not None  # the power model of the study


def test_our_own_server_started_by_hand_is_like_any_other(beside: Ran) -> None:
    """Attached to from outside, greenreport's server gives the same tokens as inside a run, and its times."""
    [inside] = (record for record in beside.records.values() if record.engine == "fake")
    outside = beside.records["endpoint-ours"]
    assert [r.output_sha256 for r in inside.requests] == [r.output_sha256 for r in outside.requests]
    assert all(r.server_start_ns is not None and len(r.token_ns) == 8 for r in outside.requests)


def test_outputs_without_token_ids_are_compared_by_their_text(beside: Ran) -> None:
    """The fake engine tells tokens, the small server only texts; they are the same, so the configuration is faithful."""
    loaded = greenreport.load(beside.folder / "studies" / "tiny.yaml", beside.folder / "cache")
    found = {item.configuration: item.reason for item in loaded.fidelity}
    assert found["endpoint-small"] == "4 of 4 outputs equal the reference in their text; the server tells no tokens"


@pytest.mark.parametrize("style", STYLES)
def test_streams_of_real_servers_are_understood(style: str, streamed: Ran) -> None:
    """Comments, no blank after the colon, token ids piece by piece, and usage in an event of its own at the end."""
    record = streamed.records[f"endpoint-{style}"]
    for request in record.requests:
        assert (request.output_tokens, request.finish_reason, request.answered_by) == (8, "length", "one")
        assert request.first_token_ns is not None
        # seven of eight tokens come after the first one: 0.28 s, of which half may be lost on a busy machine
        assert 0.02 < (request.first_token_ns - request.start_ns) / 1e9 < (request.end_ns - request.start_ns) / 1e9 - 0.14
    assert {len(output.token_ids) for output in record.outputs} == ({8} if style == "vllm" else {0})
    assert {len(output.text) for output in record.outputs} == {8}
    assert dict(record.facts.details).get("version") == ("9.9" if style == "vllm" else None)  # type: ignore[union-attr]


def test_a_stream_without_counts_of_tokens_is_invalid(streamed: Ran) -> None:
    """Nobody can tell whether such a server did the same work."""
    record = streamed.records["endpoint-silent"]
    assert record.outcome == "invalid"
    assert "the server tells no token counts, at least not of streamed answers" in str(record.reason)


@pytest.mark.parametrize("name", WRONG)
def test_what_goes_wrong_with_a_running_server_is_a_reason(name: str, attached: Ran) -> None:
    """Other work, another model, a server that ends: an outcome with a sentence."""
    _, outcome, reason = WRONG[name]
    record = attached.records[f"endpoint-{name}"]
    assert record.outcome == outcome
    assert reason in str(record.reason)


def test_what_went_wrong_is_tried_again(attached: Ran) -> None:
    """Once the server is mended, running the study again is all there is to do."""
    assert attached.pending() == len(WRONG) + 2
    assert f"{attached.pending()} pending" in attached.say("plan")


def test_a_server_that_is_not_there_is_a_reason(attached: Ran) -> None:
    """Nobody answers: the run says so and what to do."""
    record = attached.records["endpoint-nobody"]
    assert record.outcome == "failed"
    assert str(record.reason).startswith("no server answers at http://127.0.0.1:")
    assert "(ConnectError: [Errno 111] Connect call failed ('127.0.0.1', " in str(record.reason)


def test_local_is_refused_for_another_machine(attached: Ran) -> None:
    """`local: true` would give the server the energy of this machine; an address that is not ours makes the run invalid."""
    record = attached.records["endpoint-far"]
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


def test_the_small_server_is_what_it_claims(outside: Outside) -> None:
    """The stand-in speaks HTTP as a client of another library sees it."""
    answer = httpx.post(
        f"{outside()}/v1/completions", json={"model": "one", "prompt": "a", "max_tokens": 3}, trust_env=False
    ).json()
    assert answer["usage"] == {"prompt_tokens": 1, "completion_tokens": 3}
    assert "token_ids" not in answer["choices"][0]
