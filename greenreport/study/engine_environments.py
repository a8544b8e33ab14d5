"""Environments of engines: where the libraries come from that serve a model, so that versions can be compared.

A configuration that names one is served by its Python; everything else, parent, client and meters, stays in greenreport's own.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from greenreport.study.field_types import Spec

#: A line of a requirements file that is a requirement, and no option of the installer.
Requirement = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][^\x00-\x1f]*$", max_length=500)]
#: Where packages are looked for besides the installer's own index.
Index = Annotated[str, StringConstraints(pattern=r"^(https?://|file:///)\S+$", max_length=500)]
Interpreter = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f-][^\x00-\x1f]*$", max_length=1000)]


class EngineEnvironment(Spec):
    """Python libraries of their own for the server of a configuration: made from requirements, or one that exists."""

    requirements: Annotated[tuple[Requirement, ...], Field(max_length=500)] = Field(
        (), description="what to install, as in a requirements file: `onnxruntime==1.23.*`; kept in the cache folder"
    )
    indexes: Annotated[tuple[Index, ...], Field(max_length=10)] = Field(
        (), description="addresses of further package indexes, such as https://download.pytorch.org/whl/cpu"
    )
    python: Interpreter | None = Field(
        None,
        description="program: the Python of an environment that exists; with requirements, the Python a new one is made with. "
        "Relative to the study file, or a name on the PATH",
    )
    exports: bool = Field(
        False,
        description="convert models with the libraries of this environment; otherwise greenreport's own convert once for all environments",
    )

    @model_validator(mode="after")
    def _something(self) -> EngineEnvironment:
        if not self.requirements and self.python is None:
            raise ValueError("give `requirements:`, or with `python:` the interpreter of an environment that exists")
        if self.indexes and not self.requirements:
            raise ValueError("`indexes` are where `requirements` come from; there are none")
        return self

    @property
    def is_made(self) -> bool:
        """Whether greenreport makes it, in its cache folder."""
        return bool(self.requirements)
