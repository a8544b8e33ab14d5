"""Differences between two studies in machine and software, workload and protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from greenreport.analysis.measure.dataset import Dataset
from greenreport.record import Environment
from greenreport.study import Model
from greenreport.units import quantity


@dataclass(frozen=True, slots=True)
class Difference:
    """A property in which two studies differ."""

    name: str
    first: str
    second: str


def on_one_machine(first: Dataset, second: Dataset) -> bool | None:
    """Whether both were measured on one machine; None where a machine is not known."""
    if first.environment is None or second.environment is None:
        return None
    return first.environment.host_sha256 == second.environment.host_sha256


def environment_differences(first: Dataset, second: Dataset) -> Iterator[Difference]:
    """Yield what differs in machine and software."""
    one, other = first.environment, second.environment
    if one is None or other is None:
        yield Difference("machine", one.cpu_model if one else "not known", other.cpu_model if other else "not known")
        return
    yield from machine_differences(one, other)
    yield from library_differences(one.libraries, other.libraries)


def machine_differences(one: Environment, other: Environment) -> Iterator[Difference]:
    """Yield what differs in hardware, system and Python."""
    for name in ("cpu_model", "physical_cores", "logical_cpus", "gpu_driver", "os", "kernel", "virtualisation", "python", "governor",
                 "turbo", "smt"):  # fmt: skip
        yield from _differing(name.replace("_", " "), _shown(getattr(one, name)), _shown(getattr(other, name)))
    yield from _differing("memory", quantity(one.memory_b, "B"), quantity(other.memory_b, "B"))
    yield from _differing("GPUs", *(", ".join(gpu.name for gpu in host.gpus) or "none" for host in (one, other)))
    limits = ([quantity(gpu.power_limit_w, "W") for gpu in host.gpus if gpu.power_limit_w] for host in (one, other))
    yield from _differing("GPU power limit", *(", ".join(watts) or "not known" for watts in limits))


def library_differences(one: Iterable[tuple[str, str]], other: Iterable[tuple[str, str]]) -> Iterator[Difference]:
    """Yield the libraries whose versions differ, by name."""
    before, after = dict(one), dict(other)
    for name in sorted(before.keys() | after.keys()):
        yield from _differing(name, before.get(name, "–"), after.get(name, "–"))


def _shown(value: object) -> str:
    if value is None:
        return "not known"
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


def _differing(name: str, first: str, second: str) -> Iterator[Difference]:
    if first != second:
        yield Difference(name, first, second)


def design_differences(first: Dataset, second: Dataset, models: Sequence[Model]) -> Iterator[Difference]:
    """Yield what differs in workload and protocol, and the models of one name that are not one model.

    Args:
        models: those of the first study whose names occur in both.
    """
    for name, of in _DESIGN:
        yield from _differing(name, *("not known" if dataset.imported else of(dataset) for dataset in (first, second)))
    yield from _differing("energy", _energy(first), _energy(second))
    for model in models:
        yield from _differing(f"model {model.id}", _identity(model), _identity(second.study.model(model.id)))


def _prompts(dataset: Dataset) -> str:
    prompts = dataset.study.workload.prompts
    digest = f", sha256 {dataset.prompts_sha256[:12]}" if dataset.prompts_sha256 else ""
    return f"{dataset.prompts_count or prompts.count or 'all'} from {prompts.source}{digest}"


def _cooldown(dataset: Dataset) -> str:
    rule = dataset.study.protocol.cooldown
    return {"none": "none", "elapsed": f"{rule.max_s:g} s", "steady": f"until steady, at most {rule.max_s:g} s"}[rule.until]


def _energy(dataset: Dataset) -> str:
    boundaries = dataset.boundaries("energy_j")
    if not boundaries:
        return "not measured"
    return f"{'; '.join(boundaries)}, {'estimated' if dataset.estimated else 'measured'}"


def _identity(model: Model) -> str:
    parts = [model.hub or "", model.revision or "", model.path or ""]
    if model.architecture is not None:
        shape = ", ".join(f"{name} {value}" for name, value in sorted(model.architecture.shape.items()))
        parts.append(f"{model.architecture.type}: {shape}")
    return "; ".join(part for part in parts if part) or model.id


_DESIGN: tuple[tuple[str, Callable[[Dataset], str]], ...] = (
    ("weights", lambda dataset: "untrained" if dataset.untrained else "trained"),
    ("prompts", _prompts),
    ("output tokens", lambda dataset: dataset.study.workload.generation.words()),
    ("streaming", lambda dataset: "on" if dataset.study.workload.stream else "off"),
    ("server process", lambda dataset: dataset.study.protocol.worker),
    ("repetitions declared", lambda dataset: str(dataset.study.protocol.repetitions)),
    ("warm-up requests", lambda dataset: str(dataset.study.protocol.warmup_requests)),
    ("idle baseline", lambda dataset: f"{dataset.study.protocol.idle_baseline_s:g} s"),
    ("cool-down", _cooldown),
)
