"""What is measured: models, serving configurations, and the cells left out by design."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, model_validator

from greenreport.study.words import Count, Identifier, Label, Positive, Scalar, Spec, Text


class Weights(StrEnum):
    """Where the weights of a model come from."""

    HUB = "hub"
    UNTRAINED = "untrained"
    PATH = "path"


class Architecture(Spec):
    """Shape of a model, in the words of its transformers configuration class."""

    model_config = ConfigDict(frozen=True, extra="allow")

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
    path: Label | None = Field(None, description="local directory in transformers format, relative to the study file")
    weights: Weights | None = Field(None, description="overrides the study's `weights` for this model")
    architecture: Architecture | None = Field(None, description="true shape of the model, for `weights: untrained`")
    seed: int = Field(0, description="seed of untrained weights")
    parameters: Count | None = Field(None, description="number of parameters as published: 110M, 1.1B")
    size_category: Label | int | None = Field(None, description="group for aggregated results")
    release: Label | None = Field(None, description="release date as published")
    affiliation: Label | None = None
    published: dict[Identifier, float] = Field(
        default_factory=dict, description="published scores, e.g. humaneval_pass_at_1: 0.038"
    )

    @property
    def label(self) -> str:
        """Name to print."""
        return self.name or self.id


class Configuration(Spec):
    """A serving configuration: runtime engine, execution provider, and what must be equal to compare engines fairly."""

    engine: str = Field(description="runtime engine")
    provider: str = Field("cpu", description="execution provider")
    dtype: str = Field("float32", description="type of weights and computation, verified after load")
    threads: Positive | None = Field(None, description="compute threads; all physical cores when absent; verified after load")
    kv_cache: bool = Field(True, description="keep keys and values between tokens; verified after load")
    options: dict[Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*$")], Scalar] = Field(
        default_factory=dict, description="options of the engine, passed to it as they are"
    )
    name: Label | None = Field(None, description="label on the site")

    @property
    def id(self) -> str:
        """Stable name: ``torch-cpu``, ``onnx-cpu-int8-t4-nocache``; options add their values."""
        parts = [self.engine.replace("_", "-"), self.provider]
        if self.dtype != "float32":
            parts.append(self.dtype)
        if self.threads is not None:
            parts.append(f"t{self.threads}")
        if not self.kv_cache:
            parts.append("nocache")
        parts += [f"{name}.{value}".lower() for name, value in sorted(self.options.items())]
        return "-".join(parts)


class Exclusion(Spec):
    """Cells left out by design; the reason is published with the results."""

    engine: str | None = None
    provider: str | None = None
    model: str | None = None
    dtype: str | None = None
    reason: Text = Field(description="why; shown on the site")

    def covers(self, model: Model, configuration: Configuration) -> bool:
        """Whether every key of the exclusion agrees with the cell."""
        wanted = (self.engine, self.provider, self.model, self.dtype)
        actual = (configuration.engine, configuration.provider, model.id, configuration.dtype)
        return all(want is None or want == have for want, have in zip(wanted, actual, strict=True))
