"""Sweeps: one configuration in the file stands for many, one for each combination of levels.

A point of a sweep is a configuration like any other, so plan, cache, statistics and site need no special case for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError, create_model, model_validator

from greenreport.study.cells import Configuration, OptionName, level_types
from greenreport.study.field_types import Scalar, Spec

#: Configurations of a study, with a sweep or without.
MOST_CONFIGURATIONS = 1000
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

    def free(self, configuration: Configuration) -> dict[str, tuple[Any, ...]]:
        """Return the factors that a configuration leaves open, with their levels."""
        own = {*configuration.model_fields_set, *(f"{_OPTION}{name}" for name in configuration.options)}
        return {name: levels for name, levels in self.factors.items() if name not in own}

    def number(self, configuration: Configuration) -> int:
        """Return how many points stand in place of a configuration, without making them."""
        lengths = [len(levels) for levels in self.free(configuration).values()]
        return max(lengths, default=1) if self.combine == "zip" else prod(lengths)

    def points(self, configuration: Configuration) -> Iterator[dict[str, Any]]:
        """Yield the levels of each point in place of a configuration, the last factor changing fastest."""
        free = self.free(configuration)
        combined = zip(*free.values(), strict=True) if self.combine == "zip" and free else product(*free.values())
        for levels in combined:
            point = dict(zip(free, levels, strict=True))
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
    number = sum(map(sweep.number, configurations))
    if number > MOST_CONFIGURATIONS:
        raise ValueError(f"the sweep makes {number:,} configurations; more than {MOST_CONFIGURATIONS:,} are surely a mistake")
    points: dict[str, Configuration] = {}
    for configuration in configurations:
        own = {name: getattr(configuration, name) for name in configuration.model_fields_set}
        for point in sweep.points(configuration):
            options = {"options": {**point.get("options", {}), **configuration.options}} if "options" in point else {}
            item = Configuration.model_validate({**point, **own, **options})
            points.setdefault(item.id, item)
    return tuple(points.values())


def point_error(error: ValueError) -> str:
    """Return the error in a point of a sweep as one sentence."""
    if isinstance(error, ValidationError):
        return "a point of the sweep is impossible: " + "; ".join(
            item["msg"].removeprefix("Value error, ") for item in error.errors()
        )
    return str(error)
