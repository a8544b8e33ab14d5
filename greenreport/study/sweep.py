"""Sweeps: one configuration in the file stands for many, one for each combination of levels.

A point of a sweep is a configuration like any other, so plan, cache, statistics and site need no special case for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError, create_model, model_validator

from greenreport.study.cells import Configuration, OptionName, level_types
from greenreport.study.field_types import Scalar, Spec

MAX_POINTS = 1000
_OPTION = "options."


if TYPE_CHECKING:
    _Levels = Spec
else:
    _Levels = create_model(
        "_Levels",
        __base__=Spec,
        **{
            name: (tuple[kind, ...], Field((), description=Configuration.model_fields[name].description))
            for name, kind in level_types().items()
        },
    )


class Sweep(_Levels):
    """Levels of factors besides engine and provider. A configuration that sets a factor itself keeps its value."""

    combine: Literal["cross", "zip"] = Field(
        "cross", description="cross: every combination; zip: the first levels together, then the second levels, …"
    )
    options: dict[OptionName, tuple[Scalar, ...]] = Field(default_factory=dict, description="levels of options of the engine")

    @model_validator(mode="after")
    def _levels(self) -> Sweep:
        for factor, levels in self.factors.items():
            if len({(isinstance(level, bool), level) for level in levels}) < len(levels):  # true is not 1
                raise ValueError(f"{factor} lists a level twice")
        lengths = {factor: len(levels) for factor, levels in self.factors.items()}
        if self.combine == "zip" and len(set(lengths.values())) > 1:
            numbers = ", ".join(f"{factor} has {number}" for factor, number in lengths.items())
            raise ValueError(f"zipped factors need equally many levels: {numbers}")
        return self

    @property
    def factors(self) -> dict[str, tuple[Any, ...]]:
        """The factors that are swept, with their levels; options as ``options.<name>``."""
        named = {name: levels for name in _Levels.model_fields if (levels := getattr(self, name))}
        return named | {f"{_OPTION}{name}": levels for name, levels in self.options.items() if levels}

    def points(self) -> Iterator[dict[str, Any]]:
        """Yield the levels of each point, the last factor changing fastest."""
        names = list(self.factors)
        combined = zip(*self.factors.values(), strict=True) if self.combine == "zip" else product(*self.factors.values())
        for levels in combined:
            point = dict(zip(names, levels, strict=True))
            options = {name.removeprefix(_OPTION): level for name, level in point.items() if name.startswith(_OPTION)}
            plain = {name: level for name, level in point.items() if not name.startswith(_OPTION)}
            yield plain | ({"options": options} if options else {})


def swept(configurations: tuple[Configuration, ...], sweep: Sweep | None) -> tuple[Configuration, ...]:
    """Return the configurations with sweep points in place of the one they come from; applied twice, it changes nothing.

    Raises:
        ValueError: a point is not a valid configuration, or there are too many.
    """
    if sweep is None or not sweep.factors:
        return configurations
    points: dict[str, Configuration] = {}
    for configuration in configurations:
        own = {name: getattr(configuration, name) for name in configuration.model_fields_set}
        for point in sweep.points():
            options = {"options": {**point.get("options", {}), **configuration.options}} if "options" in point else {}
            item = Configuration.model_validate({**point, **own, **options})
            points.setdefault(item.id, item)
    if len(points) > MAX_POINTS:
        raise ValueError(f"the sweep makes {len(points)} configurations; more than {MAX_POINTS} are surely a mistake")
    return tuple(points.values())


def point_error(error: ValueError) -> str:
    """Return the error in a point of a sweep as one sentence."""
    if isinstance(error, ValidationError):
        return "a point of the sweep is impossible: " + "; ".join(
            item["msg"].removeprefix("Value error, ") for item in error.errors()
        )
    return str(error)
