"""Tests of what servers greenreport did not write do besides answering: merged pieces, refusals, certificates, relays."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import greenreport
from greenreport.errors import MeasurementInvalid
from greenreport.execute.endpoint_server import listeners
from tests.conftest import minimal_study
from tests.execute.external_studies import BARE, HERE, ONCE, Outside, endpoint, free_port, listens, only, records, starting
from tests.execute.test_run import Command, Write, wait_for


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
    # From the second token to the eighth: six steps for seven gaps. Between pieces it would be 0.04 s and more.
    assert 6 * 0.02 / 7 <= gap < 0.035


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


@pytest.mark.parametrize(("status", "stream"), [("429", False), ("503", True)])
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


def test_prompts_from_a_cache_are_told_beside_the_numbers(
    command: Command, write_study: Write, tmp_path: Path, outside: Outside
) -> None:
    """The tokens vLLM did not compute are counted by it; what the window added is a flag that excludes nothing."""
    servers = [endpoint(outside("--cache", "6"), id="caching"), endpoint(outside("--cache", "0"), id="computing"), starting()]
    command("run", str(write_study(configurations=servers, models=BARE, protocol=ONCE)))
    found = {record.key: record for record in records(tmp_path)}
    caching = found["one/endpoint-caching"]
    asked = sum(request.prompt_tokens or 0 for request in caching.requests)
    flags = [(flag.fatal, flag.detail) for flag in caching.flags if flag.code == "prompt_cached"]
    assert flags == [(False, f"the server took 24 of {asked:,} tokens of prompts from its cache instead of computing them")]
    counts = {key: [sorted({*t.value}) for t in r.traces if t.quantity == "cached_tokens"] for key, r in found.items()}
    assert counts == {
        "one/endpoint-caching": [[0.0, 6.0, 30.0]],  # one request warms up
        "one/endpoint-computing": [[0.0]],
        "one/command-small": [],
    }
    told = {key for key, record in found.items() if any(flag.code == "prompt_cached" for flag in record.flags)}
    assert (told, {record.outcome for record in found.values()}) == ({"one/endpoint-caching"}, {"ok"})
