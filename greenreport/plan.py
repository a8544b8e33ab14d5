"""From a study to cells, ordered runs, and the runs that are still to do with the reason of each. Pure functions.

*Identity and content differ.* A cell's `key` says which cell it is; its `fingerprint` digests everything that could change a
number. A record counts for a cell only when fingerprint, repetition and comparable environment agree.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import Any

from greenreport.catalog import ENGINES, LIMITABLE, LOAD_FACTORS, Served
from greenreport.pooling import EnginePlace
from greenreport.record import SETTLED, IndexRow, Outcome
from greenreport.study import Configuration, Model, Study, Weights
from greenreport.study.cells import NAMES
from greenreport.study.error_messages import nearest
from greenreport.study.servers import slug

#: Raised when the meaning of a setting or a default changes. Settings at their defaults are not part of a fingerprint, so a
#: setting that is added to greenreport makes no finished study pending again.
FINGERPRINT_VERSION = 2
#: Version of the recipe that gives untrained models their weights; raised when the same seed would give others.
UNTRAINED_RECIPE = 1


@dataclass(frozen=True, slots=True)
class Cell:
    """One model in one serving configuration under the study's workload and protocol.

    Attributes:
        fingerprint: digest of `content`, which is everything that could change a number.
        weights: digest of what identifies the weights alone.
    """

    model: Model
    configuration: Configuration
    fingerprint: str
    content: Mapping[str, Any]
    weights: str

    @property
    def key(self) -> str:
        """Readable identity, ``<model>/<configuration>``."""
        return f"{self.model.id}/{self.configuration.id}"


@dataclass(frozen=True, slots=True)
class Excluded:
    """A cell left out by design."""

    model: Model
    configuration: Configuration
    reason: str


@dataclass(frozen=True, slots=True)
class Run:
    """One repetition of a cell; `repetition` counts from 1 and is the block, `position` is the place in the whole order."""

    cell: Cell
    repetition: int
    position: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Every cell and run of a study, in order of execution."""

    study: Study
    cells: tuple[Cell, ...]
    excluded: tuple[Excluded, ...]
    runs: tuple[Run, ...]

    @property
    def places(self) -> frozenset[EnginePlace]:
        """Where its runs are made: engines, each with the environment that serves it."""
        return frozenset(EnginePlace(cell.configuration.engine, cell.configuration.environment) for cell in self.cells)


class Reason(StrEnum):
    """Why a run is to be done."""

    NEW = "new"
    CHANGED = "changed"
    FAILED = "failed"
    NOT_RUN = "not run"
    OTHER_ENVIRONMENT = "other environment"
    FORCED = "forced"


@dataclass(frozen=True, slots=True)
class PendingRun:
    """A run to be done, and why."""

    run: Run
    reason: Reason


def make_plan(study: Study, prompts_digest: str, local: Mapping[str, str] | None = None) -> Plan:
    """Expand a study into cells and ordered runs.

    Args:
        prompts_digest: identifies the prompts (see `prompts.source_digest`).
        local: model id → digest of its content, for models with a local path.
    """
    cells, excluded = [], []
    measured = [(configuration, _content(study, configuration, prompts_digest)) for configuration in study.configurations]
    for model in study.models:
        for configuration, settings in measured:
            reason = next((e.reason for e in study.exclude if e.covers(model, configuration)), None)
            if reason is not None:
                excluded.append(Excluded(model, configuration, reason))
                continue
            weights = weights_content(model, study.weights_of(model), (local or {}).get(model.id))
            # The id is part of it: two models of equal shape are two cells, each with runs of its own.
            content = {**settings, "model": weights, "id": model.id}
            cells.append(Cell(model, configuration, digest(content), content, digest(weights)))
    return Plan(study, tuple(cells), tuple(excluded), _ordered(study, cells))


def _ordered(study: Study, cells: list[Cell]) -> tuple[Run, ...]:
    """Order the runs: each repetition a block."""
    blocks = study.protocol.order.blocks([cell.key for cell in cells], study.protocol.most_repetitions)
    runs = [(cells[place], repetition) for repetition, block in enumerate(blocks, start=1) for place in block]
    return tuple(Run(cell, repetition, position) for position, (cell, repetition) in enumerate(runs, start=1))


