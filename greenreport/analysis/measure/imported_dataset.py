"""Datasets made of imported results: models and configurations are those of the table, everything else is unknown.

Configurations are contrasted at equal work on one machine. What is different work (output lengths, tasks, factors declared ``within``), and the
machine where there are several, therefore stands beside the model: a block of the work is treated like a model of its own, and results over
several are aggregated as ratios, like those over models (docs/decisions/0026).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.configuration_labels import JOINT
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.observation import Observation
from greenreport.analysis.measure.run_view import RunView
from greenreport.analysis.measure.subjects import subject_of
from greenreport.catalog import CURVE_FACTORS, METRICS
from greenreport.imports.results_table import UNTOLD
from greenreport.record import Outcome
from greenreport.store.observations import ObservedRow
from greenreport.study import Configuration, Hypothesis, Model, Protocol, Study
from greenreport.units import number, safe_slug, slugs_of

QUESTIONS = {
    "RQ1": ("How does the serving configuration affect energy consumption?", ("energy_j",)),
    "RQ2": ("How does the serving configuration affect execution time?", ("duration_s",)),
    "RQ3": (
        "How does the serving configuration affect computing-resource utilisation?",
        ("cpu_usage_pct", "ram_usage_pct", "gpu_usage_pct", "gpu_memory_utilization_pct", "gpu_memory_used_pct"),
    ),
}
#: A load that is an amount of work, not a way to ask for it.
WORK_LOADS = frozenset({"output_tokens"})
#: Metrics that may be 0: shares, and times of what need not happen.
MAY_BE_ZERO = frozenset({"queue_s", "compile_s", "load_s"})
#: Below it a reading is the rounding error of a difference.
LEAST = 1e-12


@dataclass(frozen=True, slots=True)
class Rival:
    """What makes a configuration of an imported study: what the runs of a block of work are compared by."""

    engine: str
    provider: str
    load: tuple[tuple[str, float], ...]
    factors: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class WorkBlock:
    """Runs that do the same work on the same machine, with one model."""

    model: str
    host: str | None
    load: tuple[tuple[str, float], ...]
    factors: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """The model, then what tells its work and its machine from others."""
        parts = [self.model, *(f"{name} {level}" for name, level in self.factors)]
        parts += [CURVE_FACTORS[name].label_part(level) for name, level in self.load]
        return JOINT.join([*parts, *([self.host] if self.host else ())])


def imported_dataset(name: str, source: str, rows: Sequence[ObservedRow], declared: Study | None = None) -> Dataset:
    """Return a dataset from imported rows.

    Args:
        declared: the study file that asks its questions about them; questions about energy, time and use when absent.
    """
    several = len({row.host for row in rows}) > 1
    grouped: dict[WorkBlock, dict[Rival, list[ObservedRow]]] = {}
    for row in rows:
        block, rival = _places(row, several)
        grouped.setdefault(block, {}).setdefault(rival, []).append(row)
    models = _models(grouped, rows)
    configurations = _configurations(rival for cells in grouped.values() for rival in cells)
    study = _study(name, rows, tuple(models.values()), tuple(configurations.values()), declared)
    cells = tuple(
        CellView(model, configuration, tuple(_runs(grouped[block][rival])), study.outliers)
        for block, model in models.items()
        for rival, configuration in configurations.items()
        if rival in grouped[block]
    )
    names = {configuration.engine: rival.engine for rival, configuration in configurations.items()}
    subject = subject_of(_told_apart(grouped, several))
    return Dataset(study, cells, source=source, imported=True, subject=subject, engine_names=names)


def _told_apart(blocks: Iterable[WorkBlock], several_hosts: bool) -> list[str]:
    """Return what tells blocks apart, in words: the model, where there are several, and what else differs."""
    every = list(blocks)
    model = ["model"] if len({block.model for block in every}) > 1 else []
    factors = dict.fromkeys(name for block in every for name, _ in block.factors)
    loads = dict.fromkeys(name for block in every for name, _ in block.load)
    parts = [name.replace("_", " ") for name in factors if len({dict(block.factors).get(name) for block in every}) > 1]
    parts += [CURVE_FACTORS[name].noun for name in loads if len({dict(block.load).get(name) for block in every}) > 1]
    return [*model, *parts, *(["machine"] if several_hosts else [])]


def _places(row: ObservedRow, several_hosts: bool) -> tuple[WorkBlock, Rival]:
    work = tuple((name, level) for name, level in row.load if name in WORK_LOADS)
    within = tuple((factor.name, factor.level) for factor in row.factors if factor.within)
    load = tuple((name, level) for name, level in row.load if name not in WORK_LOADS)
    across = tuple((factor.name, factor.level) for factor in row.factors if not factor.within)
    return WorkBlock(row.model, row.host or "host not told" if several_hosts else None, work, within), Rival(
        row.engine, row.provider, load, across
    )


def _models(blocks: Iterable[WorkBlock], rows: Sequence[ObservedRow]) -> dict[WorkBlock, Model]:
    every = list(blocks)
    categories = {row.model: row.size_category for row in reversed(rows) if row.size_category}
    names = slugs_of(block.name.replace(JOINT, "--") for block in every)
    return {
        block: Model(id=names[block.name.replace(JOINT, "--")], name=block.name, size_category=categories.get(block.model))
        for block in every
    }


def _configurations(rivals: Iterable[Rival]) -> dict[Rival, Configuration]:
    every = list(dict.fromkeys(rivals))
    engines, providers = slugs_of(rival.engine for rival in every), slugs_of(rival.provider for rival in every)
    made = {rival: _configuration(rival, engines[rival.engine], providers[rival.provider]) for rival in every}
    ids = [configuration.id for configuration in made.values()]
    for rival, configuration in made.items():
        if ids.count(configuration.id) > 1:  # parts that differ may join to one name
            digest = hashlib.sha256(repr(rival).encode("utf-8", "surrogatepass")).hexdigest()[:8]
            made[rival] = configuration.model_copy(update={"engine": f"{configuration.engine}-{digest}"})
    return made


def _configuration(rival: Rival, engine: str, provider: str) -> Configuration:
    levels = {name: int(level) if CURVE_FACTORS[name].whole else level for name, level in rival.load}
    options = {"options": dict(rival.factors)} if rival.factors else {}
    name = JOINT.join(part for part in (rival.engine, rival.provider) if part != UNTOLD) or rival.engine
    return Configuration.model_validate({"engine": engine, **levels, **options}).model_copy(
        update={"provider": "" if rival.provider == UNTOLD else provider, "name": name}
    )


def _study(
    name: str,
    rows: Sequence[ObservedRow],
    models: tuple[Model, ...],
    configurations: tuple[Configuration, ...],
    declared: Study | None,
) -> Study:
    known = {
        "models": models,
        "configurations": configurations,
        "protocol": Protocol(repetitions=max(row.repetition for row in rows)),
    }
    if declared is not None:
        return declared.model_copy(update=known)
    metrics = {row.metric for row in rows}
    hypotheses = tuple(
        Hypothesis(id=f"H{question[2:]}.{place}", question=question, metric=metric)
        for question, (_, listed) in QUESTIONS.items()
        for place, metric in enumerate(listed)
        if metric in metrics
    )
    asked = {hypothesis.question for hypothesis in hypotheses}
    return Study(
        study=safe_slug(name),
        title=f"Imported results: {name}",
        questions={question: text for question, (text, _) in QUESTIONS.items() if question in asked},
        hypotheses=hypotheses,
        **known,
    )


def _runs(rows: Sequence[ObservedRow]) -> Iterator[RunView]:
    values: dict[int, dict[str, Observation]] = {}
    for row in rows:
        values.setdefault(row.repetition, {})[row.metric] = _observation(row)
    for repetition, observations in sorted(values.items()):
        yield RunView(f"imported-{repetition}", repetition, 0, Outcome.OK, None, "", 0, 0.0, observations=observations)


def _observation(row: ObservedRow) -> Observation:
    boundary = "as imported" if row.statistic is None else f"as imported: aggregated, the {row.statistic}"
    if (reason := impossible(row.metric, row.value)) is not None:
        return Observation(row.metric, None, boundary=boundary, reason=reason, refused=row.value)
    return Observation(row.metric, row.value, boundary=boundary, statistic=row.statistic)


def impossible(metric: str, value: float) -> str | None:
    """Return why nothing can have been measured so, or None: energies, times and rates are above zero, shares at least zero."""
    info = METRICS[metric]
    may_be_zero = info.unit == "%" or metric in MAY_BE_ZERO
    if value > LEAST or (may_be_zero and value >= 0):
        return None
    what = "negative" if value < 0 else "zero"
    return f"invalid: {number(value)} {info.unit}, and {info.noun} that is measured is never {what}"
