"""How a study uses its meters: the options that every meter has, and those of single meters.

The row of a meter in the catalog names its options (`MeterInfo.options`). `meters:` is checked as their union, told apart by the
name of the meter.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema, core_schema

from greenreport.catalog import METERS, Accuracy, load_target
from greenreport.study.field_types import Label, Spec

#: Environment variable with the address of a wall meter, which then stands in no published file.
URL_VARIABLE = "GREENREPORT_WATTMETER_URL"
Watts = Annotated[float, Field(ge=0, le=10_000)]
#: Power of each logical CPU where a power model names none.
DEFAULT_IDLE_W, DEFAULT_MAX_W = 2.0, 10.0


Limit = Annotated[float, Field(ge=0, lt=1)]


class MeterCalibration(Spec):
    """What is known of the errors of the study's own instrument; it replaces what the catalog says of its kind."""

    gain: Limit = Field(description="expanded uncertainty (k = 2) in proportion to the reading, as a share: 0.01 is 1 %")
    offset_w: Watts = Field(0.0, description="expanded uncertainty (k = 2) that does not depend on the reading, in W")
    linearity: Limit | None = Field(
        None,
        description="the part of `gain` that differs from load to load and therefore stays in ratios; all of it when absent",
    )
    source: Label = Field(description="certificate, accuracy class or data sheet")

    @model_validator(mode="after")
    def _a_part_of_the_gain(self) -> Self:
        if self.linearity is not None and self.linearity > self.gain:
            raise ValueError(f"linearity ({self.linearity:g}) is a part of gain ({self.gain:g}) and cannot be larger")
        return self

    @property
    def accuracy(self) -> Accuracy:
        """The same as a row of the catalog."""
        linearity = self.gain if self.linearity is None else self.linearity
        return Accuracy("", "", self.gain, linearity, self.offset_w, 0.0, self.source, divisor=2.0)


class MeterUse(Spec):
    """A meter of the study, with the options that every meter has."""

    name: str = Field(description="instrument")
    required: bool = Field(
        False, description="without this meter a cell is `unsupported` instead of running without its metrics"
    )
    interval_ms: Annotated[int, Field(ge=5, le=10_000)] | None = Field(
        None, description="time between samples of this meter; the protocol's or the meter's own when absent"
    )

    calibration: MeterCalibration | None = Field(
        None, description="errors of this instrument, instead of those known of its kind"
    )

    #: Options that say how values are used, not how they are measured; they are in no fingerprint.
    OF_ANALYSIS: ClassVar[frozenset[str]] = frozenset({"calibration"})

    @property
    def is_fallback(self) -> bool:
        """Whether the meter is read only when no other gives CPU energy."""
        return False

    @property
    def program(self) -> str | None:
        """Name or path of the program that the meter starts."""
        return None

    @property
    def address(self) -> str | None:
        """Address that the meter asks."""
        return None

    def located(self, folder: Path) -> Self:
        """Return the same use with relative paths resolved against a folder."""
        return self


class EstimateUse(MeterUse):
    """Options of the power model."""

    OF_ANALYSIS: ClassVar[frozenset[str]] = MeterUse.OF_ANALYSIS | {"answers"}

    use: Literal["always", "fallback"] = Field("always", description="fallback: only when no measured CPU energy is available")
    idle_w: Watts | None = Field(None, description="power of the idle CPU")
    max_w: Watts | None = Field(None, description="power of the fully loaded CPU")
    answers: bool = Field(
        False, description="let energy from this model answer questions; without it, energy counts as not measured"
    )

    @model_validator(mode="after")
    def _both_powers(self) -> Self:
        if (self.idle_w is None) != (self.max_w is None):
            raise ValueError("idle_w and max_w belong together; give both or neither")
        if self.idle_w is not None and self.max_w is not None and self.idle_w > self.max_w:
            raise ValueError(f"idle_w ({self.idle_w:g}) is larger than max_w ({self.max_w:g})")
        return self

    @property
    def is_fallback(self) -> bool:
        return self.use == "fallback"

    def powers_w(self, cpus: int) -> tuple[float, float]:
        """Return idle and full-load power in W: declared, or the default for that many logical CPUs."""
        if self.idle_w is not None and self.max_w is not None:
            return self.idle_w, self.max_w
        return DEFAULT_IDLE_W * cpus, DEFAULT_MAX_W * cpus


