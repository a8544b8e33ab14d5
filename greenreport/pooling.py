"""Which runs may be pooled: those on the same hardware, and under the same versions of the libraries that their own engine uses.

A machine with one more engine installed stays the environment that it was for all others. Machines of equal hardware pool whole
repetitions (see `repetitions`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, replace

from greenreport.catalog import ENGINES
from greenreport.record import Environment

#: Fields of `Environment` that must agree for runs to be pooled or compared in absolute values.
COMPARABLE = (
    "host_sha256", "cpu_model", "physical_cores", "logical_cpus", "memory_b", "gpus", "gpu_driver", "python", "libraries",
)  # fmt: skip


def key_of(environment: Environment) -> str:
    """Return the digest of an environment's comparable values, with all its libraries: environments of equal key are one."""
    facts = asdict(environment)
    return hashlib.sha256(json.dumps([facts[name] for name in COMPARABLE], sort_keys=True).encode()).hexdigest()[:16]


def agree(one: Environment, other: Environment, engine: str) -> bool:
    """Return whether runs of an engine in two environments may be pooled; of an engine not known here, all libraries have to agree."""
    return one.key == other.key or _comparable(one, engine) == _comparable(other, engine)


def agreeing(environments: Iterable[Environment], pairs: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], frozenset[str]]:
    """Return, for each pair of an environment's key and an engine, the keys of the other environments in which its runs count too."""
    known = {environment.key: environment for environment in environments}
    comparable = {(key, engine): _comparable(known[key], engine) for _, engine in set(pairs) for key in known}
    return {
        (key, engine): frozenset(
            other for other in known if other != key and comparable[other, engine] == comparable[key, engine]
        )
        for key, engine in comparable
    }


def pool_of(environment: Environment, engines: Collection[str]) -> str:
    """Return the digest of what machines must share for their repetitions to be pooled: hardware and the libraries of these engines.

    Which machine it is does not count, nor which of several equal GPUs. A contrast is taken inside one machine all the same.
    """
    alike = replace(environment, host_sha256="", gpus=tuple(replace(gpu, uuid_sha256="") for gpu in environment.gpus))
    facts = asdict(alike)
    libraries = sorted({item for engine in engines for item in libraries_of(engine, environment)})
    values = [[facts[name] for name in COMPARABLE if name != "libraries"], libraries]
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def libraries_of(engine: str, environment: Environment) -> tuple[tuple[str, str], ...]:
    """Return the libraries of an environment that an engine uses, with their versions."""
    info = ENGINES.get(engine)
    return tuple(item for item in environment.libraries if info is None or item[0] in info.distributions)


def _comparable(environment: Environment, engine: str) -> list[object]:
    hardware = [getattr(environment, name) for name in COMPARABLE if name != "libraries"]
    return [*hardware, sorted(libraries_of(engine, environment))]
