"""Runs made up for tests of right answers: known verdicts, known texts, known seconds and joules."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.recorded_dataset import recorded_dataset
from greenreport.plan import Plan, Run, make_plan
from greenreport.record import (
    Mark,
    Method,
    Output,
    Phase,
    Prompt,
    Request,
    RunRecord,
    RunSpec,
    Trace,
    TraceKind,
    Verdict,
    VerdictCode,
)
from greenreport.store import Store
from greenreport.study import Study
from greenreport.workspace import STORE_FILE, open_plan
from tests.conftest import minimal_study
from tests.records import SECOND, record

WATTS = 10.0
#: By the id of a configuration: whether each problem is solved, and how long a request takes in s.
Answers = Mapping[str, tuple[Sequence[bool], float]]

ENGINES = ("torch", "onnx", "openvino")
IDS = tuple(f"{engine}-cpu" for engine in ENGINES)


def quality_study(repetitions: int = 3, **changes: Any) -> dict[str, Any]:
    """Return the data of a study that judges the answers of three engines."""
    sections: dict[str, Any] = {
        "study": "judged",
        "title": "Which answers are right",
        "configurations": [{"engine": engine, "provider": "cpu"} for engine in ENGINES],
        "questions": {"RQ1": "What does a right answer take?", "RQ2": "How many answers are right?", "RQ3": "How long does it take?"},
        "hypotheses": [
            {"id": "H1.0", "question": "RQ1", "metric": "s_per_right_answer"},
            {"id": "H2.0", "question": "RQ2", "metric": "solved_pct"},
            {"id": "H3.0", "question": "RQ3", "metric": "duration_s"},
        ],
        "workload": {"prompts": {"source": "builtin", "count": 20, "seed": 1}, "generation": {"output_tokens": 32, "exact": False}},
        "protocol": minimal_study()["protocol"] | {"repetitions": repetitions},
        "meters": ["rapl"],
        "quality": {"largest_loss": 0.05},
    }  # fmt: skip
    return minimal_study(**(sections | changes))


def digest(text: str) -> str:
    """Return the digest of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def answered(
    run: Run, answers: Answers, texts: Mapping[str, str] | None = None, *, method: Method = Method.MEASURED
) -> RunRecord:
    """Return a run in which each problem is asked once, one after the other.

    Args:
        texts: answers of one's own by ``configuration problem``, as ``torch-cpu 3``.
    """
    name = run.cell.configuration.id
    right, seconds = answers[name]
    seconds *= 1 + 0.01 * ((7 * run.repetition + len(name)) % 5)  # runs differ a little
    start, step = 4 * SECOND, round(seconds * SECOND)
    requests, outputs, prompts, verdicts = [], [], [], []
    for index, solved in enumerate(right):
        asked = f"Write a function that solves problem {index}."
        text = (texts or {}).get(f"{name} {index}", f"def f():\n    return {index if solved else f'wrong by {name}'}")
        tokens = len(text.split()) + 4
        begin = start + index * step
        requests.append(
            Request(
                index, begin, begin + step, first_token_ns=begin + step // 4, prompt_tokens=9, output_tokens=tokens, finish_reason="stop",
                output_sha256=digest(text), answered_by=run.cell.model.id, prompt_sha256=digest(asked),
            )
        )  # fmt: skip
        outputs.append(Output(digest(text), text, ()))
        prompts.append(Prompt(digest(asked), asked))
        code, detail = (VerdictCode.PASSED, None) if solved else (VerdictCode.WRONG, f"expected {index}, got something else")
        verdicts.append(Verdict(digest(asked), digest(text), "task", code, detail, "2026-01-02T00:00:00Z"))
    end = start + len(right) * step
    made = record(
        run_id=f"{run.cell.key}-{run.repetition}".replace("/", "-"), study="judged", key=run.cell.key, model=run.cell.model.id,
        engine=run.cell.configuration.engine, provider="cpu", fingerprint=run.cell.fingerprint, repetition=run.repetition,
        position=run.position, started_at=f"2026-01-01T00:{run.position % 60:02}:00Z",
        spec=RunSpec(prompts_sha256="p", prompts_count=len(right)),
        marks=(
            Mark(Phase.START, 0, SECOND), Mark(Phase.LOAD, SECOND, 2 * SECOND), Mark(Phase.IDLE_BEFORE, 2 * SECOND, 4 * SECOND - 10**7, 1.99),
            Mark(Phase.WARMUP, start - 10**6, start - 10), Mark(Phase.WINDOW, start, end), Mark(Phase.IDLE_AFTER, end, end + 2 * SECOND, 2.0),
            Mark(Phase.STOP, end + 2 * SECOND, end + 3 * SECOND),
        ),
        requests=tuple(requests), outputs=tuple({o.sha256: o for o in outputs}.values()), prompts=tuple(prompts), verdicts=tuple(verdicts),
        traces=(_counter(end + 3 * SECOND, method),),
    )  # fmt: skip
    assert made.facts is not None
    return replace(made, facts=replace(made.facts, dtype="float32"))


def _counter(end_ns: int, method: Method) -> Trace:
    """Return a counter of 10 W, read twice a second."""
    times = [step * SECOND // 2 for step in range(2 * end_ns // SECOND + 4)]
    meter, domain = ("rapl", "package-0") if method is Method.MEASURED else ("estimate", "cpu")
    return Trace(
        meter,
        domain,
        "energy",
        TraceKind.COUNTER,
        "J",
        method,
        array("q", times),
        array("d", [WATTS * t / SECOND for t in times]),
    )


def judged_dataset(answers: Answers, repetitions: int = 3, *, method: Method = Method.MEASURED, **changes: Any) -> Dataset:
    """Return the dataset of a study whose configurations answer as given."""
    plan = make_plan(Study.model_validate(quality_study(repetitions, **changes)), "prompts")
    return recorded_dataset(plan, _records(plan, answers, None, method))


def judged_store(
    folder: Path, answers: Answers, texts: Mapping[str, str] | None = None, *, method: Method = Method.MEASURED, **changes: Any
) -> Path:
    """Write such a study and the store of its runs into a folder; return the study file."""
    file = folder / "studies" / "judged.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(yaml.safe_dump(quality_study(**changes), sort_keys=False), encoding="utf-8")
    (folder / "cache").mkdir(exist_ok=True)
    Store(folder / "cache" / STORE_FILE).append(_records(open_plan(file).plan, answers, texts, method))
    return file


def _records(plan: Plan, answers: Answers, texts: Mapping[str, str] | None, method: Method) -> list[RunRecord]:
    return [answered(run, answers, texts, method=method) for run in plan.runs]


def solved(count: int, of: int = 20, first: int = 0) -> list[bool]:
    """Return that `count` problems from `first` on are solved."""
    return [first <= index < first + count for index in range(of)]
