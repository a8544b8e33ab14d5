"""A server of others, for real: llama.cpp on the same weights as torch, started by a command and attached to by its address.

Needs the extra `servers` (xllamacpp, gguf), here or in the interpreter that GREENREPORT_SERVERS_PYTHON names.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import greenreport
from greenreport.models.tokenizer import reference_tokenizer
from greenreport.record import RunRecord
from greenreport.store import Store
from greenreport.study import Model, Weights
from tests.conftest import minimal_study
from tests.execute.external_studies import free_port, listens
from tests.execute.test_run import Command, Write, wait_for

pytest.importorskip("torch", reason="torch is not installed (extra `all`)")

from greenreport.engines.base import EngineJob
from greenreport.engines.torch_eager import TorchEager
from greenreport.models.weights import WeightsJob, obtain
from greenreport.study import Configuration

PYTHON = os.environ.get("GREENREPORT_SERVERS_PYTHON", sys.executable)
_FOUND = subprocess.run([PYTHON, "-c", "import xllamacpp, gguf, numpy"], capture_output=True, check=False).returncode == 0
pytestmark = [
    pytest.mark.engines,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(
        not _FOUND, reason="xllamacpp and gguf are not installed (extra `servers`, or GREENREPORT_SERVERS_PYTHON)"
    ),
]

HERE = Path(__file__).parent
SHAPE = {
    "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "hidden_size": 64, "intermediate_size": 256,
    "max_position_embeddings": 512, "vocab_size": 4096,
}  # fmt: skip
PROMPTS = ("def add(a, b):\n    return", "import os\n", "class Foo(object):\n    def bar(self, x, y): return x + y")
TOKENS = 32


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with an untrained llama in transformers format and as GGUF.

    Tokens that are not plain text get no logit: what a server prints for half a character is its own affair.
    """
    from safetensors.torch import load_file, save_file

    folder = tmp_path_factory.mktemp("llama")
    made = Model(id="llama-mini", architecture={"type": "llama", **SHAPE})  # type: ignore[arg-type]
    weights = obtain(WeightsJob(made, Weights.UNTRAINED, folder / "weights", folder))
    tensors = load_file(weights / "model.safetensors")
    tokenizer = reference_tokenizer()
    for token in range(tokenizer.get_vocab_size()):
        text = tokenizer.decode([token], skip_special_tokens=False)
        if token == 0 or not text.isascii():
            tensors["lm_head.weight"][token] = 0.0
    save_file(tensors, weights / "model.safetensors", metadata={"format": "pt"})
    subprocess.run(
        [PYTHON, str(HERE / "write_gguf.py"), str(weights), str(folder / "model.gguf")], check=True, capture_output=True
    )
    return folder


def line(model: Path, port: str) -> list[str]:
    """Return the command that starts llama.cpp."""
    script = str(HERE / "llama_server.py")
    return [PYTHON, script, str(model / "model.gguf"), "--port", port, "--alias", "llama-mini", "--threads", "1", "--exact"]


@pytest.fixture
def address(model: Path) -> Iterator[str]:
    """Return the address of a running llama.cpp."""
    port = free_port()
    with subprocess.Popen(line(model, str(port)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: listens(port) and httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).status_code == 200)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def test_llama_cpp_and_torch_agree_token_for_token(model: Path, address: str) -> None:
    """The same weights, prompts as token ids, greedy: the same tokens; so the GGUF file holds the same model."""
    engine = TorchEager(EngineJob(Configuration(engine="torch"), 1, model / "weights"))
    engine.load()
    for text in PROMPTS:
        prompt = engine.encode(text)
        wanted = engine.generate([prompt], TOKENS, exact=True, on_token=lambda _: None)[0].token_ids
        body = {
            "prompt": prompt,
            "n_predict": TOKENS,
            "temperature": 0,
            "ignore_eos": True,
            "return_tokens": True,
            "cache_prompt": False,
        }
        answer = httpx.post(f"{address}/completion", json=body, trust_env=False, timeout=60).json()
        assert tuple(answer["tokens"]) == wanted
        told = httpx.post(f"{address}/tokenize", json={"content": text}, trust_env=False).json()["tokens"]
        assert told == prompt


@pytest.mark.acceptance
@pytest.mark.parametrize("stream", [True, False])
def test_a_study_compares_torch_with_llama_cpp(
    stream: bool, model: Path, address: str, command: Command, write_study: Write, tmp_path: Path
) -> None:
    """Torch, a started and a running llama.cpp in one study: all valid, the same texts, facts as far as llama.cpp tells them."""
    base = minimal_study()
    file = write_study(
        models=[{"id": "llama-mini", "path": str(model / "weights")}],
        configurations=[
            {"engine": "torch", "threads": 1},
            {
                "engine": "command",
                "name": "llama.cpp",
                "server": {"command": [*line(model, "{port}"), "--metrics"]},
                "options": {"cache_prompt": False},
            },
            {"engine": "endpoint", "name": "llama.cpp runs", "server": {"url": address, "local": True}},
        ],
        workload=base["workload"] | {"stream": stream, "generation": {"output_tokens": TOKENS, "exact": True}},
        protocol=base["protocol"] | {"repetitions": 1},
    )
    command("run", str(file))
    found = {item.configuration: item.reason for item in greenreport.load(file, tmp_path / "cache").fidelity}
    same = "4 of 4 outputs equal the reference in their text; the server tells no tokens"
    assert found["command-llama.cpp-cache_prompt.false"] == same
    assert found["endpoint-llama.cpp-runs"] == same
    store = Store(tmp_path / "cache" / "greenreport.duckdb")
    runs = {record.engine: record for record in store.records([row.run_id for row in store.index()])}
    for engine in ("command", "endpoint"):
        check_facts(runs[engine])
    told = {engine: {t.quantity for t in record.traces if t.meter == "server"} for engine, record in runs.items()}
    assert told == {"torch": set(), "command": {"requests_running", "requests_waiting"}, "endpoint": set()}
    if stream:
        assert all(r.first_token_ns is not None for record in runs.values() for r in record.requests)
    print(json.dumps({engine: speed(record) for engine, record in runs.items()}))


def check_facts(record: RunRecord) -> None:
    """The server tells its name, its version and the size of its model; its type and threads stay unknown."""
    facts = record.facts
    assert facts is not None
    assert (facts.dtype, facts.threads, facts.model) == (None, None, "llama-mini")
    assert facts.parameters is not None
    assert facts.parameters > 500_000
    assert dict(facts.details)["owned by"] == "llamacpp"
    assert "version" in dict(facts.details)
    assert {request.output_tokens for request in record.requests} == {TOKENS}
    assert any(trace.domain == "server" and trace.quantity == "cpu_time" for trace in record.traces)


def speed(record: RunRecord) -> dict[str, Any]:
    """Return output tokens a second over the window, for the log of the test."""
    window = next(mark for mark in record.marks if mark.phase == "window")
    return {"tokens_per_s": round(sum(r.output_tokens or 0 for r in record.requests) / window.duration_s)}
