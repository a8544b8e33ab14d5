"""What was declared before the first run, and what changed later. Every run keeps the declaration it was made under."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from greenreport.analysis.measure.dataset import Dataset
from greenreport.study import registration, registration_digest

#: Of a declared value that changed, at most so many characters are told.
LONGEST = 80


@dataclass(frozen=True, slots=True)
class Change:
    """A later change: what changed, and how many of the runs had already been made."""

    what: str
    after: int
    runs: int


@dataclass(frozen=True, slots=True)
class Preregistration:
    """The declaration under which the first run was made.

    Attributes:
        digest: sha256 of questions, hypotheses, tests and exclusion rules.
        at: UTC time of the first run.
    """

    digest: str
    at: str
    changes: tuple[Change, ...]


def preregistration(dataset: Dataset) -> Preregistration | None:
    """Return the first declaration and every later change; None where no run has a declaration (imported results)."""
    runs = sorted(dataset.runs, key=lambda run: run.started_at)
    registrations = [(run.started_at, run.spec.registration) for run in runs if run.spec.registration]
    if not registrations:
        return None
    first_run, first = registrations[0]
    declared = [*(declaration for _, declaration in registrations), registration(dataset.study)]
    changes = tuple(
        Change(what, number, len(registrations))
        for number, (before, after) in enumerate(pairwise(declared), start=1)
        for what in _differences(before, after)
    )
    return Preregistration(registration_digest(first), first_run, changes)


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Yield what changed, in words; another order of the hypotheses is not a change."""
    if registration_digest(before) == registration_digest(after):
        return
    yield from _entries("question", before.get("questions", {}), after.get("questions", {}))
    hypotheses = [{item["id"]: item for item in side.get("hypotheses", ())} for side in (before, after)]
    yield from _entries("hypothesis", *hypotheses)
    numbers = [_number(side.get("repetitions")) for side in (before, after)]
    if before.get("repetitions") != after.get("repetitions"):
        yield (
            f"repetitions changed from {numbers[0]} to {numbers[1]}"
            if numbers[0] != numbers[1]
            else "the rule that ends the repetitions changed"
        )
    for section, name in (
        ("exclude", "excluded cells"),
        ("fidelity", "the fidelity gate"),
        ("validity", "the validity rules"),
        ("outliers", "the outlier policy"),
        ("sweep", "the sweep"),
        ("objective", "the latency objective"),
    ):
        if before.get(section) != after.get(section):
            yield f"{name} changed{_how(before.get(section), after.get(section))}"


def _number(repetitions: Any) -> str:
    """Return a registered number of repetitions in words."""
    if isinstance(repetitions, Mapping):
        return f"{repetitions.get('at_least')} to {repetitions.get('at_most')}"
    return str(repetitions)


def _entries(kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            yield f"{kind} {name} added"
        elif name not in after:
            yield f"{kind} {name} removed"
        elif before[name] != after[name]:
            yield f"{kind} {name} changed{_how(before[name], after[name])}"


def _how(before: Any, after: Any) -> str:
    """Return what was declared before and after, as the end of a sentence: ``: alpha 0.05 → 0.01``."""
    if isinstance(before, Mapping) or isinstance(after, Mapping):
        sides = [side if isinstance(side, Mapping) else {} for side in (before, after)]
        keys = [key for key in dict.fromkeys((*sides[0], *sides[1])) if sides[0].get(key) != sides[1].get(key)]
        return f": {'; '.join(f'{key} {_declared(sides[0].get(key))} → {_declared(sides[1].get(key))}' for key in keys)}"
    return f": {_declared(before)} → {_declared(after)}"


def _declared(value: Any) -> str:
    """Return a declared value as a study file could have it, not longer than a line."""
    if value is None:
        return "none"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
