"""The multiverse of the leading claims, for `document`."""

from __future__ import annotations

from greenreport.analysis.findings_json.plain_values import Json, pick
from greenreport.analysis.hypotheses.multiverse import Choices, Multiverse


def other_analyses(item: Multiverse) -> Json:
    """Return every analysis of a claim, and those that are left out."""
    return {
        "claim": item.claim.id,
        **pick(item, "agreeing", "certain"),
        "analyses": [{**_choices(way.choices), **pick(way, "value", "ci", "declared")} for way in item.ways],
        "left_out": [{**_choices(part.choices), "reason": part.reason} for part in item.left_out],
    }


def _choices(choices: Choices) -> Json:
    return {
        **pick(choices, "idle", "outliers", "method"),
        **pick(choices.method, "test", "average"),
        "admitted": choices.admitted,
    }
