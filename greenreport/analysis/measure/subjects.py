"""What the models of a dataset are in words: models, or models doing different work or on different machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from greenreport.units import counted, listed


@dataclass(frozen=True, slots=True)
class Subject:
    """The noun for what configurations are compared on."""

    singular: str
    plural: str

    def of(self, number: int) -> str:
        """Return the noun for a number of them."""
        return self.singular if number == 1 else self.plural

    def counted(self, number: int) -> str:
        """Return a number of them in words: ``3 models``."""
        return counted(number, self.singular, self.plural)


MODELS = Subject("model", "models")


def subject_of(parts: Sequence[str]) -> Subject:
    """Return the noun for what is told apart by these things: ``size``, ``combination of model and length``; models by nothing else."""
    if not parts:
        return MODELS
    if len(parts) == 1:
        return Subject(parts[0], _plural(parts[0]))
    together = listed(parts)
    return Subject(f"combination of {together}", f"combinations of {together}")


def _plural(noun: str) -> str:
    """Return the plural of a name that a table gives: ``sizes``, ``categories``, ``classes``."""
    if noun.endswith("y") and not noun.endswith(("ay", "ey", "oy", "uy")):
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "ch", "sh")) else f"{noun}s"
