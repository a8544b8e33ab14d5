"""Tests of ONNX Runtime GenAI: the tokens of torch from a loop of its own, weights read back from its model, and sentences for what it cannot do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from greenreport.catalog import ENGINES, load_target
from greenreport.engines.base import EngineJob, verified
from greenreport.errors import EngineUnavailable, MeasurementInvalid
from greenreport.study import Configuration
from tests.conftest import ROOT

pytest.importorskip("onnxruntime_genai", reason="onnxruntime-genai is not installed (extra `onnx`)")

from tests.engines.own_loops import assert_tokens_of_torch
from tests.engines.test_engines import answers, loaded, untrained

pytestmark = [pytest.mark.engines, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
NAME = "onnxruntime-genai"


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the weights of a small untrained llama, and what they were converted to so far."""
    folder = tmp_path_factory.mktemp("llama")
    untrained("llama", folder)
    return folder


def again(folder: Path, **changes: Any) -> Any:
    """Return the engine on a model that was converted before, not loaded yet."""
    return load_target(ENGINES[NAME].target)(
        EngineJob(Configuration(engine=NAME, **changes), 1, folder / "weights", folder / NAME)
    )


def test_tokens_are_those_of_torch_and_are_told_one_by_one(llama: Path) -> None:
    """Prompt by prompt, twice alike; each token is told when it is there, and an end token ends an answer only when asked."""
    assert_tokens_of_torch(loaded(NAME, llama / "weights", llama), loaded("torch", llama / "weights", llama))


def test_the_weights_that_are_multiplied_with_are_read_back(llama: Path, tmp_path: Path) -> None:
    """4-bit weights are smaller, and said to be so with the rounding of activations; other weights than those asked for are invalid."""
    weights = llama / "weights"
    engine = loaded(NAME, weights, llama)
    facts = verified(engine.facts(), engine.job)
    assert (facts.dtype, facts.threads, facts.kv_cache, facts.device) == ("float32", 1, True, "cpu")
    assert "GroupQueryAttention" in dict(facts.details)["operators"]
    (tmp_path / "weights").symlink_to(weights)
    small = loaded(NAME, weights, tmp_path, dtype="int4")
    assert small.facts().dtype == "int4"
    assert dict(small.facts().details)["accuracy level"] == "4"
    assert (small.facts().weights_b or 0) < 0.6 * (facts.weights_b or 0)
    other = again(tmp_path, dtype="int8")
    other.load()
    with pytest.raises(MeasurementInvalid, match="holds int4 weights; the study says int8"):
        other.facts()


@pytest.mark.acceptance
def test_a_model_whose_embeddings_are_its_output_layer_loads_with_8_bits(tmp_path: Path) -> None:
    """Most trained models below a billion parameters tie the two; the builder's 8-bit model of one named a tensor that it did not hold."""
    engine = loaded(NAME, untrained("llama", tmp_path, tie_word_embeddings=True), tmp_path, dtype="int8")
    assert verified(engine.facts(), engine.job).dtype == "int8"
    assert len(answers(engine, [[5, 6, 7]])[0]) > 0


@pytest.mark.acceptance
def test_what_it_cannot_do_is_a_sentence(llama: Path, tmp_path: Path) -> None:
    """A mode it lacks, a model that was not converted, and an architecture that its builder does not know."""
    with pytest.raises(EngineUnavailable, match="no mode without KV cache"):
        again(llama, kv_cache=False).load()
    (tmp_path / "weights").symlink_to(llama / "weights")
    with pytest.raises(EngineUnavailable, match="cannot load the model"):
        again(tmp_path).load()
    with pytest.raises(
        EngineUnavailable, match=r"model builder of ONNX Runtime GenAI cannot write the model: .*not currently supported"
    ):
        loaded(NAME, untrained("gpt2", tmp_path / "gpt2"), tmp_path)


def test_it_is_deployed_without_torch(llama: Path) -> None:
    """A server that is measured holds neither torch nor optimum: the tokenizer needs none."""
    program = (
        "import sys; from pathlib import Path; from greenreport.engines.base import EngineJob; from greenreport.study import Configuration\n"
        "from greenreport.engines.onnxruntime_genai import OnnxRuntimeGenAI as Engine; folder = Path(sys.argv[1])\n"
        f"engine = Engine(EngineJob(Configuration(engine='{NAME}'), 1, folder / 'weights', folder / '{NAME}'))\n"
        "engine.load(); engine.facts(); engine.encode('a'); print(sorted(sys.modules.keys() & {'torch', 'optimum'}))"
    )
    command = [sys.executable, "-W", "ignore", "-c", program, str(llama)]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout == "[]\n"
