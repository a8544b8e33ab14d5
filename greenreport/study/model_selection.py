"""How the models of a study were chosen: where candidates come from, and criteria that leave fewer of them one after the other."""

from __future__ import annotations

import datetime
from typing import Annotated, Literal
from urllib.parse import parse_qsl

from pydantic import AfterValidator, Field, model_validator

from greenreport.study.field_types import Count, Entries, Label, Spec

#: What a query of the hub may ask for, in the words of its API.
QUERY_KEYS = ("pipeline_tag", "search", "author", "filter", "sort", "limit")
Repository = Annotated[str, Field(pattern=r"^[\w.-]+(/[\w.-]+)?$")]
FieldName = Literal[
    "parameters", "pipeline_tag", "tags", "library", "license", "base_models", "evaluations", "downloads", "likes", "created", "gated",
]  # fmt: skip
NUMBERS = ("parameters", "downloads", "likes")


def _query(source: str) -> str:
    if source.endswith(".json"):
        return source
    parts = dict(parse_qsl(source, strict_parsing=True))
    wrong = sorted(parts.keys() - set(QUERY_KEYS))
    if wrong:
        raise ValueError(f"a query of the hub has no {wrong[0]!r}; it has {', '.join(QUERY_KEYS)}")
    if not parts.get("limit", "1").isdecimal():
        raise ValueError("limit= takes a whole number")
    return source


class SelectionCriterion(Spec):
    """A criterion: a test of a fact that the hub tells of a model, or a list of those that people kept."""

    text: Label = Field(description="the criterion in words, as the methods page prints it")
    field: FieldName | None = Field(None, description="fact of a model; one that is not known meets no test but `absent`")
    below: Count | None = Field(None, description="the number is below this: 5B")
    at_least: Count | None = Field(None, description="the number is this or more")
    before: datetime.date | None = Field(None, description="the day of `created` is before this one")
    any_of: Entries[Label] = Field((), description="it is one of these, or a list that holds one of them; case does not matter")
    none_of: Entries[Label] = Field((), description="it is none of these, and no list that holds one of them")
    contains: Label | None = Field(None, description="a text, or one of a list, contains this; case does not matter")
    absent: bool | None = Field(None, description="true: the hub tells nothing of it")
    keep: Literal["models"] | Annotated[tuple[Repository, ...], Field(min_length=1, max_length=10_000)] | None = Field(
        None, description="repositories that people kept; `models`: those of this study"
    )
    left: Annotated[int, Field(ge=0)] | None = Field(None, description="models left after it, as counted or as published")

    @model_validator(mode="after")
    def _one_test(self) -> SelectionCriterion:
        tests = [
            name for name in ("below", "at_least", "before", "any_of", "none_of", "contains", "absent") if getattr(self, name)
        ]
        if (self.field is None) == (self.keep is None):
            raise ValueError("give either a `field:` with a test, or `keep:`")
        if self.field is not None and len(tests) != 1:
            raise ValueError("give one test: `below`, `at_least`, `before`, `any_of`, `none_of`, `contains` or `absent`")
        if self.keep is not None and tests:
            raise ValueError(f"`{tests[0]}` tests a `field:`; `keep:` needs no test")
        if tests and (tests[0] in ("below", "at_least")) != (self.field in NUMBERS) and tests[0] != "absent":
            raise ValueError(f"`{tests[0]}` is no test of {self.field}")
        if tests == ["before"] and self.field != "created":
            raise ValueError(f"`before` is no test of {self.field}")
        return self


class Selection(Spec):
    """How models were chosen. It changes no fingerprint; `greenreport select` applies it."""

    source: Annotated[Label, AfterValidator(_query)] = Field(
        description="a query of the hub (pipeline_tag=text-generation), or a .json file kept by `greenreport select`, relative to the study"
    )
    date: datetime.date | None = Field(None, description="day on which the candidates were listed")
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        None, description="digest of the list of candidates"
    )
    candidates: Annotated[int, Field(ge=0)] | None = Field(None, description="number of candidates, as counted or as published")
    criteria: Annotated[tuple[SelectionCriterion, ...], Field(min_length=1, max_length=30)]
