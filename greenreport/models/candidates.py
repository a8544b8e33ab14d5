"""Candidates for a study from the hub's metadata or a kept copy, and the criteria of the study applied to them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from greenreport.errors import ModelUnavailable
from greenreport.models.hub import refusals
from greenreport.regular_files import read_regular_text
from greenreport.study.model_selection import NUMBERS, Selection, SelectionCriterion

#: Bytes of a list of all models of a hub.
MOST_B = 2_000_000_000
EXPANDED = ("cardData", "createdAt", "downloads", "gated", "library_name", "likes", "pipeline_tag", "safetensors", "tags")


@dataclass(frozen=True, slots=True)
class HubModel:
    """What the hub tells of a model; None or empty where it does not.

    Attributes:
        parameters: of its safetensors files.
        base_models: models it was made from.
        evaluations: data sets of the results on its card.
        created: day, ISO 8601.
    """

    id: str
    parameters: int | None = None
    pipeline_tag: str | None = None
    tags: tuple[str, ...] = ()
    library: str | None = None
    license: str | None = None
    base_models: tuple[str, ...] = ()
    evaluations: tuple[str, ...] = ()
    downloads: int | None = None
    likes: int | None = None
    created: str | None = None
    gated: str | None = None


@dataclass(frozen=True, slots=True)
class SelectionStep:
    """A criterion as it was applied: how many models it left, and why each of the others fell out."""

    criterion: SelectionCriterion
    left: int
    fallen: tuple[tuple[str, str], ...]


def candidates(selection: Selection, folder: Path) -> tuple[HubModel, ...]:
    """Return the candidates in the order of their names: from the hub, or from a kept copy below the folder of the study.

    Raises:
        ModelUnavailable: the hub does not list them, or the file is no copy of such a list.
    """
    found = kept(folder / selection.source) if selection.source.endswith(".json") else _listed(selection.source)
    return tuple(sorted(found, key=lambda candidate: candidate.id))


def as_text(found: Sequence[HubModel]) -> str:
    """Return candidates as JSON, one a line; the same candidates give the same text."""
    return "[\n" + ",\n".join(json.dumps(asdict(item), ensure_ascii=True, sort_keys=True) for item in found) + "\n]\n"


def digest_of_text(text: str) -> str:
    """Return the SHA-256 of a list of candidates."""
    return hashlib.sha256(text.encode()).hexdigest()


def kept(file: Path) -> tuple[HubModel, ...]:
    """Read a list of candidates.

    Raises:
        ModelUnavailable: it cannot be read, or is no such list.
    """
    try:
        data = json.loads(read_regular_text(file, MOST_B))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelUnavailable(f"{file} cannot be read as a list of models: {error}") from None
    if not isinstance(data, list):
        raise ModelUnavailable(f"{file} is no list of models; `greenreport select` keeps one")
    return tuple(_checked(row, f"{file}, model {number}") for number, row in enumerate(data, start=1))


def _checked(row: Any, where: str) -> HubModel:
    names = [field.name for field in fields(HubModel)]
    if not isinstance(row, dict) or not isinstance(row.get("id"), str) or row.keys() - set(names):
        raise ModelUnavailable(f"{where} is no model: it has an `id`, and may have {', '.join(names[1:])}")
    values: dict[str, Any] = {}
    for name, value in row.items():
        if name in ("tags", "base_models", "evaluations"):
            right = isinstance(value, list) and all(isinstance(text, str) for text in value)
            values[name] = tuple(value) if right else value
        else:
            right = value is None or (type(value) is int if name in NUMBERS else isinstance(value, str))
            values[name] = value
        if not right:
            raise ModelUnavailable(f"{where}: its {name} is {str(value)[:40]!r}")
    return HubModel(**values)


def _listed(query: str) -> tuple[HubModel, ...]:
    from huggingface_hub import HfApi

    asked: dict[str, Any] = dict(parse_qsl(query))
    if "limit" in asked:
        asked["limit"] = int(asked["limit"])
    with refusals("the list of models", None, " and try again", "the hub cannot be reached for its list of models"):
        return tuple(_candidate(info) for info in HfApi().list_models(**asked, expand=list(EXPANDED)))


def _candidate(info: Any) -> HubModel:
    card = info.card_data or {}
    total = getattr(info.safetensors, "total", None)
    bases = card.get("base_model") or ()
    licence = card.get("license")
    results = getattr(card, "eval_results", None) or ()
    evaluations = {str(text) for result in results for text in (result.dataset_name, result.dataset_type)}
    return HubModel(
        id=str(info.id),
        parameters=total if isinstance(total, int) else None,
        pipeline_tag=info.pipeline_tag,
        tags=tuple(map(str, info.tags or ())),
        library=info.library_name,
        license=None if licence is None else str(licence),
        base_models=(bases,) if isinstance(bases, str) else tuple(map(str, bases)),
        evaluations=tuple(sorted(evaluations)),
        downloads=info.downloads,
        likes=info.likes,
        created=None if info.created_at is None else info.created_at.date().isoformat(),
        gated=str(info.gated).lower() if info.gated else None,
    )


def funnel(
    found: Sequence[HubModel], criteria: Sequence[SelectionCriterion], models: Sequence[str]
) -> tuple[SelectionStep, ...]:
    """Apply criteria one after the other.

    Args:
        models: repositories of the study, for `keep: models`.
    """
    steps, left = [], list(found)
    for criterion in criteria:
        reasons = [(item, _against(item, criterion, models)) for item in left]
        left = [item for item, reason in reasons if reason is None]
        steps.append(
            SelectionStep(criterion, len(left), tuple((item.id, reason) for item, reason in reasons if reason is not None))
        )
    return tuple(steps)


def _against(item: HubModel, criterion: SelectionCriterion, models: Sequence[str]) -> str | None:
    """Return why a model does not meet a criterion, or None."""
    if criterion.field is None:
        kept_ones = models if criterion.keep == "models" else criterion.keep or ()
        return None if item.id in kept_ones else "not kept"
    value = getattr(item, criterion.field)
    name = criterion.field.replace("_", " ")
    if criterion.absent:
        return f"{name}: {_words(value)}" if value else None
    texts = [text.lower() for text in ((value,) if isinstance(value, str) else value if isinstance(value, tuple) else ())]
    if criterion.none_of:
        return f"{name}: {_words(value)}" if {text.lower() for text in criterion.none_of} & set(texts) else None
    if value is None or value == ():
        return f"{name} not known"
    meets = (
        value < criterion.below
        if criterion.below is not None
        else value >= criterion.at_least
        if criterion.at_least is not None
        else value < criterion.before.isoformat()
        if criterion.before is not None
        else any(criterion.contains.lower() in text for text in texts)
        if criterion.contains is not None
        else bool({text.lower() for text in criterion.any_of} & set(texts))
    )
    return None if meets else f"{name}: {_words(value)}"


def _words(value: object) -> str:
    text = ", ".join(value) if isinstance(value, tuple) else f"{value:,}" if isinstance(value, int) else str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
