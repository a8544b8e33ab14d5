"""The words of findings: amounts, p values, lists, and the sentence on what a defect does to the answer."""

from __future__ import annotations

from collections.abc import Sequence

from greenreport.audit.findings import ResultAnswer, ResultEffect
from greenreport.units import counted, listed, number, quantity

#: So many names are listed; of more, the first, and how many there are.
_NAMED = 4


def amount(value: float, unit: str, digits: int = 4) -> str:
    """Print a value of a metric: 262 kJ, 49.97 s, 0.633."""
    return quantity(value, unit, digits)


def rows_of(count: int, of: int) -> str:
    """Print how many rows are meant: 29 of 900 rows, 1 of 120 rows, the only row."""
    return f"{count:,} of {of:,} rows" if of > 1 else "the only row"


def rows_that(count: int, of: int, column: str, one: str, many: str) -> str:
    """Print a subject with its verb: 1 of 120 rows of `energy` is, 29 of 900 rows of `energy` are."""
    return f"{rows_of(count, of)} of `{column}` {one if count == 1 else many}"


def names(parts: Sequence[str]) -> str:
    """Print names as a part of a sentence, of many the first few: `a`, `b` and 3 more."""
    quoted = [f"`{part}`" for part in parts[:_NAMED]]
    return listed(quoted if len(parts) <= _NAMED else [*quoted, f"{len(parts) - _NAMED} more"])


def p_text(p: float) -> str:
    """Print a p value with its order of magnitude, which is what defects change: 0.031, 5.45e-08."""
    return f"{p:.3g}" if p < 0.001 else f"{p:.3f}"


def compared(effect: ResultEffect) -> str:
    """Return what an effect compares, and how it is tested."""
    if not effect.factor:
        return f"Mean of {effect.column}"
    within = f" within {effect.within}" if effect.within else ""
    test = f" ({effect.test.value})" if effect.test is not None else ""
    return f"Levels of {effect.factor} compared by {effect.column}{within}{test}"


def describe(effect: ResultEffect) -> str:
    """Return what a defect does to the answer, as one or two sentences."""
    answers = "; ".join(f"{answer.basis}: {_answer(answer, effect)}" for answer in (effect.as_is, *effect.instead))
    told = f"{compared(effect)}: {answers}."
    if effect.comparisons < 2:
        return told
    return f"{told} The answer changes in {effect.changed:,} of {effect.comparisons:,} comparisons; this is the one that changes most."


def _answer(answer: ResultAnswer, effect: ResultEffect) -> str:
    if not answer.rows:
        return "no row is left"
    rows = counted(answer.rows, "row")
    if not answer.best:
        return f"{amount(answer.mean, effect.unit)} ({rows})"
    ratio = f"{answer.best} is better than {answer.worst}"
    if answer.best == answer.worst:
        ratio = "all levels are equal"
    elif answer.ratio is not None:
        ratio += f" by a factor of {number(answer.ratio)}"
    p = f", p = {p_text(answer.p)}" if answer.p is not None else ""
    return f"{ratio}{p} ({rows})"
