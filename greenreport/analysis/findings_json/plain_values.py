"""Results as plain values, which JSON can hold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from greenreport.analysis.stats import NotComputable
from greenreport.units import THIN

Json = dict[str, Any]


def plain_text(text: str) -> str:
    """Return a printed text with ordinary spaces."""
    return text.replace(THIN, " ").replace("\u00a0", " ")


def plain_value(value: Any) -> Any:
    """Return a value as JSON holds it: a dataclass as an object of its fields, an enum as its value, a number that is not finite as null."""
    match value:
        case Enum():
            return value.value
        case str():
            return plain_text(value)
        case float():
            return value if math.isfinite(value) else None
        case NotComputable():  # in the place of an interval
            return {"low": None, "high": None, "reason": value.reason}
        case Mapping():
            return {key: plain_value(item) for key, item in value.items()}
        case Set():
            return sorted(map(plain_value, value))
        case list() | tuple():
            return [plain_value(item) for item in value]
    if is_dataclass(value):
        return {field.name: plain_value(getattr(value, field.name)) for field in fields(value)}
    return value


def pick(item: object, *names: str) -> Json:
    """Return some attributes of an object by their names."""
    return {name: getattr(item, name) for name in names}
