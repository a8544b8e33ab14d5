"""Texts that come from elsewhere, made safe to show and to use in addresses."""

from __future__ import annotations

from markupsafe import Markup

#: Control characters and direction overrides: invisible, and able to reorder the words around them.
INVISIBLE = dict.fromkeys(
    [*(c for c in range(32) if c not in (9, 10)), 127, *range(0x200E, 0x2010), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)


def visible(value: object) -> object:
    """Return a text without control characters and direction overrides; other values as they are."""
    if isinstance(value, Markup):
        return Markup(str(value).translate(INVISIBLE))  # noqa: S704 - it was markup before
    return value.translate(INVISIBLE) if isinstance(value, str) else value
