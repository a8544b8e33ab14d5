"""Tests of chat templates, which are programs of somebody else, and of where an answer in chat ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers", reason="transformers is not installed (extra `torch`)")

from greenreport.engines.base import EngineJob, Message
from greenreport.engines.chat_template import LONGEST_CHARACTERS, rendered
from greenreport.engines.torch_eager import TorchEager
from greenreport.errors import EngineUnavailable, ModelUnavailable
from greenreport.models.tokenizer import END_OF_TEXT, TOKENIZER_FILE
from greenreport.study import Configuration

ASKED = [Message("system", "Be brief."), Message("user", "Why?")]
PLAIN = "{% for message in messages %}<{{ message.role }}>{{ message.content }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"


def tokenizer(template: str | None, **settings: Any) -> Any:
    """Return the reference tokenizer with a template."""
    from transformers import PreTrainedTokenizerFast

    made = PreTrainedTokenizerFast(tokenizer_file=str(TOKENIZER_FILE), bos_token=END_OF_TEXT, eos_token=END_OF_TEXT, **settings)
    made.chat_template = template
    return made


def engine(folder: Path, template: str = PLAIN, ends: str | None = None, **settings: Any) -> TorchEager:
    """Return an engine before it has loaded the weights, which are not there."""
    tokenizer(template, **settings).save_pretrained(folder)
    (folder / "config.json").write_text('{"model_type": "gpt2"}', encoding="utf-8")
    if ends is not None:
        (folder / "generation_config.json").write_text(ends, encoding="utf-8")
    return TorchEager(EngineJob(Configuration(engine="torch"), threads=1, weights=folder))


def test_the_text_ends_where_the_answer_begins() -> None:
    """Messages come in their order, with the words that ask for an answer."""
    assert rendered(tokenizer(PLAIN), ASKED) == "<system>Be brief.<user>Why?<assistant>"


@pytest.mark.parametrize(
    ("template", "cause"),
    [
        (None, "the model has no chat template"),
        ("{{ raise_exception('no system role') }}", "(TemplateError: no system role)"),
        ("{% for", "TemplateSyntaxError"),
        ("{{ messages[9].content }}", "UndefinedError"),
        ("{{ messages + 1 }}", "TypeError"),
        ("{{ messages.append(1) }}", "SecurityError"),
        ("{{ messages.__class__.__mro__ }}", "SecurityError"),
        ("{% for i in range(10 ** 9) %}{% endfor %}", "OverflowError"),
        ("{{ 1 / 0 }}", "ZeroDivisionError"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "RecursionError"),
        ("{{ '\\ud800' }}", "UnicodeEncodeError"),
        ("", "the model has no chat template"),
        ("{{ '' }}", "makes 0 characters"),
        (f"{{{{ 'a' * {LONGEST_CHARACTERS + 1} }}}}", "makes 10,000,001 characters"),
    ],
)
def test_a_template_that_does_not_work_is_a_sentence(template: str | None, cause: str) -> None:
    """Whatever it raises; it reaches nothing outside of the messages."""
    with pytest.raises(ModelUnavailable) as caught:
        rendered(tokenizer(template), ASKED)
    assert cause in str(caught.value)
    assert str(caught.value).endswith("; measure it with `workload: {api: completions}`")
    assert "\n" not in str(caught.value)


def test_a_prompt_is_the_same_on_every_day() -> None:
    """Templates that write today's date are told one that stays."""
    assert rendered(tokenizer("{{ strftime_now('%d %B %Y') }}"), ASKED) == "26 July 2024"


def test_special_tokens_are_not_added_twice(tmp_path: Path) -> None:
    """The template has written the first token already; a completion gets it from the tokenizer, as before."""
    from tokenizers.processors import TemplateProcessing

    made = tokenizer("{{ bos_token }}" + PLAIN)
    made.backend_tokenizer.post_processor = TemplateProcessing(single=f"{END_OF_TEXT} $A", special_tokens=[(END_OF_TEXT, 0)])
    one = engine(tmp_path)
    one.tokenizer = made
    text = one.render(ASKED)
    assert text.startswith(END_OF_TEXT)
    assert one.encode_rendered(text).count(0) == 1
    assert one.encode_rendered(text) == one.encode(text)[1:]


@pytest.mark.parametrize(
    ("settings", "ends"),
    [
        (None, (0,)), ({}, (0,)), ({"eos_token_id": None}, (0,)), ({"eos_token_id": 7}, (0, 7)), ({"eos_token_id": [9, 0, 7, 9]}, (0, 9, 7)),
        ({"eos_token_id": ["7", True, None, 7]}, (0, 7)), ([7], (0,)),
    ],
)  # fmt: skip
def test_an_answer_ends_at_the_end_of_its_turn(settings: Any, ends: tuple[int, ...], tmp_path: Path) -> None:
    """The model's own settings name it, besides the end of a text; the first of all that comes is the end."""
    one = engine(tmp_path, ends=None if settings is None else json.dumps(settings))
    assert one.end_ids == ends
    last = ends[-1]
    assert one.finished([5, last, 5, 0], exact=False).token_ids == (5,)
    assert one.finished([5, last, 5, 0], exact=True).token_ids == (5, last, 5, 0)


def test_settings_that_cannot_be_read_are_an_error(tmp_path: Path) -> None:
    """An end that is not known would be an answer that does not end."""
    with pytest.raises(EngineUnavailable, match=r"generation_config\.json of the model cannot be read"):
        engine(tmp_path, ends="[")


def test_special_tokens_are_no_part_of_an_answer(tmp_path: Path) -> None:
    """They frame a conversation; a completion shows them, as before."""
    one = engine(tmp_path)
    ids = [*one.encode("abc"), 0, *one.encode("d")]
    assert one.decode_answer(ids) == "abcd"
    assert one.decode(ids) == f"abc{END_OF_TEXT}d"
