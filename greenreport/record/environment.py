"""Hardware and software that a run was made on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU as the driver names it; the UUID is hashed before it is kept.

    Attributes:
        power_limit_w: the limit the driver enforced, to a whole watt; None in runs from before this was kept too.
    """

    index: int
    name: str
    memory_b: int | None
    uuid_sha256: str
    power_limit_w: int | None = None


@dataclass(frozen=True, slots=True)
class EngineLibraries:
    """What is installed in an environment of a study.

    Attributes:
        name: the study's name for it.
        python: version of its Python.
        packages: every distribution with its version, by name.
    """

    name: str
    python: str
    packages: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Environment:
    """Hardware and software a run was made on. Identifying values are hashed when they are read.

    `key` is the digest of the fields that must agree for runs to be pooled (see `pooling.COMPARABLE`).

    Attributes:
        libraries: those of greenreport's own Python that engines use.
        served: the environments in which configurations of the study are served, as they were when the run was made.
    """

    key: str
    host_sha256: str
    cpu_model: str
    physical_cores: int
    logical_cpus: int
    memory_b: int
    gpus: tuple[Gpu, ...]
    gpu_driver: str | None
    os: str
    kernel: str
    virtualisation: str | None
    python: str
    libraries: tuple[tuple[str, str], ...]
    governor: str | None = None
    turbo: bool | None = None
    smt: bool | None = None
    numa_nodes: int | None = None
    swap_b: int | None = None
    served: tuple[EngineLibraries, ...] = ()

    def serving(self, name: str) -> EngineLibraries | None:
        """Return what is installed in an environment of the study; None where it could not be made."""
        return next((libraries for libraries in self.served if libraries.name == name), None)
