"""Tests of the built-in prompts in ``studies/prompts/builtin.jsonl``."""

from __future__ import annotations

import ast
import doctest
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.programs import load_program

PROMPTS = Path(__file__).resolve().parents[2] / "studies" / "prompts" / "builtin.jsonl"
COUNT = 60
KEYS = ["task_id", "difficulty", "entry_point", "prompt", "canonical_solution", "test"]
LEVELS = ["easy", "medium", "hard"]
TASKS: list[dict[str, str]] = [json.loads(line) for line in PROMPTS.read_text(encoding="ascii").splitlines()]

each_task = pytest.mark.parametrize("task", TASKS, ids=[task["task_id"] for task in TASKS])


def load(task: dict[str, str], body: str) -> tuple[Callable[..., Any], Callable[[Any], None]]:
    """Return the function of a task with the given body, and its check."""
    return getattr(load_program(task["prompt"] + body), task["entry_point"]), load_program(task["test"]).check


def test_every_line_has_exactly_the_documented_keys() -> None:
    """Each line is an object with the six keys, in order, and text values."""
    assert len(TASKS) == COUNT
    for task in TASKS:
        assert list(task) == KEYS
        assert all(isinstance(value, str) for value in task.values())


def test_ids_are_consecutive() -> None:
    """The ids count from 001 without gaps or repeats."""
    assert [task["task_id"] for task in TASKS] == [f"builtin/{number:03d}" for number in range(1, COUNT + 1)]


def test_difficulties_take_turns() -> None:
    """Any first part of the file is a balanced choice of difficulties."""
    assert [task["difficulty"] for task in TASKS] == [LEVELS[place % 3] for place in range(COUNT)]


def test_prompts_and_entry_points_are_distinct() -> None:
    """No prompt and no function name is used twice."""
    assert len({task["prompt"] for task in TASKS}) == COUNT
    assert len({task["entry_point"] for task in TASKS}) == COUNT


@each_task
def test_text_is_plain_and_of_the_right_size(task: dict[str, str]) -> None:
    """All text is ASCII and ends in a newline where code does, and the prompt is neither tiny nor huge."""
    assert all(value.isascii() for value in task.values())
    assert all(task[key].endswith("\n") for key in ("prompt", "canonical_solution", "test"))
    assert 120 <= len(task["prompt"]) <= 1200


@each_task
def test_prompt_ends_with_a_documented_signature(task: dict[str, str]) -> None:
    """The prompt ends with the annotated entry point, which has a docstring and nothing else."""
    function = ast.parse(task["prompt"]).body[-1]
    assert isinstance(function, ast.FunctionDef) and function.name == task["entry_point"]
    assert len(function.body) == 1 and ast.get_docstring(function)
    assert function.returns is not None
    assert all(argument.annotation is not None for argument in function.args.args)


@each_task
def test_solution_is_an_indented_body(task: dict[str, str]) -> None:
    """Every line of the solution that is not empty is indented by at least four spaces."""
    assert all(line.startswith("    ") for line in task["canonical_solution"].splitlines() if line)


@each_task
def test_check_has_enough_assertions(task: dict[str, str]) -> None:
    """Each check holds at least six assert statements."""
    assert sum(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(task["test"]))) >= 6


@each_task
def test_canonical_solution_passes(task: dict[str, str]) -> None:
    """The canonical solution passes its own check."""
    function, check = load(task, task["canonical_solution"])
    check(function)


@each_task
@pytest.mark.parametrize("body", ["    return None\n", "    raise NotImplementedError\n"])
def test_wrong_solution_fails(task: dict[str, str], body: str) -> None:
    """A body that does no work is rejected by the check."""
    function, check = load(task, body)
    with pytest.raises((AssertionError, AttributeError, TypeError, NotImplementedError)):
        check(function)


@each_task
def test_docstring_examples_hold(task: dict[str, str]) -> None:
    """The docstring has one to three examples of the function's results, and they are right."""
    function, _ = load(task, task["canonical_solution"])
    case = doctest.DocTestParser().get_doctest(function.__doc__ or "", {**function.__globals__}, task["task_id"], None, None)
    assert 1 <= sum(task["entry_point"] + "(" in example.source for example in case.examples) <= 3
    outcome = doctest.DocTestRunner(verbose=False).run(case)
    assert outcome.attempted == len(case.examples)
    assert outcome.failed == 0
