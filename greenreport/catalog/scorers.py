"""The scorers: what judges whether an answer is right, and which part of a task each needs."""

from __future__ import annotations

from dataclasses import dataclass

from greenreport.catalog.table import CatalogTable


@dataclass(frozen=True, slots=True)
class ScorerInfo:
    """A scorer.

    Attributes:
        needs: the field of a task without which it can judge nothing; "" where any task does.
        target: the function that judges: ``"module:function"``, from a `Case` and a `ProgramSandbox` to a `Score`.
        revision: raised when the same answer would be judged otherwise; stored answers are then judged anew.
    """

    name: str
    label: str
    needs: str
    target: str
    revision: int = 1


#: Where a study names none, the first whose need a task has.
SCORERS = CatalogTable(
    "greenreport.scorers",
    ScorerInfo,
    (
        ScorerInfo("unit_tests", "unit tests", "test", "greenreport.quality.scorers:unit_tests"),
        ScorerInfo("exact_match", "expected text", "answers", "greenreport.quality.scorers:exact_match"),
        ScorerInfo("pattern", "pattern", "pattern", "greenreport.quality.scorers:pattern"),
    ),
)
