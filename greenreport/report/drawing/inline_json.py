"""JSON inside a page: safe in a script element, and the rows of a chart as columns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def embedded_json(value: object) -> str:
    """Return JSON that is safe inside a script element: no `<` can end it, no line separator can break it."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def packed(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a specification whose rows are columns, as the page's script takes them: names once, and texts that recur once.

    ::

        [{"a": 1, "b": "x"}, {"a": 2, "b": "x"}]  →  {"names": ["a", "b"], "columns": [{"values": [1, 2]}, {"values": ["x"], "at": [0, 0]}]}
    """
    return {**spec, "datasets": {name: _columns(rows) for name, rows in spec.get("datasets", {}).items()}}


def _columns(rows: list[dict[str, Any]]) -> Any:
    names = sorted(rows[0]) if rows else []
    if not names or any(sorted(row) != names for row in rows):
        return rows
    return {"names": names, "columns": [_column([row[name] for row in rows]) for name in names]}


def _column(values: list[Any]) -> dict[str, list[Any]]:
    """Return the values of a column: the distinct texts and which of them each row has, where that is shorter."""
    texts = list(dict.fromkeys(value for value in values if isinstance(value, str)))
    if len(texts) * 2 > len(values) or not all(isinstance(value, str) for value in values):
        return {"values": values}
    places = {text: place for place, text in enumerate(texts)}
    return {"values": texts, "at": [places[value] for value in values]}
