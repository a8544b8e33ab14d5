"""Tests of reading study files: every problem at once, each with its line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from greenreport.errors import SpecError
from greenreport.study import Hypothesis, Overrides, Workload, load_study
from tests.conftest import minimal_study

ROOT = Path(__file__).resolve().parents[2]

BROKEN = """\
study: Code SLM
title: x
foo: 3
models:
  - id: a
    hubb: x/y
  - {id: b, hub: x/y, parameters: 110Q}
  - {id: b, hub: x/z, architecture: {type: gptt2}}
  - {id: b, hub: x/z}
configurations:
  - {engine: onxx, provider: cpu}
  - {engine: openvino, provider: cuda}
  - {engine: torch, provider: cpux, dtype: float33}
workload:
  prompts: {source: humanevl, slice_tokens: [15, 10]}
protocol:
  repetitions: .inf
  repetitions: 3
  order: {design: random}
meters: [rapl, {nvml: {requird: true}}, raple, {estimate: fallbak}]
hypotheses:
  - {id: H1, question: RQ9, metric: energy}
"""


def problems_of(text: str, tmp_path: Path) -> list[str]:
    """Return the problems of a study text as ``line: message``."""
    file = tmp_path / "study.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        load_study(file)
    return [f"{problem.line}: {problem.message}" for problem in caught.value.problems if not problem.warning]


def test_every_problem_is_reported_at_once_with_its_line(tmp_path: Path) -> None:
    """One pass names all problems of a broken study, the right line and the nearest match."""
    found = problems_of(BROKEN, tmp_path)
    beginnings = [
        "1: study: 'Code SLM' is not a short name",
        "3: unknown key 'foo'",
        "6: unknown key 'hubb', did you mean 'hub'?",
        "7: parameters: '110Q' is not a count",
        "8: architecture type 'gptt2' is not among those greenreport is tested with, did you mean 'gpt2'?",
        "9: model id 'b' is listed 2 times",
        "11: unknown engine 'onxx', did you mean 'onnx'?",
        "12: OpenVINO has no cuda provider (it has: cpu, gpu, npu)",
        "13: unknown dtype for Torch 'float33', did you mean 'float32'?",
        "13: unknown provider 'cpux', did you mean 'cpu'?",
        "15: slice_tokens: give the smallest and the largest length",
        "15: unknown source 'humanevl', did you mean 'humaneval'?",
        "17: '.inf' is not a finite number",
        "18: duplicate key 'repetitions'; the first one is on line 17",
        "19: unknown design 'random'",
        "20: unknown key 'requird', did you mean 'required'?",
        "20: unknown meter 'raple', did you mean 'rapl'?",
        "20: unknown use 'fallbak', did you mean 'fallback'?",
        "22: unknown metric 'energy', did you mean 'energy_j'?",
        "22: unknown question 'RQ9'",
    ]
    assert len(found) == len(beginnings), "\n".join(found)
    for problem, beginning in zip(found, beginnings, strict=True):
        assert problem.startswith(beginning)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{c}: &{c} [{','.join(['*' + p] * 9)}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True)),
         "1: expands to more values or deeper nesting than any study needs"),
        ("[" * 20_000, "1: expands to more values or deeper nesting"),
        ("a: &a [*a]\n", "1: expands to more values or deeper nesting"),
        ("study: !!python/object/apply:os.system ['ls']\n", "1: the tag 'tag:yaml.org,2002:python/object/apply:os.system' is not allowed"),
        ("a: 1\n---\nb: 2\n", "2: not valid YAML: but found another document"),
        ("a: [1, 2\nb: 3\n", "2: not valid YAML"),
        ("a: \x00b", "1: not valid YAML"),
        ("", "1: a study file is a mapping"),
        ("- a\n- b\n", "1: a study file is a mapping"),
        ("? [a, b]\n: 1\n", "1: a key must be a plain word"),
    ],
    ids=["alias bomb", "deep", "cycle", "python tag", "two documents", "unclosed", "null byte", "empty", "list", "list as key"],
)  # fmt: skip
def test_hostile_files_are_problems_not_tracebacks(text: str, message: str, tmp_path: Path) -> None:
    """A file made to break the reader gives a sentence with a line."""
    assert any(problem.startswith(message) for problem in problems_of(text, tmp_path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "questions: {RQ1: How is it?}\n",
            "1: not valid YAML: expected ',' or '}', but got '?'; between { } or [ ], put a text that",
        ),
        (
            "title: Energy: how much\n",
            "1: not valid YAML: mapping values are not allowed here; put a text that holds a colon in quotes",
        ),
        ("title: @home\n", "1: not valid YAML: found character '@' that cannot start any token; put a text that begins with @"),
        ("a: 1\nb\nc: 2\n", "3: not valid YAML: could not find expected ':'; a key needs a colon and a space"),
        ("a:\n  - 1\n b: 2\n", "3: not valid YAML: expected <block end>, but found '<block mapping start>'; lines of one list"),
    ],
    ids=["question mark", "colon", "at sign", "no colon", "indented otherwise"],
)
def test_errors_of_the_parser_say_what_they_usually_mean(text: str, message: str, tmp_path: Path) -> None:
    """Most are texts that should be in quotes."""
    assert problems_of(text, tmp_path)[0].startswith(message)


def test_files_that_cannot_be_read_are_problems(tmp_path: Path) -> None:
    """A missing file, a folder, a binary file and an enormous file are named as such."""
    binary, large = tmp_path / "b.yaml", tmp_path / "l.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    large.write_bytes(b"#" * 3_000_000)
    cases = {
        tmp_path / "none.yaml": f"no such file. Studies here: {binary}, {large}",
        tmp_path / "l": f"no such file; did you mean {large}?",
        tmp_path / "elsewhere" / "none.yaml": "no such file; `greenreport init` writes a starter study",
        tmp_path: "is a directory; give the study's .yaml file",
        binary: "is not UTF-8 text (invalid start byte at byte 0)",
        large: "cannot be read: it is larger than 2 MB",
    }
    for path, message in cases.items():
        with pytest.raises(SpecError) as caught:
            load_study(path)
        assert caught.value.problems[0].message == message


def test_yaml_scalars_mean_what_they_look_like(write_study: Callable[..., Path]) -> None:
    """`no` stays a text, `010` is ten, an exponent needs no point."""
    file = write_study()
    text = file.read_text(encoding="utf-8").replace("seed: 3", "seed: 010").replace("id: one", "id: no")
    file.write_text(text.replace("idle_baseline_s: 0.1", "idle_baseline_s: 1e-1"), encoding="utf-8")
    study = load_study(file).study
    assert (study.protocol.order.seed, study.models[0].id, study.protocol.idle_baseline_s) == (10, "no", 0.1)


def test_excluded_impossible_pairs_are_allowed(write_study: Callable[..., Path]) -> None:
    """A pair that cannot work may be listed when it is excluded with a reason."""
    pairs = [{"engine": "fake"}, {"engine": "openvino", "provider": "cuda"}]
    reason = "OpenVINO has no CUDA provider"
    file = write_study(configurations=pairs, exclude=[{"engine": "openvino", "provider": "cuda", "reason": reason}])
    assert load_study(file).study.exclude[0].reason == reason


def test_unpinned_hub_models_are_a_warning(write_study: Callable[..., Path]) -> None:
    """A hub model without revision is valid, and the reader is told."""
    file = write_study(weights="hub", models=[{"id": "m", "hub": "owner/name"}])
    assert "not pinned: m" in str(load_study(file).warnings[0])


def test_overrides_take_the_place_of_the_file(write_study: Callable[..., Path], tmp_path: Path) -> None:
    """Weights, repetitions and prompts of the command line replace those of the file before it is checked."""
    prompts = tmp_path / "p.jsonl"
    prompts.write_text('{"prompt": "a"}\n', encoding="utf-8")
    file = write_study(
        weights="hub",
        models=[{"id": "m", "hub": "o/n", "weights": "hub", "architecture": {"type": "gpt2"}}],
        workload={"prompts": {"source": "file", "path": "absent.jsonl"}},
    )
    with pytest.raises(SpecError, match=r"absent\.jsonl"):
        load_study(file)
    study = load_study(file, Overrides("untrained", 7, prompts)).study
    assert (study.weights_of(study.models[0]), study.protocol.repetitions) == ("untrained", 7)


@given(st.text(max_size=300))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_text_raises_anything_but_a_spec_error(tmp_path: Path, text: str) -> None:
    """Whatever the file holds, reading it gives a study or a SpecError."""
    file = tmp_path / "any.yaml"
    file.write_text(text, encoding="utf-8", errors="surrogatepass")
    with pytest.raises(SpecError):
        load_study(file)


RETIRED = (
    ("workload", "transport", "http"),
    ("hypotheses", "factor", "configuration"),
    ("hypotheses", "per", "model"),
    ("hypotheses", "correction", "holm"),
)


@pytest.mark.parametrize(("section", "key", "value"), RETIRED)
def test_settings_of_earlier_versions_are_accepted_with_their_only_value(section: str, key: str, value: str) -> None:
    """With it the study is the one without the key; another value is an unknown key."""
    study = load_study(ROOT / "studies" / "quickstart.yaml").study
    kind, item = (Workload, study.workload) if section == "workload" else (Hypothesis, study.hypotheses[0])
    data = item.model_dump(mode="json")
    assert kind.model_validate({**data, key: value}) == item
    with pytest.raises(ValidationError, match="Extra inputs"):
        kind.model_validate({**data, key: "other"})


@pytest.mark.parametrize(
    ("section", "entry", "message"),
    [
        ("configurations", [{"engine": "torch", "dtype": "fp16"}], "'fp16', did you mean 'float16'?"),
        ("configurations", [{"engine": "torch", "provider": "nvidia"}], "'nvidia', did you mean 'cuda'?"),
        ("configurations", [{"engine": "torch", "provider": "gpu"}], "an NVIDIA GPU is `provider: cuda`"),
        ("configurations", [{"engine": "ONNXRuntime"}], "'ONNXRuntime', did you mean 'onnx'?"),
        ("configurations", [{"engine": "vLLM"}], "'vLLM': it is a server; write `engine: endpoint`"),
        (
            "workload",
            {"prompts": {"source": "builtin", "count": 61}},
            "61 prompts are wanted, but builtin has 60; `workload: {requests",
        ),
        (
            "workload",
            {"prompts": {"source": "elementary", "count": 161}},
            "161 prompts are wanted, but elementary has 160; `workload: {requests",
        ),
        ("workload", {"prompts": {"source": "elementary", "path": "p.jsonl"}}, "source `elementary` takes no path"),
        ("workload", {"generation": {"top_p": 0.9}}, "`top_p` and `seed` belong to draws; give a `temperature` above 0"),
    ],
)
def test_what_other_tools_call_it_is_understood(section: str, entry: Any, message: str, tmp_path: Path) -> None:
    """Names that are nowhere near ours by their letters, and more prompts than there are."""
    (problem,) = problems_of(yaml.safe_dump(minimal_study(**{section: entry})), tmp_path)
    assert message in problem


def test_an_engine_that_cannot_draw_is_named(tmp_path: Path) -> None:
    """A temperature that an engine would ignore is an error before anything is measured."""
    changes = {
        "workload": {"generation": {"temperature": 0.8}},
        "configurations": [{"engine": "openvino-genai"}, {"engine": "torch"}],
    }
    (problem,) = problems_of(yaml.safe_dump(minimal_study(**changes)), tmp_path)
    assert "openvino-genai always takes the likeliest token, so it has no temperature; engines that draw: torch, " in problem
