"""Tests of the scorers: which one judges a task, and what each of them admits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from greenreport.catalog import SCORERS, load_target
from greenreport.quality.criteria import criteria
from greenreport.quality.sandbox import Limits, ProgramSandbox, Score
from greenreport.quality.scorers import Case, exact_match, pattern, unit_tests
from greenreport.record import VerdictCode
from greenreport.study import Study
from greenreport.workloads.prompts import PromptList
from greenreport.workloads.tasks import Task
from tests.conftest import minimal_study

PARIS = Task(answers=("Paris", "the city of Paris"))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProgramSandbox]:
    """Return a sandbox for all answers of this file."""
    with ProgramSandbox(Limits(2, 200)) as made:
        yield made


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("Paris", VerdictCode.PASSED),
        ("  paris.\n", VerdictCode.PASSED),
        ("**PARIS**", VerdictCode.PASSED),
        ("Let me think.\n\nThe\tcity  of Paris.\n\n", VerdictCode.PASSED),
        ("“Paris”", VerdictCode.PASSED),
        ("The city\nof Paris", VerdictCode.PASSED),
        ("Paris\nor London", VerdictCode.WRONG),
        ("It is Paris", VerdictCode.WRONG),
        ("Pari s", VerdictCode.WRONG),
        (" \n", VerdictCode.NO_ANSWER),
    ],
)
def test_expected_texts_are_compared_without_regard_to_dress(answer: str, code: VerdictCode, sandbox: ProgramSandbox) -> None:
    """Case, white space, quotation marks and full stops are dress; other words are not."""
    assert exact_match(Case("", answer, PARIS, True), sandbox).code is code


def test_patterns_and_programs_are_judged_in_the_sandbox(sandbox: ProgramSandbox) -> None:
    """An empty answer needs none."""
    number = Task(pattern=r"= *42\b")
    assert pattern(Case("", "6 * 7 = 42", number, True), sandbox) == Score(VerdictCode.PASSED)
    assert pattern(Case("", "6 * 7 = 420", number, True), sandbox).code is VerdictCode.WRONG
    assert pattern(Case("", "", number, True), sandbox) == Score(VerdictCode.NO_ANSWER, "it is empty")
    tested = Task(entry_point="f", test="def check(c):\n    assert c(2) == 3\n")
    assert unit_tests(Case("def f(x):\n", "    return x + 1\n", tested, False), sandbox) == Score(VerdictCode.PASSED)
    assert unit_tests(Case("def f(x):\n", "", tested, False), sandbox) == Score(VerdictCode.NO_ANSWER, "it is empty")


def test_each_task_is_judged_by_the_first_scorer_whose_need_it_has() -> None:
    """Or by the one the study names, which leaves out prompts that do not have what it needs."""
    both = Task(entry_point="f", test="def check(c): pass", answers=("x",))
    prompts = PromptList(("a", "b", "c", "d"), "", "a file", (both, PARIS, Task(pattern="x"), None))

    def scorers(**quality: object) -> list[tuple[str, str]]:
        study = Study.model_validate(minimal_study(quality=quality))
        return [(criterion.prompt, criterion.scorer.name) for criterion in criteria(study, prompts).values()]

    assert scorers() == [("a", "unit_tests"), ("b", "exact_match"), ("c", "pattern")]
    assert scorers(scorer="exact_match") == [("a", "exact_match"), ("b", "exact_match")]


def test_limits_and_api_are_part_of_what_judges() -> None:
    """What only the analysis uses is not."""
    prompts = PromptList(("a",), "", "a file", (PARIS,))

    def digest(api: str = "completions", **quality: object) -> str:
        study = minimal_study(quality=quality)
        study["workload"]["api"] = api
        (criterion,) = criteria(Study.model_validate(study), prompts).values()
        return criterion.digest

    assert len({digest(), digest("chat"), digest(time_limit_s=1), digest(memory_limit_mb=99)}) == 4
    assert digest(k=[1, 2], largest_loss=0.1) == digest()


def test_every_scorer_is_there() -> None:
    """The targets of the table can be loaded."""
    assert [load_target(scorer.target) for scorer in SCORERS.values()] == [unit_tests, exact_match, pattern]
