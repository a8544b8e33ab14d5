"""Adjustment of p values for the number of tests in a family."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias

Correction: TypeAlias = Literal["holm", "bonferroni", "none"]


def adjust(p_values: Sequence[float | None], method: Correction = "holm") -> list[float | None]:
    """Return the adjusted p values of a family; None and NaN do not count as tests, and None takes their place.

    Args:
        method: Holm 1979 (Scandinavian Journal of Statistics 6), Bonferroni, or none.
    """
    ascending = sorted((p, place) for place, p in enumerate(p_values) if p is not None and not math.isnan(p))
    adjusted: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p, place) in enumerate(ascending):
        factor = {"holm": len(ascending) - rank, "bonferroni": len(ascending), "none": 1}[method]
        adjusted[place] = highest = max(highest, min(1.0, factor * p))
    return adjusted