def _content(study: Study, configuration: Configuration, prompts_digest: str) -> dict[str, Any]:
    load = study.workload.model_dump(mode="json", include=_LOAD, exclude_defaults=True)
    return {
        "version": FINGERPRINT_VERSION,
        "configuration": _settings(configuration),
        "engine_revision": ENGINES[configuration.engine].revision,
        "prompts": prompts_digest,
        "generation": study.workload.generation.model_dump(mode="json", exclude_defaults=True),
        "transport": {"transport": "http", "stream": study.workload.stream, **load},
        "protocol": study.protocol.model_dump(mode="json", exclude=_NOT_MEASURED, exclude_defaults=True),
        "meters": [
            meter.model_dump(mode="json", exclude_defaults=True, exclude=set(meter.OF_ANALYSIS)) for meter in study.meters
        ],
    }


def _settings(configuration: Configuration) -> dict[str, Any]:
    """Return what of a configuration could change a number: all but names and what is at its default.

    A server that runs already is known by its name alone: started anew with another flag, it answers at the same address.
    """
    settings = configuration.model_dump(mode="json", exclude=NAMES, exclude_defaults=True)
    server = configuration.server
    name = None if server is None else server.id or slug(configuration.name or "")
    if name and ENGINES[configuration.engine].served is Served.RUNNING:
        settings["server"] = {**settings["server"], "id": name}
    return settings


_LOAD = {"requests", "arrivals", "ramp_s", "api", "system"}
_NOT_MEASURED = {"repetitions": True, "load_timeout_s": True, "window_timeout_s": True, "give_up_after": True}


def weights_content(model: Model, weights: Weights, local: str | None = None) -> dict[str, Any]:
    """Return what identifies the weights of a model; names, labels and published figures are not part of it."""
    if weights is Weights.UNTRAINED and model.architecture is not None:
        architecture = model.architecture
        return {"untrained": UNTRAINED_RECIPE, "type": architecture.type, "shape": architecture.shape, "seed": model.seed}
    if weights in (Weights.PATH, Weights.PACKAGE):
        return {"content": model.sha256 or local}
    return {"hub": model.hub, "revision": model.revision}


