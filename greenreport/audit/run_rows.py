"""Runs as a table of results: what an audit of a study's own runs is made of."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from greenreport.audit.table import AuditedTable
from greenreport.catalog import CIRCUMSTANCES, METRICS
from greenreport.imports.results_table import Column, ResultsTable, Role


@dataclass(frozen=True, slots=True)
class AuditedRun:
    """A run with what tells it from others, and its values.

    Attributes:
        levels: level of each factor, by its name, all runs having the same names; loads: the same of load factors, as numbers.
        values: of metrics and circumstances, by key, in their units.
        work: names of the levels that are different work, so that rivals are compared at equal ones only.
    """

    levels: Mapping[str, str]
    repetition: int
    values: Mapping[str, float]
    loads: Mapping[str, float] = field(default_factory=dict)
    work: frozenset[str] = frozenset()


def as_table(source: str, runs: Sequence[AuditedRun]) -> ResultsTable:
    """Return runs as a table, numbered from 1 in the order in which they are given."""
    factors = dict.fromkeys(name for run in runs for name in run.levels)
    loads = dict.fromkeys(name for run in runs for name in run.loads)
    keys = dict.fromkeys(key for run in runs for key in run.values)
    columns = [
        *(_factor(name, [run.levels.get(name, "") for run in runs], any(name in run.work for run in runs)) for name in factors),
        *(Column(name, Role.LOAD, _numbers([run.loads.get(name) for run in runs]), name) for name in loads),
        Column("repetition", Role.REPETITION, _numbers([run.repetition for run in runs])),
        *(
            Column(name, Role.METRIC, _numbers([run.values.get(key) for run in runs]), key, _unit(key))
            for key, name in _names(list(keys)).items()
        ),
    ]
    content = json.dumps([[dict(run.levels), dict(run.loads), run.repetition, dict(run.values)] for run in runs])
    digest = hashlib.sha256(content.encode()).hexdigest()
    return ResultsTable(source, "runs", digest, tuple(columns), np.arange(1, len(runs) + 1))


def row_names(table: ResultsTable) -> dict[int, str]:
    """Return for the line of each row the levels that tell it from others, with its repetition: ``onnx · cpu, repetition 3``."""
    audited = AuditedTable(table)
    numbers = next((column.values for column in table.of(Role.REPETITION)), None)
    found: dict[int, str] = {}
    for rows in audited.groups:
        name = audited.name_of(rows)
        for row in rows:
            told = "" if numbers is None or not np.isfinite(numbers[row]) else f", repetition {numbers[row]:g}"
            found[int(table.lines[row])] = f"{name}{told}"
    return found


def _factor(name: str, levels: Sequence[str], work: bool) -> Column:
    return Column(name, Role.FACTOR, np.array(levels, dtype=np.object_), name, within=work)


def _numbers(values: Sequence[float | None]) -> np.typing.NDArray[np.float64]:
    return np.array([math.nan if value is None else value for value in values], dtype=np.float64)


def _names(keys: Sequence[str]) -> dict[str, str]:
    """Return what each column is called: the label of its metric where no other has it, else its key."""
    labels = [METRICS[key].label if key in METRICS else key for key in keys]
    return {key: label if labels.count(label) == 1 else key for key, label in zip(keys, labels, strict=True)}


def _unit(key: str) -> str:
    return METRICS[key].unit if key in METRICS else CIRCUMSTANCES[key].unit
