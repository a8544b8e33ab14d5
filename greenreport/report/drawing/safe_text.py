"""Texts of studies and their results, made safe to show: nobody here wrote them."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

#: Control characters, separators of lines and direction overrides: invisible, and able to break lines of code or to reorder the words around them.
INVISIBLE = dict.fromkeys(
    [*(c for c in range(32) if c not in (9, 10)), 127, *range(0x200E, 0x2010), *range(0x2028, 0x202F), *range(0x2066, 0x206A)]
)


def visible(value: object) -> object:
    """Return a text without invisible characters; other values are returned unchanged."""
    if isinstance(value, Markup):
        return Markup(str(value).translate(INVISIBLE))  # noqa: S704 - it was markup already
    return value.translate(INVISIBLE) if isinstance(value, str) else value


def on_one_line(text: str) -> str:
    """Return a text on one line, without what is invisible in it."""
    return " ".join(str(visible(text)).split())


def visible_parts(value: Any) -> Any:
    """Return a nested value, as parsed from JSON, with `visible` applied to every text in it."""
    if isinstance(value, dict):
        return {key: visible_parts(part) for key, part in value.items()}
    if isinstance(value, list):
        return [visible_parts(part) for part in value]
    return visible(value)