def digest(content: Mapping[str, Any]) -> str:
    """Return the sha256 of a JSON-like mapping, independent of the order of its keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()).hexdigest()


def pending(plan: Plan, index: Iterable[IndexRow], environment: str, *, force: bool = False) -> tuple[PendingRun, ...]:
    """Return the runs still to do, in order, each with its reason.

    Args:
        index: rows of the store, any study.
        environment: key of this machine's comparable environment.
        force: every run is to be done again.
    """
    rows = tuple(index)
    keys = {(row.key, row.repetition) for row in rows}
    contents = {(row.fingerprint, row.repetition) for row in rows}
    outcomes: dict[tuple[str, int], set[Outcome]] = defaultdict(set)
    for row in rows:
        if row.counts_in(environment):
            outcomes[row.fingerprint, row.repetition].add(row.outcome)

    def reason(run: Run) -> Reason | None:
        content = (run.cell.fingerprint, run.repetition)
        if force:
            return Reason.FORCED
        if content in outcomes:
            ended = outcomes[content]
            return None if ended & SETTLED else Reason.NOT_RUN if ended == {Outcome.NOT_RUN} else Reason.FAILED
        if content in contents:
            return Reason.OTHER_ENVIRONMENT
        return Reason.CHANGED if (run.cell.key, run.repetition) in keys else Reason.NEW

    return tuple(PendingRun(run, why) for run in plan.runs if (why := reason(run)) is not None)


def current(plan: Plan, index: Iterable[IndexRow]) -> dict[str, dict[tuple[str, int], IndexRow]]:
    """Return, for each environment, the record that counts for each (cell key, repetition) of the plan.

    The newest OK record wins; without one, the newest record of another outcome stands for what happened.

    Args:
        index: rows in the order in which they were made.
    """
    keys = {cell.fingerprint: cell.key for cell in plan.cells}
    chosen: dict[str, dict[tuple[str, int], IndexRow]] = defaultdict(dict)
    for row in index:
        key = keys.get(row.fingerprint)
        if key is None or row.repetition > plan.study.protocol.most_repetitions:
            continue
        for environment in (row.environment, *sorted(row.agreeing)):
            held = chosen[environment].get((key, row.repetition))
            if held is None or held.outcome is not Outcome.OK or row.outcome is Outcome.OK:
                chosen[environment][key, row.repetition] = row
    return dict(chosen)


def begun(plan: Plan, index: Iterable[IndexRow], environment: str) -> int:
    """Return the last block of which any run was tried here, at least the first that is always made."""
    rows = current(plan, index).get(environment, {})
    return max([plan.study.protocol.fewest_repetitions, *(repetition for _, repetition in rows)])


def completeness(rows: Mapping[tuple[str, int], IndexRow]) -> tuple[int, int]:
    """Return the number of OK runs and of all runs; the site shows the environment with the largest pair."""
    return sum(row.outcome is Outcome.OK for row in rows.values()), len(rows)


def beyond(cell: Cell, limit: Cell) -> bool:
    """Whether a cell asks for more of the same than another: nothing differs but loads, none is lighter, one is heavier.

    A sweep ends where memory or patience does: what lies beyond a cell that ran out of them is not tried.
    """
    if cell.model.id != limit.model.id or cell.key == limit.key:
        return False
    apart = {"name", *LIMITABLE}
    same = cell.configuration.model_dump(exclude=apart) == limit.configuration.model_dump(exclude=apart)
    loads = ((getattr(cell.configuration, name) or 0, getattr(limit.configuration, name) or 0) for name in LIMITABLE)
    return same and all(load >= tried for load, tried in loads)


#: What `only` can choose by: the model, the whole configuration, or one of its factors.
CONDITIONS = ("model", "engine", "provider", "configuration", *(name for name in LOAD_FACTORS if name != "options"))


def only(plan: Plan, conditions: Mapping[str, frozenset[str]]) -> Plan:
    """Return the plan with only the cells that meet every condition of `CONDITIONS`."""
    cells = tuple(cell for cell in plan.cells if all(_written(plan, cell, key) & wanted for key, wanted in conditions.items()))
    kept = {cell.key for cell in cells}
    return Plan(plan.study, cells, plan.excluded, tuple(run for run in plan.runs if run.cell.key in kept))


def meant(plan: Plan, conditions: Mapping[str, frozenset[str]]) -> str:
    """Return what a condition that no cell of a plan meets may have meant: ``, did you mean 'torch'?``; empty where nothing is near."""
    levels = {key: {text for cell in plan.cells for text in _written(plan, cell, key)} for key in conditions}
    hints = (nearest(value, sorted(levels[key])) for key in conditions for value in sorted(conditions[key] - levels[key]))
    return next(filter(None, hints), "")


def _written(plan: Plan, cell: Cell, key: str) -> set[str]:
    """Return the ways to write a cell's level of a condition: ``4.0`` also as ``4``, ``True`` also as ``true``."""
    names = {"model": cell.model.id, "configuration": cell.configuration.id}
    level: object = names.get(key) or getattr(cell.configuration, key)
    level = level or plan.study.workload.generation.output_tokens if key == "output_tokens" else level
    return {str(level), str(level).lower(), *([f"{level:g}"] if isinstance(level, float) else ())}


def estimate_s(runs: Sequence[PendingRun], index: Iterable[IndexRow]) -> float | None:
    """Return the seconds pending runs will take, from finished runs of the same cells; None before the first one is done.

    A cell without a finished run takes the median of the others: the study's own, since another study's say nothing.
    """
    todo = Counter(item.run.cell.key for item in runs)
    cells = {item.run.cell.fingerprint for item in runs}
    per_key: dict[str, list[float]] = defaultdict(list)
    for row in index:
        if row.outcome is Outcome.OK and row.duration_s > 0 and row.key in todo and row.fingerprint in cells:
            per_key[row.key].append(row.duration_s)
    if not per_key:
        return None
    typical = {key: median(values) for key, values in per_key.items()}
    overall = median(typical.values())
    return sum(number * typical.get(key, overall) for key, number in todo.items())
