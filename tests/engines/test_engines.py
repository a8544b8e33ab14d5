"""Tests of the real engines: same tokens from every engine on every architecture family, and facts read back after load."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from greenreport.catalog import ENGINES, load_target
from greenreport.errors import EngineUnavailable, MeasurementInvalid, ModelUnavailable
from greenreport.study import Configuration, Model, Weights

pytest.importorskip("torch", reason="torch is not installed (extra `all`)")

from greenreport.engines.base import Engine, EngineJob, verified
from greenreport.models.weights import WeightsJob, local_digest, obtain
from tests.conftest import ROOT

pytestmark = [pytest.mark.engines, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

_SMALL = {"vocab_size": 4096}
_ROTARY = {
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "hidden_size": 64,
    "intermediate_size": 256,
    "max_position_embeddings": 256,
}
FAMILIES: dict[str, dict[str, Any]] = {
    "gpt2": {"n_layer": 2, "n_head": 4, "n_embd": 64, "n_positions": 256},
    "gpt_bigcode": {"n_layer": 2, "n_head": 4, "n_embd": 64, "n_inner": 256, "n_positions": 256, "multi_query": True},
    "gpt_neox": _ROTARY,
    "bloom": {"n_layer": 2, "n_head": 4, "hidden_size": 64},
    "llama": _ROTARY | {"num_key_value_heads": 2},
    "gemma": _ROTARY | {"num_key_value_heads": 1, "head_dim": 16},
    "phi": _ROTARY | {"partial_rotary_factor": 0.5},
    "opt": {"num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 64, "ffn_dim": 256, "max_position_embeddings": 256, "word_embed_proj_dim": 64},
    "qwen2": _ROTARY | {"num_key_value_heads": 2},
}  # fmt: skip
#: The family that is tested always; the others are acceptance.
FAMILIES_ALWAYS = {"llama"}
Shelf = Callable[[str], Path]
PROMPTS = ("def add(a, b):\n    return", "import os\n", "class Foo(object):\n    def bar(self, x, y): return x + y")
TOKENS = 24


def untrained(family: str, folder: Path, **changes: Any) -> Path:
    """Return a folder with a small untrained model of a family."""
    model = Model(id=family.replace("_", "-"), architecture={"type": family, **FAMILIES[family], **_SMALL, **changes})  # type: ignore[arg-type]
    return obtain(WeightsJob(model, Weights.UNTRAINED, folder / "weights", folder))


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """Return a function that gives the folder of a small untrained model, with its weights and what they were converted to so far."""
    root = tmp_path_factory.mktemp("shelf")

    def of(family: str) -> Path:
        folder = root / family
        if not folder.is_dir():
            assert untrained(family, folder) == folder / "weights"
        return folder

    return of


def loaded(name: str, weights: Path, folder: Path, **changes: Any) -> Engine:
    """Return an engine with the model loaded, converted first where it needs to be and is not yet."""
    info = ENGINES[name]
    engine: type[Engine] = load_target(info.target)
    configuration = Configuration(engine=name, **changes)
    artefact = None
    if info.artefact is not None:
        artefact = folder / name
        if not artefact.is_dir():
            artefact.mkdir()
            engine.convert(EngineJob(configuration, 1, weights), artefact)
    made = engine(EngineJob(configuration, 1, weights, artefact))
    made.load()
    return made


def answers(engine: Engine, prompts: list[list[int]]) -> list[tuple[int, ...]]:
    """Return the tokens generated for a batch."""
    steps: list[Any] = []
    results = engine.generate(prompts, TOKENS, exact=True, on_token=steps.append)
    assert len(steps) == TOKENS
    assert all(result.finish_reason == "length" for result in results)
    return [result.token_ids for result in results]


@pytest.mark.parametrize(
    "family",
    [pytest.param(family, marks=() if family in FAMILIES_ALWAYS else pytest.mark.acceptance) for family in FAMILIES],
)
def test_every_engine_gives_the_same_tokens_alone_and_in_a_batch(family: str, shelf: Shelf) -> None:
    """Torch one by one is the reference; the other engines equal it, and a padded batch equals single prompts."""
    folder = shelf(family)
    reference: list[tuple[int, ...]] = []
    for name in ("torch", "torchscript", "onnx", "openvino"):
        engine = loaded(name, folder / "weights", folder)
        prompts = [engine.encode(text) for text in PROMPTS]
        single = [answers(engine, [prompt])[0] for prompt in prompts]
        reference = reference or single
        assert single == reference, name
        assert answers(engine, prompts) == reference, f"{name}, batch"
        facts = engine.facts()
        assert (facts.dtype, facts.kv_cache, facts.threads) == ("float32", True, 1), name
        engine.close()
    assert len({token for tokens in reference for token in tokens}) > TOKENS // 2, (
        "varied outputs make the comparison mean something"
    )


def test_untrained_weights_are_the_same_every_time(tmp_path: Path) -> None:
    """The recipe is seeded: two folders hold the same bytes, another seed others."""
    first, second = untrained("gpt2", tmp_path / "a"), untrained("gpt2", tmp_path / "b")
    assert local_digest(first) == local_digest(second)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_layers": 3}, "gpt2 has no 'n_layers', did you mean 'n_layer'?"),
        ({"vocab_size": 100}, "vocab_size 100 is smaller than the tokenizer's 4096"),
    ],
)
def test_a_wrong_shape_is_refused_and_not_replaced_by_a_default(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    """A key the architecture does not know is an error: its default would be another model."""
    with pytest.raises(ModelUnavailable, match=message.replace("?", r"\?")):
        untrained("gpt2", tmp_path, **changes)


def test_generation_stops_at_the_end_token_only_when_asked(shelf: Shelf, tmp_path: Path) -> None:
    """With `exact: false` a sequence may end early and says `stop`; with `exact: true` it never does."""
    engine = loaded("torch", shelf("gpt2") / "weights", tmp_path)
    prompt = engine.encode("import os\n")
    tokens = answers(engine, [prompt])[0]
    engine.end_ids = (tokens[5],)  # type: ignore[attr-defined]
    stopped = engine.generate([prompt], TOKENS, exact=False, on_token=lambda _: None)[0]
    assert (stopped.token_ids, stopped.finish_reason) == (tokens[:5], "stop")
    assert answers(engine, [prompt])[0] == tokens


def test_precision_is_verified_after_load(shelf: Shelf, tmp_path: Path) -> None:
    """bfloat16 weights are reported as such; weights of another type than asked for make the run invalid."""
    weights = shelf("llama") / "weights"
    engine = loaded("torch", weights, tmp_path, dtype="bfloat16")
    assert engine.facts().dtype == "bfloat16"
    engine.model.float()  # type: ignore[attr-defined]
    with pytest.raises(MeasurementInvalid, match="weights are float32, the study says bfloat16"):
        engine.facts()


def test_cuda_without_a_gpu_is_unavailable(shelf: Shelf) -> None:
    """No GPU: the engine says so instead of running on the CPU."""
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    weights = shelf("gpt2") / "weights"
    for name in ("torch", "torchscript"):
        engine: type[Engine] = load_target(ENGINES[name].target)
        with pytest.raises(EngineUnavailable, match=r"no CUDA device|was not converted"):
            engine(EngineJob(Configuration(engine=name, provider="cuda"), 1, weights)).load()


@pytest.mark.parametrize("name", ["onnx", pytest.param("openvino", marks=pytest.mark.acceptance)])
def test_8_bit_weights_are_smaller_and_said_to_be_so(name: str, shelf: Shelf, tmp_path: Path) -> None:
    """`dtype: int8`: weights are 8-bit integers, read back from the model; float32 is another model."""
    weights = shelf("llama") / "weights"
    full = loaded(name, weights, shelf("llama"))
    small = loaded(name, weights, tmp_path, dtype="int8")
    assert (full.facts().dtype, small.facts().dtype) == ("float32", "int8")
    assert (small.facts().weights_b or 0) < 0.6 * (full.facts().weights_b or 0)
    assert len(answers(small, [small.encode(PROMPTS[0])])[0]) == TOKENS
    wrong = EngineJob(Configuration(engine=name), 1, weights, tmp_path / name)
    other = load_target(ENGINES[name].target)(wrong)
    other.load()
    with pytest.raises(MeasurementInvalid, match=r"type int8; the study says float32|weights of u8; the study says float32"):
        verified(other.facts(), wrong)


def test_openvino_computes_in_bfloat16_only_where_the_processor_does(shelf: Shelf, tmp_path: Path) -> None:
    """What is said to be bfloat16 was computed in it; a processor without it makes the run invalid instead of float32."""
    import openvino

    engine = loaded("openvino", shelf("opt") / "weights", tmp_path, dtype="bfloat16")
    able = "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if able:
        assert engine.facts().dtype == "bfloat16"
        assert ("inference precision", "bf16") in engine.facts().details
        assert len(answers(engine, [engine.encode(PROMPTS[0])])[0]) == TOKENS
    else:
        with pytest.raises(MeasurementInvalid, match="computes in f32"):
            engine.facts()


BEYOND = """
import os, resource, sys
from pathlib import Path
from greenreport.engines import torch_eager  # what all engines share is imported once; each then has a process to itself
from greenreport.errors import OutOfMemory
from tests.engines.test_engines import loaded
folder, prompt = Path(sys.argv[1]), list(range(1, 251))

