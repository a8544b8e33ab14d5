"""Sentences for validation errors: what is wrong, what is allowed, what was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pydantic_core import ErrorDetails

from greenreport.catalog import METERS
from greenreport.study.field_types import IDENTIFIER, Spec
from greenreport.study.meter_options import MeterUse, options_of
from greenreport.study.protocol import TAGS
from greenreport.study.spec import Study


@dataclass(frozen=True, slots=True)
class Remark:
    """A problem at a location of the study, before it has a line."""

    at: tuple[str | int, ...]
    message: str
    warning: bool = False


def shown(value: object) -> str:
    """Return a value as messages quote it, never longer than a line."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…" + text[-1]


def nearest(value: object, allowed: Iterable[str]) -> str:
    """Return ``, did you mean 'onnx'?``, or an empty text where no allowed name is near."""
    if not isinstance(value, str) or len(value) > 100:
        return ""
    matches = difflib.get_close_matches(value.lower(), list(allowed), n=1, cutoff=0.6)
    return f", did you mean {matches[0]!r}?" if matches else ""


def unknown(kind: str, value: object, allowed: Iterable[str]) -> str:
    """Return the sentence for a name that is not known: nearest match and allowed values."""
    names = sorted(allowed)
    listed = (", ".join(names[:40]) or "none is declared") + (", …" if len(names) > 40 else "")
    hint = nearest(value, names)
    return f"unknown {kind} {shown(value)}{hint or '.'} Allowed: {listed}"


def explain(error: ErrorDetails, data: Mapping[str, Any], kind: type[Spec] = Study) -> Remark:
    """Translate one pydantic error of a file whose sections are of this kind."""
    location = tuple(part for part in error["loc"] if part not in TAGS)
    at = _location(location, data)
    key = str(location[-1]) if location else kind.__name__.lower()
    value = error.get("input")
    context = error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            return Remark(at, unknown("key", key, _fields_at(location[:-1], kind)))
        case "union_tag_invalid":
            return Remark(at, unknown("meter", context["tag"], METERS))
        case "union_tag_not_found":
            return Remark(at, f"{shown(value)} is not one meter; write its name, or its name with options")
        case "missing":
            return Remark(at, f"missing key {key!r}{_where(at)}")
        case "literal_error" | "enum":
            allowed = [part.strip(" '") for part in str(context.get("expected", "")).replace(" or ", ",").split(",")]
            return Remark(at, unknown(key, value, allowed))
        case "string_pattern_mismatch" if context.get("pattern") == IDENTIFIER:
            return Remark(
                at, f"{key}: {shown(value)} is not a short name; use a-z, 0-9, '.', '_' and '-', at most 80 characters"
            )
        case "too_short" if value in ((), []):
            return Remark(at, f"{key}: at least one entry is needed")
        case "value_error":
            return Remark(at, f"{key}: {context.get('error', error['msg'])}")
        case "model_type" | "dict_type" | "tuple_type" | "list_type" | "model_attributes_type":
            wanted = "a list" if error["type"] in ("tuple_type", "list_type") else "a mapping of keys to values"
            return Remark(at, f"{key}: {shown(value)} should be {wanted}")
        case _:
            return Remark(at, f"{key}: {shown(value)} is not allowed: {error['msg'][:1].lower()}{error['msg'][1:]}")


def _where(at: tuple[str | int, ...]) -> str:
    return f" in {'.'.join(map(str, at[:-1]))}" if len(at) > 1 else ""


def _location(location: tuple[str | int, ...], data: Mapping[str, Any]) -> tuple[str | int, ...]:
    """Drop the parts of a pydantic location that do not exist in the file."""
    at: list[str | int] = []
    value: Any = data
    for part in location:
        in_file = part in value if isinstance(value, Mapping) else isinstance(value, list) and part in range(len(value))
        if in_file:
            value = value[part]
        elif part is not location[-1]:
            continue
        at.append(part)
    return tuple(at)


def _fields_at(location: tuple[str | int, ...], kind: type[Spec]) -> list[str]:
    """Return the keys allowed at a location."""
    current = kind
    for part in location:
        if isinstance(part, str) and part in current.model_fields:
            current = _spec_in(current.model_fields[part].annotation) or current
        elif current is MeterUse and part in METERS:
            current = options_of(str(part))
    return [name for name in current.model_fields if name != "name" or not issubclass(current, MeterUse)]


def _spec_in(annotation: Any) -> type[Spec] | None:
    """Return the section type inside an annotation such as ``tuple[Model, ...] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, Spec):
        return annotation
    for argument in get_args(annotation):
        section = _spec_in(argument)
        if section is not None:
            return section
    return None
