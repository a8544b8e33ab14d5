"""Sentences for validation errors: what is wrong, what is allowed, what was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, get_args

from pydantic_core import ErrorDetails

from greenreport.catalog import METERS
from greenreport.study.field_types import IDENTIFIER, Spec
from greenreport.study.meter_options import MeterUse, options_of
from greenreport.study.protocol import TAGS
from greenreport.study.spec import Study

Location: TypeAlias = tuple[str | int, ...]


#: Names other tools have for what is meant here.
SYNONYMS = {
    "fp16": "float16", "half": "float16", "fp32": "float32", "float": "float32", "bf16": "bfloat16", "nvidia": "cuda",
    "amd": "rocm", "intel": "xpu", "apple": "mps", "trt": "tensorrt", "dml": "directml", "pytorch": "torch", "eager": "torch", "compile": "torch_compile", "onnxruntime": "onnx", "ort": "onnx", "llama.cpp": "llamacpp",
    "llama_cpp": "llamacpp", "llama-server": "llamacpp", "openvino_genai": "openvino-genai", "onnxruntime_genai": "onnxruntime-genai",
    "time": "duration_s", "time_s": "duration_s", "wall_time_s": "duration_s", "runtime_s": "duration_s", "elapsed_s": "duration_s",
}  # fmt: skip
#: Servers that people take for engines of a study.
SERVERS = frozenset({"vllm", "sglang", "tgi", "ollama", "lmstudio", "triton", "litellm"})


@dataclass(frozen=True, slots=True)
class Remark:
    """A problem at a location of the study, before it has a line."""

    at: Location
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
    allowed = list(allowed)
    if (meant := SYNONYMS.get(value.lower())) in allowed:
        return f", did you mean {meant!r}?"
    matches = difflib.get_close_matches(value.lower(), allowed, n=1, cutoff=0.6)
    return f", did you mean {matches[0]!r}?" if matches else ""


def unknown(kind: str, value: object, allowed: Iterable[str]) -> str:
    """Return the sentence for a name that is not known: nearest match and allowed values."""
    names = sorted(allowed)
    if kind == "engine" and str(value).lower() in SERVERS:
        return (
            f"unknown engine {shown(value)}: it is a server; write `engine: endpoint` for one that is already running, "
            "or `engine: command` for one that greenreport should start (docs/servers.md)"
        )
    listed = (", ".join(names[:40]) or "none is declared") + (", …" if len(names) > 40 else "")
    return f"unknown {kind} {shown(value)}{nearest(value, names) or '.'} Allowed: {listed}"


def explain(error: ErrorDetails, data: Mapping[str, Any], kind: type[Spec] = Study) -> Remark:
    """Translate one pydantic error of a file whose sections are of this kind."""
    location = tuple(part for part in error["loc"] if part not in TAGS)
    return Remark(_location(location, data), _sentence(error, location, data, kind))


def _sentence(error: ErrorDetails, location: Location, data: Mapping[str, Any], kind: type[Spec]) -> str:
    key = next((part for part in reversed(location) if isinstance(part, str)), kind.__name__.lower())
    value = error.get("input")
    context = error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            return unknown("key", key, _fields_at(location[:-1], kind))
        case "union_tag_invalid":
            return unknown("meter", context["tag"], METERS)
        case "union_tag_not_found":
            return f"{shown(value)} is not one meter; write its name, or its name with options"
        case "missing":
            section = ".".join(map(str, _location(location, data)[:-1]))
            return f"missing key {key!r} in {section}" if section else f"missing key {key!r}"
        case "literal_error" | "enum":
            allowed = [part.strip(" '") for part in str(context.get("expected", "")).replace(" or ", ",").split(",")]
            return unknown(key, value, allowed)
        case "string_pattern_mismatch" if context.get("pattern") == IDENTIFIER:
            return f"{key}: {shown(value)} is not a short name; use a-z, 0-9, '.', '_' and '-', at most 80 characters"
        case "too_short" if value in ((), []):
            return f"{key}: at least one entry is needed"
        case "value_error":
            return f"{key}: {context.get('error', error['msg'])}"
        case "model_type" | "dict_type" | "tuple_type" | "list_type" | "model_attributes_type":
            wanted = "a list" if error["type"] in ("tuple_type", "list_type") else "a mapping of keys to values"
            return f"{key}: {shown(value)} should be {wanted}"
        case _:
            return f"{key}: {shown(value)} is not allowed: {error['msg'][:1].lower()}{error['msg'][1:]}"


def _location(location: Location, data: Mapping[str, Any]) -> Location:
    """Drop the parts of a pydantic location that do not exist in the file."""
    at: list[str | int] = []
    value: Any = data
    for part in location:
        if part in value if isinstance(value, Mapping) else isinstance(value, list) and part in range(len(value)):
            value = value[part]
        elif part is not location[-1]:
            continue
        at.append(part)
    return tuple(at)


def _fields_at(location: Location, kind: type[Spec]) -> list[str]:
    """Return the keys allowed at a location."""
    current = kind
    for part in location:
        if isinstance(part, str) and part in current.model_fields:
            current = _spec_in(current.model_fields[part].annotation) or current
        elif current is MeterUse and part in METERS:
            current = options_of(str(part))
    names = {name: field.alias or name for name, field in current.model_fields.items()}
    return [names[name] for name in names if name != "name" or not issubclass(current, MeterUse)]


def _spec_in(annotation: Any) -> type[Spec] | None:
    """Return the section type inside an annotation such as ``tuple[Model, ...] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, Spec):
        return annotation
    return next(filter(None, map(_spec_in, get_args(annotation))), None)
