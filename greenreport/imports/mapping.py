"""The mapping: what the columns of somebody's table are, as a small YAML file.

A place takes the name of a column, ``{value: …}`` for all rows, or a text with columns in braces: ``model: "Llama {generation} {size}"``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from greenreport.catalog import CURVE_FACTORS
from greenreport.imports.declared_units import scale_of
from greenreport.imports.results_table import Role
from greenreport.study import load_sections
from greenreport.study.field_types import Label, Scalar, Spec

#: A column inside a text.
BRACES = re.compile(r"\{([^{}]+)\}")
ColumnName = Annotated[str, Field(min_length=1, max_length=300)]
FactorName = Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]{0,60}$")]
MetricName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,60}$")]


class ColumnPlace(Spec):
    """Where a factor is told: in a column, in a text with columns in braces, or once for all rows."""

    column: ColumnName | None = Field(None, description="name of a column, or a text with names of columns in braces")
    value: Scalar | None = Field(None, description="what it is in every row")
    compare: Literal["across", "within"] = Field(
        "across",
        description="across: its levels are rivals; within: rivals are compared at equal levels only, as for different work",
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> ColumnPlace:
        if (self.column is None) == (self.value is None):
            raise ValueError("write the name of a column, or `{value: …}` for all rows")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it reads."""
        if self.column is None:
            return ()
        return tuple(BRACES.findall(self.column)) or (self.column,)


class MetricPlace(Spec):
    """A column with values of a metric."""

    column: ColumnName
    unit: Annotated[str, Field(min_length=1, max_length=30)] = Field(
        description="unit of the values: J, kWh, Wh, mJ, s, ms, W, %, 1, MB, …"
    )
    statistic: Annotated[str, Field(pattern=r"^(mean|median|sum|min|max|std|p\d{1,2}(\.\d+)?)$")] | None = Field(
        None, description="where a value is one of many already: mean, median, p99; never taken for a repetition"
    )
    of: ColumnName | None = Field(None, description="column with the number of values that the statistic is of")


def _named(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


AnyPlace = Annotated[ColumnPlace, BeforeValidator(_named)]


class Mapping(Spec):
    """What the columns of a table are, and how the file is written."""

    format: Label | None = Field(None, description="reader of the file; recognised when absent")
    separator: Literal[",", ";", "\t", "|"] | None = Field(None, description="between cells; found when absent")
    decimal: Literal[".", ","] = Field(".", description="mark before the decimals of a number")
    encoding: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,30}$")] = Field(
        "utf-8", description="encoding of the text: utf-8, cp1252, utf-16"
    )
    model: AnyPlace | None = None
    size_category: AnyPlace | None = None
    engine: AnyPlace | None = Field(None, description="runtime engine; the first factor that is compared when absent")
    provider: AnyPlace | None = None
    host: AnyPlace | None = Field(None, description="machine; configurations are contrasted within one")
    repetition: ColumnName | None = Field(
        None, description="number of the repetition; counted in the order of the file when absent"
    )
    block: ColumnName | None = None
    load: dict[FactorName, AnyPlace] = Field(default_factory=dict, description=f"load factors: {', '.join(CURVE_FACTORS)}")
    factors: dict[FactorName, AnyPlace] = Field(
        default_factory=dict, description="further treatments: quantisation, task, length"
    )
    metrics: dict[MetricName, MetricPlace] = Field(default_factory=dict)
    left_out: dict[ColumnName, Label] = Field(default_factory=dict, description="columns that are not read, each with why")

    @model_validator(mode="after")
    def _sound(self) -> Mapping:
        for name in self.load:
            if name not in CURVE_FACTORS:
                raise ValueError(f"{name!r} is no load factor ({', '.join(CURVE_FACTORS)}); name it under `factors`")
        for name, metric in self.metrics.items():
            scale_of(metric.unit, name)
        uses: dict[str, str] = {}
        for what, column in self.uses():
            if column in uses and what != uses[column]:
                raise ValueError(f"the column {column!r} is named twice: as {uses[column]} and as {what}")
            uses[column] = what
        return self

    def places(self) -> Iterator[tuple[Role, str, ColumnPlace]]:
        """Yield role, name and place of everything that tells rows apart but repetition and block."""
        single = ((Role.MODEL, self.model), (Role.SIZE_CATEGORY, self.size_category), (Role.ENGINE, self.engine), (Role.PROVIDER, self.provider),
                  (Role.HOST, self.host))  # fmt: skip
        yield from ((role, role.value, place) for role, place in single if place is not None)
        yield from ((Role.LOAD, name, place) for name, place in self.load.items())
        yield from ((Role.FACTOR, name, place) for name, place in self.factors.items())

    def uses(self) -> Iterator[tuple[str, str]]:
        """Yield what each named column is, and its name."""
        for role, name, place in self.places():
            yield from ((f"{role.value} {name}" if role.value != name else name, column) for column in place.columns)
        yield from (
            (name, column) for name, column in (("repetition", self.repetition), ("block", self.block)) if column is not None
        )
        for name, metric in self.metrics.items():
            yield name, metric.column
            yield from [(f"number of values of {name}", metric.of)] if metric.of is not None else ()
        yield from (("left out", column) for column in self.left_out)


def load_mapping(path: Path) -> Mapping:
    """Read a mapping.

    Raises:
        SpecError: with every problem, each with file and line.
    """
    return load_sections(path, Mapping)
