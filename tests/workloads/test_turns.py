"""Tests of scripted conversations: which requests a row becomes, and what a file may not say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from greenreport.errors import PromptsUnavailable
from greenreport.study import Prompts
from greenreport.workloads.prompts import PromptList, resolve
from greenreport.workloads.turns import MARK, has_history, in_words, messages, turns_of

RIVERS = ["Name a river.", "The Danube.", "Where does it end?"]


def read(folder: Path, *rows: dict[str, Any], chat: bool = True, **prompts: Any) -> PromptList:
    """Return the prompts of a file with these rows."""
    (folder / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return resolve(Prompts.model_validate({"source": "file", "path": "p.jsonl", **prompts}), folder, folder, chat=chat)


def test_each_turn_of_the_user_is_a_prompt(tmp_path: Path) -> None:
    """With everything before it; the task belongs to the last one, and rows without turns stay as they are."""
    listed = read(tmp_path, {"turns": RIVERS, "answer": "In the Black Sea."}, {"prompt": "Hello"})
    first, last, plain = listed.texts
    assert (first, plain) == (RIVERS[0], "Hello")
    assert has_history(last)
    assert turns_of(last) == RIVERS
    assert messages(last, "Be brief.") == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": RIVERS[0]},
        {"role": "assistant", "content": RIVERS[1]},
        {"role": "user", "content": RIVERS[2]},
    ]
    assert messages(plain, None) == [{"role": "user", "content": "Hello"}]
    assert in_words(last).splitlines()[1] == f"Assistant: {RIVERS[1]}"
    assert [task is not None for task in listed.tasks] == [False, True, False]


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ({"turns": RIVERS[:2]}, "begins and ends with the user"),
        ({"turns": []}, "begins and ends with the user"),
        ({"turns": "Hello"}, "list of non-empty texts"),
        ({"turns": ["Hello", " ", "You?"]}, "list of non-empty texts"),
        ({"turns": ["a"] * 2001}, "more than 1,000 texts"),
        ({"turns": RIVERS, "prompt": "Hello"}, "not both"),
        ({"turns": ["\ud800", "b", "c"]}, "lone surrogate"),
        ({"prompt": f'{MARK}"a"]}}'}, "write its turns under"),
    ],
)
def test_what_is_no_conversation_is_refused_with_its_line(tmp_path: Path, row: dict[str, Any], what: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(PromptsUnavailable, match=r"p\.jsonl:1.*" + what):
        read(tmp_path, row)


def test_conversations_are_neither_completed_nor_cut(tmp_path: Path) -> None:
    """They are asked in chat, whole."""
    with pytest.raises(PromptsUnavailable, match="api: chat"):
        read(tmp_path, {"turns": RIVERS}, chat=False)
    with pytest.raises(PromptsUnavailable, match="slice_tokens"):
        read(tmp_path, {"turns": RIVERS}, slice_tokens=[2, 3])
