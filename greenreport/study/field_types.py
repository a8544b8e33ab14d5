"""Types of the fields of a study file: names, texts, numbers, and the base of every section."""

from __future__ import annotations

import sys
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from greenreport.units import is_portable, parse_count, parse_share

IDENTIFIER = r"^[a-z0-9][a-z0-9._-]{0,79}$"


def _portable(name: str) -> str:
    if not is_portable(name):
        raise ValueError(f"{name!r} cannot be the name of a file on Windows; choose another one")
    return name


Identifier = Annotated[str, Field(pattern=IDENTIFIER), AfterValidator(_portable)]
QuestionId = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9._-]{0,19}$")]
Text = Annotated[str, Field(min_length=1, max_length=20_000)]
Label = Annotated[str, Field(min_length=1, max_length=300)]
#: More of anything that is counted (prompts of a batch, clients, threads) is surely a slip of the pen.
Positive = Annotated[int, Field(ge=1, le=1_000_000)]
#: What generators of random numbers take.
Seed = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Seconds = Annotated[float, Field(ge=0, le=86_400)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[
    int,
    BeforeValidator(lambda value: parse_count(value) if isinstance(value, str) else value),
    Field(ge=1, le=10**15),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": 10**15},
                {"type": "string", "pattern": r"^[0-9.]+\s*[kKMBG]?$"},
            ]
        }
    ),
]
Share = Annotated[
    float,
    BeforeValidator(lambda value: parse_share(value) if isinstance(value, str) else value),
    Field(gt=0, le=1),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
                {"type": "string", "pattern": r"^[0-9.]+\s*%?$"},
            ]
        }
    ),
]
Tag = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}$")]
Scalar = Annotated[str, Field(max_length=4000)] | bool | int | float


#: Entries of a list of a study; models and configurations have limits of their own.
MOST_ENTRIES = 300
_Entry = TypeVar("_Entry")
Entries = Annotated[tuple[_Entry, ...], Field(max_length=MOST_ENTRIES)]


#: True in the process that others are forked from, whose first import is `fork_preload`, and in those others. They are handed studies that
#: were checked before, so pydantic need not build these types when they are defined, which takes a fifth of the time of their imports.
#: A process that reads a study needs them all.
HANDED_STUDIES = "greenreport.execute.fork_preload" in sys.modules


class Spec(BaseModel):
    """Base of every section: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, defer_build=HANDED_STUDIES)

    #: Keys of earlier versions that could have one value only; with that value they are still accepted, and mean nothing.
    RETIRED: ClassVar[dict[str, str]] = {}

    @model_validator(mode="before")
    @classmethod
    def _without_retired(cls, data: Any) -> Any:
        if not cls.RETIRED or not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if (key, value) not in cls.RETIRED.items()}
