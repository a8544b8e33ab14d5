"""Tests of the elementary problems in ``studies/prompts/elementary.jsonl``."""

from __future__ import annotations

import ast
import builtins
import json
import keyword
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.programs import load_program

COUNT = 160
KEYS = ["task_id", "topic", "difficulty", "entry_point", "prompt", "canonical_solution", "test"]
#: The difficulties of each twenty problems in a row, by their first letters.
TURN = "bbbebbbmbbbebbbebbbm"
TOPICS = {"strings", "lists", "tuples", "sets", "dictionaries", "numbers", "logic", "conversions", "dates"}
DIFFICULTIES = {"b": "basic", "e": "easy", "m": "medium"}
TASKS: list[dict[str, str]] = [
    json.loads(line)
    for line in (ROOT / "studies" / "prompts" / "elementary.jsonl").read_text(encoding="utf-8").removesuffix("\n").split("\n")
]
SOLUTIONS: dict[str, Callable[..., Any]] = {
    task["entry_point"]: getattr(load_program(task["canonical_solution"]), task["entry_point"]) for task in TASKS
}
#: Problems that ask for different things and are alike in Python: problem → others whose solutions pass its test as well.
ALIKE = {
    "add": {"combine"}, "combine": {"add"}, "repeat_text": {"rectangle_area"}, "rectangle_area": {"repeat_text"},
    "contains": {"has_key"}, "has_key": {"contains"}, "is_empty": {"negate"}, "negate": {"is_even"}, "all_true": {"all_positive"},
    "text_length": {"total_length"}, "list_of_keys": {"remove_zeros", "zeros_to_end", "characters_of"},
    "characters_of": {"sort_by_length", "as_texts", "list_of_keys", "remove_zeros", "zeros_to_end"},
}  # fmt: skip

each_task = pytest.mark.parametrize("task", TASKS, ids=[task["task_id"] for task in TASKS])


def definition(task: dict[str, str]) -> ast.FunctionDef:
    """Return the function that a canonical solution defines; imports may come before it."""
    *imports, function = ast.parse(task["canonical_solution"]).body
    assert all(isinstance(node, ast.Import | ast.ImportFrom) for node in imports)
    assert isinstance(function, ast.FunctionDef)
    return function


def passes(task: dict[str, str], candidate: Callable[..., Any]) -> bool:
    """Return whether the test of a task accepts a function."""
    try:
        load_program(task["test"]).check(candidate)
    except (AssertionError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError):
        return False
    return True


def test_every_line_has_exactly_the_documented_keys() -> None:
    """Each line is an object with the documented keys, in order, and text values, of a known topic."""
    assert len(TASKS) == COUNT
    for task in TASKS:
        assert list(task) == KEYS
        assert all(isinstance(value, str) and value.strip() for value in task.values())
        assert task["topic"] in TOPICS


def test_ids_are_consecutive() -> None:
    """The ids count from 001 without gaps or repeats."""
    assert [task["task_id"] for task in TASKS] == [f"elementary/{number:03d}" for number in range(1, COUNT + 1)]


def test_difficulties_take_turns() -> None:
    """Any first part of the file has about the same mix of difficulties."""
    assert [task["difficulty"] for task in TASKS] == [DIFFICULTIES[TURN[place % len(TURN)]] for place in range(COUNT)]


def test_names_are_distinct_and_free() -> None:
    """No function name is used twice, is Python's own, or that of a built-in function."""
    assert [name for name, times in Counter(task["entry_point"] for task in TASKS).items() if times > 1] == []
    assert {task["entry_point"] for task in TASKS} & {*dir(builtins), *keyword.kwlist} == set()


@each_task
def test_prompt_asks_for_the_function_in_one_form(task: dict[str, str]) -> None:
    """The prompt names the function with the arguments of its solution, and says in at most two sentences what it does."""
    function = definition(task)
    assert function.name == task["entry_point"]
    assert task["prompt"].startswith(
        f"Write a Python function {ast.unparse(function.args).join([f'{function.name}(', ')'])} that "
    )
    assert task["prompt"].endswith(".")
    assert len(re.findall(r"[.?!](?= [A-Z]|$)", task["prompt"])) <= 2
    assert len(task["prompt"]) <= 400


@each_task
def test_solution_is_short(task: dict[str, str]) -> None:
    """A solution has at most six lines below its signature, and uses nothing that is not in Python itself."""
    function = definition(task)
    assert function.end_lineno is not None
    assert function.end_lineno - function.lineno <= 6


@each_task
def test_test_is_one_check_of_four_to_eight_assertions(task: dict[str, str]) -> None:
    """A test is a function ``check(candidate)`` made of four to eight assertions, no two of them the same."""
    (check,) = ast.parse(task["test"]).body
    assert isinstance(check, ast.FunctionDef) and check.name == "check"
    assert ast.unparse(check.args) == "candidate"
    assert all(isinstance(node, ast.Assert) for node in check.body)
    assert 4 <= len({ast.unparse(node) for node in check.body}) == len(check.body) <= 8


@each_task
def test_canonical_solution_passes(task: dict[str, str]) -> None:
    """The canonical solution passes the test."""
    assert passes(task, SOLUTIONS[task["entry_point"]])


@each_task
def test_trivial_answers_fail(task: dict[str, str]) -> None:
    """A function that returns one of its arguments or a constant fails, and so does one that does nothing."""
    constants = [None, True, False, 0, 1, -1, "", [], {}]
    assert not any(passes(task, lambda *_, constant=constant: constant) for constant in constants)
    assert not passes(task, lambda *arguments: arguments[0])
    assert not passes(task, lambda *arguments: arguments[-1])


@each_task
def test_solutions_of_other_problems_fail(task: dict[str, str]) -> None:
    """The solution of another problem fails, so that no problem is asked twice and no test is loose; some are alike in Python."""
    name = task["entry_point"]
    others = {other for other, solution in SOLUTIONS.items() if other != name and passes(task, solution)}
    assert others == ALIKE.get(name, set())
