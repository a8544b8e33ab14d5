"""Tests of OpenVINO GenAI: the tokens of torch from a loop of its own, true times, facts read back, and sentences for what it cannot do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from greenreport.catalog import ENGINES, load_target
from greenreport.engines.base import EngineJob, verified
from greenreport.errors import EngineUnavailable, MeasurementInvalid
from greenreport.study import Configuration
from tests.conftest import ROOT

pytest.importorskip("openvino_genai", reason="openvino-genai is not installed (extra `openvino`)")

from tests.engines.own_loops import assert_tokens_of_torch
from tests.engines.test_engines import loaded, untrained

pytestmark = [pytest.mark.engines, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the weights of a small untrained llama, and what they were converted to so far."""
    folder = tmp_path_factory.mktemp("llama")
    untrained("llama", folder)
    return folder


def again(folder: Path, artefact: str = "openvino-genai", **changes: Any) -> Any:
    """Return the engine on a model that was converted before, not loaded yet."""
    configuration = Configuration(engine="openvino-genai", **changes)
    return load_target(ENGINES["openvino-genai"].target)(EngineJob(configuration, 1, folder / "weights", folder / artefact))


def test_tokens_are_those_of_torch_and_are_told_one_by_one(llama: Path) -> None:
    """Prompt by prompt, twice alike; each token is told when it is there, long before the answer ends."""
    assert_tokens_of_torch(loaded("openvino-genai", llama / "weights", llama), loaded("torch", llama / "weights", llama))


@pytest.mark.acceptance
def test_what_was_compiled_is_read_back(llama: Path, tmp_path: Path) -> None:
    """Precision, threads, pages and the cache of prompts, as OpenVINO prints them; other weights than those asked for are invalid."""
    weights = llama / "weights"
    engine = loaded("openvino-genai", weights, llama)
    facts = verified(engine.facts(), engine.job)
    details = dict(facts.details)
    assert (facts.dtype, facts.threads, facts.kv_cache, facts.device) == ("float32", 1, True, "CPU")
    assert (details["KV cache precision"], details["inference precision"], details["prefix caching"]) == ("f32", "f32", "false")
    assert details["pipeline"] == "LLM with Paged Attention"
    plain = again(llama, options={"ATTENTION_BACKEND": "SDPA"})
    plain.load()
    assert dict(plain.facts().details)["pipeline"] == "Stateful LLM model"
    reusing = again(llama, options={"enable_prefix_caching": True})
    reusing.load()
    assert dict(reusing.facts().details)["prefix caching"] == "true"
    (tmp_path / "weights").symlink_to(weights)
    small = loaded("openvino-genai", weights, tmp_path, dtype="int8")
    assert small.facts().dtype == "int8"
    assert (small.facts().weights_b or 0) < 0.6 * (facts.weights_b or 0)
    other = again(tmp_path)
    other.load()
    with pytest.raises(MeasurementInvalid, match="on weights of u8; the study says float32"):
        other.facts()
    other.printed = ""
    with pytest.raises(MeasurementInvalid, match="does not say how it compiled"):
        other.facts()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kv_cache": False}, "no mode without KV cache"),
        ({"options": {"NO_SUCH": 1}}, "cannot compile the model"),
        ({"options": {"max_num_seqs": "many"}}, "scheduler takes no max_num_seqs: 'many'"),
    ],
)
def test_what_it_cannot_do_is_a_sentence(changes: dict[str, Any], reason: str, llama: Path) -> None:
    """A mode it lacks, an option nobody knows, and a value of another type."""
    with pytest.raises(EngineUnavailable, match=reason):
        again(llama, **changes).load()


def test_it_is_deployed_without_torch(llama: Path) -> None:
    """A server that is measured holds neither torch nor optimum: the tokenizer needs none."""
    program = (
        "import sys; from pathlib import Path; from greenreport.engines.base import EngineJob; from greenreport.study import Configuration\n"
        "from greenreport.engines.openvino_genai import OpenVinoGenAI as Engine; folder = Path(sys.argv[1])\n"
        "engine = Engine(EngineJob(Configuration(engine='openvino-genai'), 1, folder / 'weights', folder / 'openvino-genai'))\n"
        "engine.load(); engine.facts(); engine.encode('a'); print(sorted(sys.modules.keys() & {'torch', 'optimum'}))"
    )
    command = [sys.executable, "-W", "ignore", "-c", program, str(llama)]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_study_runs(write_study: Callable[..., Path], command: Callable[..., CompletedProcess[str]]) -> None:
    """From conversion to the record, beside torch, whose tokens it repeats."""
    study = write_study(
        models=[{"id": "llama", "architecture": {"type": "llama", "vocab_size": 4096, "num_hidden_layers": 2, "hidden_size": 64,
                 "num_attention_heads": 4, "intermediate_size": 256}}],
        configurations=[{"engine": "torch"}, {"engine": "openvino-genai"}],
    )  # fmt: skip
    assert "all 4 runs are done and ok" in command("run", str(study)).stdout
