"""Tests of judging stored answers: what is judged, once, by what; and the command that does it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from greenreport.errors import UsageError
from greenreport.quality.criteria import criteria
from greenreport.quality.judge import judge
from greenreport.record import Outcome, Output, Prompt, Request, RequestError, RequestErrorKind, RunRecord, VerdictCode
from greenreport.store import Store
from greenreport.workloads.prompts import PromptList, resolve, text_digest
from greenreport.workspace import STORE_FILE, Planned, open_plan
from tests.records import record

Command = Callable[..., subprocess.CompletedProcess[str]]
TEST = "def check(candidate):\n    assert candidate(3) == 4\n"
ROWS: list[dict[str, Any]] = [
    {"prompt": "Write add_one.", "entry_point": "add_one", "test": TEST},
    {"prompt": "The capital of France?", "answer": "Paris"},
    {"prompt": "Tell me something."},
]
RIGHT = "Here:\n```python\ndef add_one(x):\n    return x + 1\n```\n"
WRONG = "def add_one(x):\n    return x + 2\n"


def study(write_study: Callable[..., Path], rows: list[dict[str, Any]] | None = None, **quality: Any) -> Path:
    """Write a study whose prompts are a file of rows."""
    workload = {"prompts": {"source": "file", "path": "p.jsonl"}, "api": "chat", "generation": {"output_tokens": 8}}
    file = write_study(quality=quality or {"time_limit_s": 5}, workload=workload)
    (file.parent / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows or ROWS), encoding="utf-8")
    return file


def asked(planned: Planned, *pairs: tuple[str, str], **changes: Any) -> RunRecord:
    """Return a run of the first cell that asked and got these."""
    requests = tuple(
        Request(number, 10 * number, 10 * number + 5, output_sha256=text_digest(answer), prompt_sha256=text_digest(prompt))
        for number, (prompt, answer) in enumerate(pairs)
    )
    made = record(
        study="tiny", fingerprint=planned.plan.cells[0].fingerprint, key=planned.plan.cells[0].key, requests=requests,
        outputs=tuple({Output(text_digest(answer), answer) for _, answer in pairs}),
        prompts=tuple({Prompt(text_digest(prompt), prompt) for prompt, _ in pairs}),
    )  # fmt: skip
    return replace(made, **changes)


def opened(file: Path) -> tuple[Planned, PromptList, Store]:
    """Return the plan, the prompts and an empty store of a study."""
    planned = open_plan(file)
    store = Store(file.parents[1] / "cache" / STORE_FILE)
    return planned, resolve(planned.file.study.workload.prompts, file.parent, file.parent), store


def test_each_answer_is_judged_once_by_its_own_task(write_study: Callable[..., Path]) -> None:
    """Right and wrong ones, in programs and in words; the same answer twice costs one judgement, and a second call none."""
    planned, prompts, store = opened(study(write_study))
    pairs = [(ROWS[0]["prompt"], RIGHT), (ROWS[0]["prompt"], WRONG), (ROWS[0]["prompt"], RIGHT), (ROWS[1]["prompt"], "paris.")]
    store.append([asked(planned, *pairs, (ROWS[2]["prompt"], "Something."))])
    steps: list[tuple[int, int]] = []
    scoring = judge(planned.plan, prompts, store, lambda done, total: steps.append((done, total)))
    assert scoring.codes == {VerdictCode.PASSED: 2, VerdictCode.WRONG: 1}
    assert (scoring.before, scoring.without_task, scoring.unknown) == (0, 1, False)
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert str(scoring) == "3 answers judged: 2 right, 1 wrong; 1 answer cannot be judged, since the prompts have no task"
    (found,) = store.records(["run-1"])
    verdicts = {verdict.output_sha256: verdict for verdict in found.verdicts}
    assert verdicts[text_digest(RIGHT)].passed
    assert verdicts[text_digest(WRONG)].detail == "assert candidate(3) == 4; it gave 5"
    again = judge(planned.plan, prompts, store, lambda *_: pytest.fail("nothing is left to judge"))
    assert (again.codes.total(), again.before, again.right_before) == (0, 3, 2)
    assert str(again).startswith("no answer left to judge; 3 judged before (2 right)")
    assert list(store.records(["run-1"])) == [found]


def test_another_limit_judges_anew_and_back_again(write_study: Callable[..., Path]) -> None:
    """What counts is always the verdict by what the study says now."""
    loops = "def add_one(x):\n    import time\n    time.sleep(0.5)\n    return x + 1\n"
    codes = []
    for limit in (0.2, 5, 0.2):
        planned, prompts, store = opened(study(write_study, time_limit_s=limit))
        if not codes:
            store.append([asked(planned, (ROWS[0]["prompt"], loops))])
        judge(planned.plan, prompts, store, lambda *_: None)
        (found,) = store.records(["run-1"])
        codes += [verdict.code for verdict in found.verdicts]
    assert codes == [VerdictCode.TIMED_OUT, VerdictCode.PASSED, VerdictCode.TIMED_OUT]


def test_runs_that_do_not_count_are_not_judged(write_study: Callable[..., Path]) -> None:
    """Nor failed requests, nor runs of another study; runs of an earlier version do not say what they asked."""
    planned, prompts, store = opened(study(write_study))
    good = asked(planned, (ROWS[0]["prompt"], RIGHT))
    failed = replace(good.requests[0], index=1, prompt_sha256=None, error=RequestError(RequestErrorKind.SERVER, "no"))
    store.append(
        [
            replace(asked(planned, (ROWS[0]["prompt"], WRONG)), run_id="failed", outcome=Outcome.FAILED, repetition=2),
            replace(asked(planned, (ROWS[0]["prompt"], WRONG)), run_id="other", fingerprint="0" * 64),
            replace(good, run_id="good", requests=(*good.requests, failed)),
        ]
    )
    scoring = judge(planned.plan, prompts, store, lambda *_: None)
    assert (scoring.codes, scoring.unknown) == ({VerdictCode.PASSED: 1}, False)
    store.append([replace(good, run_id="old", repetition=2, requests=(replace(good.requests[0], prompt_sha256=None),))])
    assert "do not say what they asked" in str(judge(planned.plan, prompts, store, lambda *_: None))


def test_what_is_judged_before_an_interruption_is_kept(write_study: Callable[..., Path]) -> None:
    """Ctrl-C loses at most what is in progress; the next call goes on."""
    planned, prompts, store = opened(study(write_study))
    answers = [f"# {number}\n{RIGHT}" for number in range(6)]
    store.append([asked(planned, *((ROWS[0]["prompt"], answer) for answer in answers))])

    def interrupt(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judge(planned.plan, prompts, store, interrupt)
    scoring = judge(planned.plan, prompts, store, lambda *_: None)
    assert (scoring.codes.total(), scoring.before) == (3, 3)


def test_prompts_that_have_no_task_are_said(write_study: Callable[..., Path]) -> None:
    """So is a scorer that needs what the tasks do not have, and a study that judges nothing."""
    planned, prompts, _ = opened(study(write_study, [{"prompt": "a"}]))
    with pytest.raises(UsageError, match=r"no prompt of tiny \(the file p.jsonl\) has a task; see docs/quality.md"):
        criteria(planned.file.study, prompts)
    planned, prompts, _ = opened(study(write_study, scorer="pattern"))
    with pytest.raises(UsageError, match="has a task for the scorer pattern"):
        criteria(planned.file.study, prompts)
    unjudged = planned.file.study.model_copy(update={"quality": None})
    with pytest.raises(UsageError, match="tiny declares no `quality:`"):
        criteria(unjudged, prompts)


def test_a_study_without_judgement_is_refused_for_that_and_not_for_its_runs(
    write_study: Callable[..., Path], command: Command
) -> None:
    """Runs would not help: the section is what is missing."""
    said = command("score", str(write_study()), check=None)
    assert "declares no `quality:`, so its answers are not judged; add `quality: {}`" in " ".join(said.stderr.split())


def test_the_command_judges_and_says_what(write_study: Callable[..., Path], command: Command) -> None:
    """Twice: the second time nothing is left."""
    file = study(write_study)
    planned, _, store = opened(file)
    assert "has no run of" in command("score", str(file), check=3).stderr
    store.append([asked(planned, (ROWS[0]["prompt"], RIGHT), (ROWS[0]["prompt"], WRONG))])
    assert command("score", str(file)).stdout == "tiny: 2 answers judged: 1 right, 1 wrong\n"
    assert command("score", str(file)).stdout == "tiny: no answer left to judge; 2 judged before (1 right)\n"
    assert command("score", str(file), "--quiet").stdout == ""


def test_run_judges_after_its_last_run(write_study: Callable[..., Path], command: Command) -> None:
    """The fake engine knows nothing, and that is what it says; a study without tasks still runs, and is told what to do."""
    rows = [{"prompt": f"{ROWS[0]['prompt']} {number}", "test": TEST, "entry_point": "add_one"} for number in range(2)]
    workload = {
        "prompts": {"source": "file", "path": "p.jsonl"}, "generation": {"output_tokens": 8, "exact": True},
    }  # fmt: skip
    file = write_study(quality={}, workload=workload)
    (file.parent / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    done = command("run", str(file))
    assert "2 answers judged: 0 right" in done.stdout
    (file.parent / "p.jsonl").write_text(
        "".join(json.dumps({"prompt": row["prompt"]}) + "\n" for row in rows), encoding="utf-8"
    )
    again = command("run", str(file))
    assert "nothing to do: all 4 runs are done and ok" in again.stdout
    assert "the answers are not judged: no prompt of tiny" in again.stderr


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"quality": {"scorer": "unit_test"}}, "unknown scorer 'unit_test'"),
        ({"quality": {"scorer": "pattern"}}, "have unit tests, which pattern does not use"),
        ({"quality": {"k": [1, 3]}}, "k = 3 needs that many answers to each prompt, but a cell gives only 2 answers"),
        (
            {"quality": {}, "workload": {"prompts": {"slice_tokens": [10, 15]}}},
            "with `slice_tokens` prompts are pieces of text to which no answer is right",
        ),
        (
            {"quality": {}, "workload": {"prompts": {"source": "file", "path": "p.jsonl"}}},
            "no prompt of tiny (the file p.jsonl) has a task",
        ),
        (
            {"quality": {}, "workload": {"prompts": {"source": "file", "path": "bad.jsonl"}}},
            "bad.jsonl:1: `test` needs `entry_point`",
        ),
    ],
)
def test_validate_says_what_cannot_be_judged(
    write_study: Callable[..., Path], command: Command, changes: dict[str, Any], what: str
) -> None:
    """Before hours of measurements, not after them."""
    file = write_study(**changes)
    (file.parent / "p.jsonl").write_text('{"prompt": "a"}\n', encoding="utf-8")
    (file.parent / "bad.jsonl").write_text('{"prompt": "a", "test": "def check(c): pass"}\n', encoding="utf-8")
    assert what in command("validate", str(file), check=2).stderr


def test_a_study_that_can_be_judged_is_valid(write_study: Callable[..., Path], command: Command) -> None:
    """The problems that come with greenreport have tests."""
    for source in ("builtin", "elementary"):
        workload = {"prompts": {"source": source}, "requests": 160}
        assert "valid" in command("validate", str(write_study(quality={"k": [1, 2]}, workload=workload))).stdout
