"""Tests of the program inside an answer: fences, prose, prompts that are Python, answers that end too early."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenreport.quality.programs import blocks, defines, program_of

F = "def f(x):\n    return x + 1\n"
PROMPT = 'from typing import List\n\n\ndef f(x: List[int]) -> int:\n    """Add."""\n'


@pytest.mark.parametrize(
    ("answer", "program"),
    [
        (F, F),
        (f"Sure!\n```python\n{F}```\nIt adds one.", F),
        (f"```\nx = 1\n```\nand\n```py\n{F}```\n", F),
        (f"~~~python\n{F}~~~\n", F),
        (f"```python\n{F}", F),
        (f"```python\n{F}print(f(1", F),
        (f"```python\n{F}\ndef g(:\n```", F + "\n"),
        (f"  ```python\n{F}  ```", F),
        (f"```python\r\n{F}```".replace("\n", "\r\n").replace("\r\r", "\r"), F.replace("\n", "\r\n")),
        ("f = lambda x: x + 1", "f = lambda x: x + 1"),
        ("I do not know.", None),
        ("```python\ndef g(x):\n    return x\n```", None),
        ("", None),
        ("   \n", None),
    ],
)  # fmt: skip
def test_the_first_block_that_defines_the_function_is_the_program(answer: str, program: str | None) -> None:
    """Without a block, the answer itself where it is Python."""
    assert program_of("Write f.", answer, "f", chat=True) == program


def test_what_cannot_be_compiled_is_told_from_what_is_no_answer() -> None:
    """A function that is begun is judged, and its fault is found when it is compiled."""
    assert program_of("Write f.", "```python\ndef f(x) return x\n```", "f", chat=True) == "def f(x) return x\n"
    assert program_of("Write f.", "Think of f as a function.", "f", chat=True) is None


@pytest.mark.parametrize(
    ("answer", "program"),
    [
        ("    return x + 1\n", PROMPT + "    return x + 1\n"),
        ("    return x + 1\n\nprint(f(\n", PROMPT + "    return x + 1\n\n"),
        ("    return g(x)\n\ndef g(x):\n    return x\n\n# and so on: it's", PROMPT + "    return g(x)\n\ndef g(x):\n    return x\n\n# and so on: it's"),
        ("    return x + 1\n```\nThis adds.", PROMPT + "    return x + 1\n"),
        ("    if x:\n        return 1\n    else:\n", PROMPT + "    if x:\n        return 1\n"),
        (f"```python\n{F}```", PROMPT.rstrip() + "\n\n" + F),
    ],
)  # fmt: skip
def test_a_completion_counts_as_far_as_it_is_python(answer: str, program: str) -> None:
    """What the model writes after the function is left out, a second function that parses is kept."""
    assert program_of(PROMPT, answer, "f", chat=False) == program


def test_a_completion_that_is_no_python_from_the_start_is_no_empty_function() -> None:
    """The prompt alone parses, and its function returns nothing: that is no answer of the model."""
    found = program_of(PROMPT, "        return (\n", "f", chat=False)
    assert found is not None
    assert found.endswith("return (\n")
    assert program_of(PROMPT, "\n", "f", chat=False) is None


def test_a_prompt_that_is_python_stands_before_the_reply() -> None:
    """Imports and helpers that it gives are there, and the reply's function replaces its own."""
    assert program_of(PROMPT, f"```python\n{F}```", "f", chat=True) == PROMPT.rstrip() + "\n\n" + F


def test_definitions_are_functions_classes_and_variables() -> None:
    """At the top level only."""
    assert all(defines(text, "f") for text in (F, "async def f(): pass", "class f: pass", "f = 1", "f: int = 1"))
    assert not any(defines(text, "f") for text in ("def g():\n    def f(): pass", "g.f = 1", "f(", "import f"))


@given(st.text("`~\npython def f(x):=\"'# \t\\", max_size=200), st.booleans())
def test_any_answer_has_a_program_or_none(answer: str, chat: bool) -> None:
    """Whatever a model writes."""
    program = program_of("Write f.", answer, "f", chat=chat)
    assert program is None or "f" in program
    assert all(block in answer for block in blocks(answer))
