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
class Environment:
    """Hardware and software a run was made on. Identifying values are hashed when they are read.

    `key` is the digest of the fields that must agree for runs to be pooled (see `pooling.COMPARABLE`).
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
