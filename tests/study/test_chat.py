"""Tests of studies in chat: what they may ask for, and that others are what they were."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from greenreport.plan import make_plan
from greenreport.study import Study, load_study
from greenreport.study.check_models import has_chat_template
from tests.conftest import minimal_study
from tests.study.test_load import problems_of


def chatting(**sections: Any) -> str:
    """Return a study in chat as text."""
    study = minimal_study(**sections)
    return yaml.safe_dump(study | {"workload": study["workload"] | {"api": "chat"}}, sort_keys=False)


@pytest.mark.parametrize(
    "sections",
    [{"configurations": [{"engine": "fake", "batch_size": 2}]}, {"sweep": {"batch_size": [1, 2]}}],
    ids=["configuration", "sweep"],
)
def test_a_conversation_is_no_batch(sections: dict[str, Any], tmp_path: Path) -> None:
    """Whether a configuration or a sweep asks for it, one sentence says what to use instead."""
    [problem] = problems_of(chatting(**sections), tmp_path)
    assert problem.endswith(
        ": a request in chat is one conversation, so `batch_size` is 1 there; use `max_batch` or `concurrency`"
    )


def test_untrained_weights_cannot_chat(tmp_path: Path) -> None:
    """They come without a template; the fake engine and servers of others need none from here."""
    [problem] = problems_of(chatting(configurations=[{"engine": "torch"}]), tmp_path)
    assert "model 'one' has untrained weights, and no chat template comes with those" in problem
    (tmp_path / "fake.yaml").write_text(chatting(), encoding="utf-8")
    assert load_study(tmp_path / "fake.yaml").study.workload.api == "chat"


@pytest.mark.parametrize(
    ("files", "chats"),
    [
        ({}, False), ({"tokenizer_config.json": "{}"}, False), ({"tokenizer_config.json": "["}, False),
        ({"tokenizer_config.json": '{"chat_template": ""}'}, False), ({"tokenizer_config.json": "[" * 100_000}, False),
        ({"tokenizer_config.json": '{"chat_template": "{{ messages }}"}'}, True), ({"chat_template.jinja": ""}, True),
    ],
)  # fmt: skip
def test_a_local_model_is_looked_at_for_a_template(files: dict[str, str], chats: bool, tmp_path: Path) -> None:
    """In either file that transformers reads; a study in completions needs none."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, text in ({"config.json": "{}", "model.safetensors": ""} | files).items():
        (folder / name).write_text(text, encoding="utf-8")
    assert has_chat_template(folder) == chats
    sections = {"models": [{"id": "one", "path": "mine"}], "weights": "hub", "configurations": [{"engine": "torch"}]}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(minimal_study(**sections)), encoding="utf-8")
    load_study(tmp_path / "study.yaml")
    if chats:
        (tmp_path / "study.yaml").write_text(chatting(**sections), encoding="utf-8")
        load_study(tmp_path / "study.yaml")
    else:
        assert "'mine' holds no chat template" in problems_of(chatting(**sections), tmp_path)[0]


@pytest.mark.parametrize(("settings", "chats"), [(b"tokenizer.chat_template", True), (b"tokenizer.ggml.model", False)])
def test_a_file_is_looked_at_for_a_template(settings: bytes, chats: bool, tmp_path: Path) -> None:
    """A GGUF file names it among its settings, before the weights."""
    (tmp_path / "a.gguf").write_bytes(b"GGUF\0" + settings + bytes(1000))
    assert has_chat_template(tmp_path / "a.gguf") == chats


def test_a_system_message_belongs_to_chat(tmp_path: Path) -> None:
    """A completion has no messages."""
    workload = minimal_study()["workload"] | {"system": "Be brief."}
    [problem] = problems_of(yaml.safe_dump(minimal_study(workload=workload)), tmp_path)
    assert "`system` belongs to `api: chat`" in problem


@pytest.mark.parametrize("key", ["messages", "max_completion_tokens"])
def test_what_the_workload_decides_is_no_option(key: str, tmp_path: Path) -> None:
    """Options are further keys of every request."""
    configuration = {"engine": "endpoint", "name": "a", "server": {"url": "http://127.0.0.1:1"}, "options": {key: 1}}
    [problem] = problems_of(chatting(configurations=[configuration]), tmp_path)
    assert f"{key!r} is decided by the workload" in problem


def test_the_api_and_the_system_message_are_part_of_the_fingerprint() -> None:
    """Every change makes other cells; naming the default changes nothing."""

    def fingerprint(**workload: Any) -> str:
        study = minimal_study(workload=minimal_study()["workload"] | workload)
        return make_plan(Study.model_validate(json.loads(json.dumps(study))), "prompts").cells[0].fingerprint

    kinds = [{}, {"api": "chat"}, {"api": "chat", "system": "Be brief."}, {"api": "chat", "system": "Be long."}]
    assert len({fingerprint(**kind) for kind in kinds}) == 4
    assert fingerprint(api="completions") == fingerprint()
