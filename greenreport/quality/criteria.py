"""What the answers of a study are judged by: for each prompt its task, the scorer, and the digest of everything that decides."""

from __future__ import annotations

from dataclasses import dataclass

from greenreport.catalog import SCORERS, ScorerInfo
from greenreport.errors import UsageError
from greenreport.study import Quality, Study
from greenreport.workloads.prompts import PromptList, text_digest
from greenreport.workloads.tasks import Task


@dataclass(frozen=True, slots=True)
class Criterion:
    """What the answers to a prompt are judged by.

    Attributes:
        digest: known by it are the task, the scorer with its revision, the limits, and how a program is found in an answer.
    """

    prompt: str
    task: Task
    scorer: ScorerInfo
    digest: str


def criteria(study: Study, prompts: PromptList) -> dict[str, Criterion]:
    """Return what the answers to each prompt are judged by, by the digest of the prompt; those without a task are left out.

    Raises:
        UsageError: the study declares no judgement, or no prompt has what its scorer needs.
    """
    quality = study.quality
    if quality is None:
        raise UsageError(f"{study.study} declares no `quality:`, so its answers are not judged; add `quality: {{}}`")
    found = {}
    for text, task in zip(prompts.texts, prompts.tasks, strict=False):
        scorer = None if task is None else _scorer(task, quality)
        if task is not None and scorer is not None:
            digest = task.digest(
                scorer.name, scorer.revision, quality.time_limit_s, quality.memory_limit_mb, study.workload.api
            )
            found[text_digest(text)] = Criterion(text, task, scorer, digest)
    if not found:
        needed = "task" if quality.scorer is None else f"task for the scorer {quality.scorer}"
        sliced = "; with `slice_tokens` they have none" if study.workload.prompts.slice_tokens is not None else ""
        raise UsageError(f"no prompt of {study.study} ({prompts.source}) has a {needed}{sliced}; see docs/quality.md")
    return found


def _scorer(task: Task, quality: Quality) -> ScorerInfo | None:
    """Return what judges the answers to a task; None where the task does not have what it needs."""
    chosen = SCORERS.values() if quality.scorer is None else [SCORERS[quality.scorer]] if quality.scorer in SCORERS else []
    needs = {
        "test": task.test is not None,
        "answers": bool(task.answers),
        "pattern": task.pattern is not None,
        "": quality.scorer is not None,
    }
    return next((scorer for scorer in chosen if needs.get(scorer.needs)), None)
