"""Adjustment of p values for the number of tests in a family; the raw ones are kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Correction: TypeAlias = Literal["holm", "bonferroni", "none"]


@dataclass(frozen=True, slots=True)
class AdjustedP:
    """A p value of a family, raw and adjusted; both None where the test was not computable."""

    raw: float | None
    adjusted: float | None


def adjust(p_values: Sequence[float | None], method: Correction = "holm") -> tuple[AdjustedP, ...]:
    """Adjust a family of p values; None and NaN pass through and do not count as tests.

    Args:
        method: Holm 1979 (Scandinavian Journal of Statistics 6), Bonferroni, or none.
    """
    raw = [None if p is None or math.isnan(p) else float(p) for p in p_values]
    present = sorted((p, place) for place, p in enumerate(raw) if p is not None)
    adjusted: list[float | None] = list(raw)
    highest = 0.0
    for rank, (p, place) in enumerate(present):
        factor = {"holm": len(present) - rank, "bonferroni": len(present), "none": 1}[method]
        highest = max(highest, min(1.0, factor * p))
        adjusted[place] = highest
    return tuple(AdjustedP(p, q) for p, q in zip(raw, adjusted, strict=True))
