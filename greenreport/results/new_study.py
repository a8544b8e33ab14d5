"""A study file for imported results: questions and hypotheses about what they measured, ready to edit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from greenreport.analysis.measure.imported_dataset import QUESTIONS
from greenreport.catalog import METRICS
from greenreport.errors import UsageError
from greenreport.store import Store
from greenreport.store.observations import observed_studies
from greenreport.units import safe_slug

#: Questions about what most imported results do not have, behind those that every study of them asks.
FURTHER = {
    "RQ4": (
        "How does the serving configuration affect what a user waits for, and how much is served?",
        ("latency_s", "ttft_s", "tbt_s", "throughput_tokens_per_s", "throughput_requests_per_s"),
    ),
    "RQ5": ("How does the serving configuration affect how often answers are right?", ("accuracy_pct",)),
}


def write_new_study(store: Store, name: str, file: Path) -> None:
    """Write a study file that asks about imported results.

    Raises:
        UsageError: the store has no such results, or the file exists.
    """
    observed = observed_studies(store, name)
    if name not in observed:
        others = ", ".join(sorted(observed_studies(store))) or "none"
        raise UsageError(f"no results are imported under the name {name}; imported: {others}")
    if file.exists():
        raise UsageError(f"{file} exists already; choose another name")
    source, rows = observed[name]
    file.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join(_lines(safe_slug(file.stem), name, source, {row.metric for row in rows}))
    file.write_text(f"{text}\n", encoding="utf-8")


def _lines(study: str, name: str, source: str, metrics: set[str]) -> Iterator[str]:
    asked = {
        question: (text, [m for m in listed if m in metrics]) for question, (text, listed) in (QUESTIONS | FURTHER).items()
    }
    asked = {question: (text, listed) for question, (text, listed) in asked.items() if listed}
    yield f"# Questions about imported results; docs/imports.md explains the keys. From: {json.dumps(source, ensure_ascii=False)}"
    yield f"study: {study}"
    yield f"title: {json.dumps(f'Imported results: {name}')}"
    yield f"imported: {name}"
    yield "# authors: [{name: Who measured this}]"
    yield '# cites: ["How to cite it"]'
    if asked:
        yield "questions:"
        yield from (f"  {question}: {json.dumps(text)}" for question, (text, _) in asked.items())
        yield "hypotheses:"
        for question, (_, listed) in asked.items():
            for number, metric in enumerate(listed):
                yield f"  - {{id: H{question[2:]}.{number}, question: {question}, metric: {metric}}}  # {METRICS[metric].label.lower()}"
