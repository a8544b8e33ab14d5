"""Texts made of words and claims.

A page prints a claim as its size in words with a link to its derivation. A number never stands in a text by itself unless it
counts something (models, pairs, runs) or is a statistic of a named test.
"""

from __future__ import annotations

from greenreport.analysis.hypotheses.claims import Claim

Text = tuple[str | Claim, ...]


def plain(text: Text) -> str:
    """Return a text with its claims in words, for attributes and feeds."""
    return "".join(part if isinstance(part, str) else f"{part.size()}{against(text, place)}" for place, part in enumerate(text))


def against(text: Text, place: int) -> str:
    """Return what the claim at this place of a text is compared with: `` than Torch · CPU``.

    Of several claims in a row against the same, only the last one says it: “twice the throughput and 40 % less energy than …”.
    """
    claim = text[place]
    assert isinstance(claim, Claim)
    later = next((part for part in text[place + 1 :] if isinstance(part, Claim)), None)
    if later is not None and later.denominator == claim.denominator and later.numerator == claim.numerator:
        return ""
    return f" {claim.compared_with()}"
