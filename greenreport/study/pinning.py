"""Revisions written into the text of a study file; comments and layout stay as they are."""

from __future__ import annotations

import re
from collections.abc import Mapping

import yaml

_NUMBER = re.compile(r"[0-9]+(e[0-9]*)?")


def with_revisions(text: str, revisions: Mapping[int, str]) -> str:
    """Return the text of a study with other revisions of its models.

    Args:
        text: a study file that was read and is in order.
        revisions: number of the model, from 0 → its revision.

    Raises:
        KeyError: the `hub:` of a model is not written where the model is, but merged into it.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if root is None:
        raise KeyError("models")
    models = _entries(root)["models"][1]
    edits: dict[tuple[int, int], str] = {}
    for number, commit in revisions.items():
        revision = f"'{commit}'" if _NUMBER.fullmatch(commit) else commit
        node = models.value[number]
        entries = _entries(node)
        if "revision" in entries:
            value = entries["revision"][1]
            start, end = value.start_mark.index, value.end_mark.index
            edits[start, end] = revision if start < end else f" {revision}"
            continue
        key, value = entries["hub"]
        end = value.end_mark.index
        if node.flow_style:
            edits[end, end] = f", revision: {revision}"
        else:
            line = text.find("\n", end)
            place = len(text) if line < 0 else line
            edits[place, place] = f"\n{' ' * key.start_mark.column}revision: {revision}"
    for (start, end), written in sorted(edits.items(), reverse=True):
        text = text[:start] + written + text[end:]
    return text


def _entries(node: yaml.Node) -> dict[str, tuple[yaml.Node, yaml.Node]]:
    return {key.value: (key, value) for key, value in node.value}
