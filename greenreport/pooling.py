"""Which runs may be pooled: those on the same hardware, and under the same versions of the libraries that their own engine uses.

A machine with one more engine installed stays the environment that it was for all others. Runs that an environment of the study served
are told apart by what is installed there, not by what greenreport itself runs with. Machines of equal hardware pool whole repetitions (see
`repetitions`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, replace
from typing import NamedTuple

from greenreport.catalog import ENGINES
from greenreport.record import Environment, RunRecord

#: Fields of `Environment` that must agree for runs to be pooled or compared in absolute values.
COMPARABLE = (
    "host_sha256", "cpu_model", "physical_cores", "logical_cpus", "memory_b", "gpus", "gpu_driver", "python", "libraries",
)  # fmt: skip
#: Those of them that are not software.
_HARDWARE = tuple(name for name in COMPARABLE if name not in ("gpu_driver", "python", "libraries"))


class EnginePlace(NamedTuple):
    """Where a run was made: its engine, and the environment of the study that served it, if one did."""

    engine: str
    served: str | None = None


def place_of(record: RunRecord) -> EnginePlace:
    """Return where the run of a record was made."""
    served = record.spec.configuration.get("environment")
    return EnginePlace(record.engine, None if served is None else str(served))


def key_of(environment: Environment) -> str:
    """Return the digest of an environment's comparable values, with all its libraries: environments of equal key are one."""
    facts = asdict(environment)
    content = [facts[name] for name in COMPARABLE] + ([facts["served"]] if environment.served else [])
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def agree(one: Environment, other: Environment, place: EnginePlace) -> bool:
    """Return whether runs made in a place of two environments may be pooled; of an engine not known here, all libraries have to agree."""
    return one.key == other.key or _comparable(one, place) == _comparable(other, place)


def agreeing(
    environments: Iterable[Environment], pairs: Iterable[tuple[str, EnginePlace]]
) -> Mapping[tuple[str, EnginePlace], frozenset[str]]:
    """Return, for each pair of an environment's key and a place, the keys of the other environments in which its runs count too."""
    known = {environment.key: environment for environment in environments}
    wanted = set(pairs)
    comparable = {(key, place): _comparable(known[key], place) for place in {place for _, place in wanted} for key in known}
    return {
        (key, place): frozenset(other for other in known if other != key and comparable[other, place] == comparable[key, place])
        for key, place in comparable
    }


def pool_of(environment: Environment, places: Collection[EnginePlace]) -> str:
    """Return the digest of what machines must share for their repetitions to be pooled: hardware and the libraries in these places.

    Which machine it is does not count, nor which of several equal GPUs. A contrast is taken inside one machine all the same.
    """
    alike = replace(environment, host_sha256="", gpus=tuple(replace(gpu, uuid_sha256="") for gpu in environment.gpus))
    values = sorted(json.dumps([place.served, _comparable(alike, place)], sort_keys=True, default=asdict) for place in places)
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]


def hardware_of(environment: Environment) -> str:
    """Return the digest of what must be equal for joules and seconds to be compared: the hardware, whichever machine it is in."""
    alike = replace(environment, host_sha256="", gpus=tuple(replace(gpu, uuid_sha256="") for gpu in environment.gpus))
    facts = asdict(alike)
    return hashlib.sha256(json.dumps([facts[name] for name in _HARDWARE], sort_keys=True).encode()).hexdigest()[:16]


def libraries_of(place: EnginePlace, environment: Environment) -> tuple[tuple[str, str], ...]:
    """Return the libraries that an engine uses in a place, with their versions; none of an environment that could not be made."""
    info = ENGINES.get(place.engine)
    libraries = environment.libraries
    if place.served is not None:
        serving = environment.serving(place.served)
        libraries = () if serving is None else serving.packages
    return tuple(item for item in libraries if info is None or item[0] in info.distributions)


def _comparable(environment: Environment, place: EnginePlace) -> list[object]:
    hardware = [getattr(environment, name) for name in COMPARABLE if name not in ("python", "libraries")]
    serving = None if place.served is None else environment.serving(place.served)
    python = environment.python if place.served is None else None if serving is None else serving.python
    return [*hardware, python, sorted(libraries_of(place, environment))]