class ReplayUse(MeterUse):
    """Options of a recording."""

    path: Label | None = Field(None, description="the recording, relative to the study file")

    def located(self, folder: Path) -> Self:
        return self if self.path is None else self.model_copy(update={"path": str(folder / self.path)})


class EnergiBridgeUse(MeterUse):
    """Options of the program EnergiBridge."""

    path: Label | None = Field(None, description="the program: a name on PATH, or a path relative to the study file")

    @property
    def program(self) -> str:
        return shlex.quote(self.path or "energibridge")

    def located(self, folder: Path) -> Self:
        return self if "/" not in (self.path or "") else self.model_copy(update={"path": str(folder / str(self.path))})


class WattmeterUse(MeterUse):
    """Options of a wall meter."""

    kind: Literal["netio", "json"] | None = Field(None, description="NETIO, or any device that answers in JSON")
    url: Annotated[str, Field(pattern=r"^https?://\S+$", max_length=2000)] | None = Field(
        None, description="address of the JSON answer; GREENREPORT_WATTMETER_URL when absent"
    )
    output: Annotated[int, Field(ge=1, le=1000)] | None = Field(None, description="netio: number of the output")
    power: Label | None = Field(None, description="json: where the power is in the answer, e.g. `meters.0.power`")
    power_unit: Literal["mW", "W", "kW"] = Field("W", description="json: unit of the power")
    energy: Label | None = Field(None, description="json: where the energy register is in the answer")
    energy_unit: Literal["J", "kJ", "mWh", "Wh", "kWh"] = Field("Wh", description="json: unit of the energy register")
    scale: Annotated[float, Field(gt=0, le=1e6)] = Field(
        1.0, description="json: factor of every value, for devices behind a current transformer"
    )

    @property
    def address(self) -> str:
        return self.url or f"the address in ${URL_VARIABLE}"

    @model_validator(mode="after")
    def _places_in_json(self) -> Self:
        has_place = self.power is not None or self.energy is not None
        if self.kind == "json" and not has_place:
            raise ValueError("a wattmeter of kind json needs `power:` or `energy:`: where it is in the answer")
        if self.kind != "json" and has_place:
            raise ValueError("`power` and `energy` say where values are in an answer of `kind: json`")
        return self


def options_of(name: str) -> type[MeterUse]:
    """Return the options of a meter of the catalog."""
    options: type[MeterUse] = load_target(METERS[name].options)
    return options


def meter_use(name: str, **options: Any) -> MeterUse:
    """Return a use of a meter, checked against the meter's own options."""
    return options_of(name)(name=name, **options)


def _long_form(value: Any) -> Any:
    """Turn ``rapl``, ``{estimate: fallback}`` and ``{nvml: {required: true}}`` into ``{name: …, option: …}``."""
    if isinstance(value, dict) and len(value) == 1 and "name" not in value:
        ((name, options),) = value.items()
        options = {} if options is None else {"use": options} if isinstance(options, str) else options
        return {"name": name, **options} if isinstance(options, dict) else value
    return {"name": value} if isinstance(value, str) else value


class _ByName:
    """Makes pydantic check a meter against the options of its row in the catalog."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        choices = {name: handler.generate_schema(options_of(name)) for name in METERS}
        union = core_schema.tagged_union_schema(choices, discriminator="name")
        return core_schema.no_info_before_validator_function(_long_form, union)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        options = {name: _options_schema(options_of(name)) for name in METERS}
        with_options = {"type": "object", "properties": options, "additionalProperties": False, "maxProperties": 1}
        return {
            "anyOf": [{"enum": list(options)}, with_options],
            "description": "a meter: rapl, nvml, utilisation, {estimate: fallback}, {nvml: {required: true, interval_ms: 20}}",
        }


def _options_schema(options: type[MeterUse]) -> dict[str, Any]:
    """Return the JSON Schema of what stands after the name of a meter: nothing, options, or the one word of `use`."""
    schema = options.model_json_schema()
    properties = _inlined(schema["properties"], schema.get("$defs", {}))
    fields = {name: field for name, field in properties.items() if name != "name"}
    after = {"type": ["object", "null"], "properties": fields, "additionalProperties": False}
    return {"anyOf": [{"enum": fields["use"]["enum"]}, after]} if "use" in fields else after


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    """Return a schema with the sections that it refers to in their places."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            return definitions[schema["$ref"].rsplit("/", 1)[-1]]
        return {key: _inlined(value, definitions) for key, value in schema.items()}
    return [_inlined(value, definitions) for value in schema] if isinstance(schema, list) else schema


Meter = Annotated[MeterUse, _ByName()]