def beyond(name):
    engine = loaded(name, folder / "weights", folder)
    engine.generate([prompt], 2, exact=True, on_token=lambda _: None)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + 600_000_000, -1))
    try:
        engine.generate([prompt] * 1500, 2, exact=True, on_token=lambda _: None)
    except OutOfMemory as error:
        print(f"{name}: {error}", flush=True)

for name in sys.argv[2:]:
    child = os.fork()
    if child == 0:
        beyond(name)
        os._exit(0)
    os.waitpid(child, 0)
"""


@pytest.mark.acceptance
def test_a_batch_that_does_not_fit_is_out_of_memory(shelf: Shelf) -> None:
    """A process that may have 0.6 GB more is given a batch that needs several: each library refuses in words of its own."""
    names = ("torch", "torchscript", "onnx", "openvino")
    command = [sys.executable, "-W", "ignore", "-c", BEYOND, str(shelf("gpt2")), *names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500, check=False)
    said = dict(line.split(": ", 1) for line in done.stdout.splitlines() if line.startswith(tuple(f"{n}: " for n in names)))
    for name in names:
        assert said.get(name, "").startswith("generation does not fit on cpu: "), (name, done.stderr[-2000:])
        assert "llocat" in said[name], name


def test_other_errors_are_no_lack_of_memory(shelf: Shelf, tmp_path: Path) -> None:
    """A fault of the model stays what it is."""
    import torch

    engine: Any = loaded("torch", shelf("gpt2") / "weights", tmp_path)
    engine.model.forward = lambda input_ids, attention_mask=None, **_: torch.zeros(2) @ torch.zeros(3)
    with pytest.raises(RuntimeError, match="inconsistent tensor size"):
        engine.generate([engine.encode(PROMPTS[0])], TOKENS, exact=True, on_token=lambda _: None)


@pytest.mark.acceptance
@pytest.mark.parametrize(
    ("family", "changes"),
    [pytest.param("gpt2", {"n_layer": 1}, id="gpt2"), pytest.param("llama", {"num_hidden_layers": 1}, id="llama")],
)
def test_compiled_torch_gives_the_same_tokens_alone_and_in_a_batch(
    family: str, changes: dict[str, Any], tmp_path: Path
) -> None:
    """TorchInductor makes other kernels and no other text: equal to eager torch, for single prompts and padded together."""
    weights = untrained(family, tmp_path, **changes)
    plain, compiled = loaded("torch", weights, tmp_path), loaded("torch_compile", weights, tmp_path)
    compiled.compile()
    prompts = [plain.encode(text) for text in PROMPTS]
    reference = [answers(plain, [prompt])[0] for prompt in prompts]
    assert [answers(compiled, [prompt])[0] for prompt in prompts] == reference
    assert answers(compiled, prompts) == reference
    assert int(dict(compiled.facts().details)["compiled graphs"]) > 0
