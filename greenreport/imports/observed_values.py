"""From the columns of a table to the values of a study: everything is checked here, so that what is stored can be analysed."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from greenreport.catalog import CURVE_FACTORS, METRICS
from greenreport.errors import ImportFileError
from greenreport.imports.coded_columns import Coded, coded, combined, counted_in
from greenreport.imports.results_table import NO_ENGINE, UNTOLD, Column, ResultsTable, Role
from greenreport.study import Configuration
from greenreport.study.sweep import MOST_CONFIGURATIONS

MAX_PROBLEMS = 20
MAX_LABEL = 200
#: More is surely another column; a study cannot ask for more either.
MAX_REPETITION = 10_000
#: Beyond anything that is measured, and what ratios and squares of it still are numbers.
MAX_VALUE = 1e15
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LABELS = (Role.MODEL, Role.ENGINE, Role.PROVIDER, Role.SIZE_CATEGORY, Role.HOST, Role.FACTOR)
#: Statistics that stand for a metric itself, the best first.
_PREFERRED = {None: 0, "median": 1, "p50": 1, "mean": 2, "sum": 3}


class ObservedValues:
    """The values of a table that belong to a study.

    Raises:
        ImportFileError: naming every problem, up to 20, with its line.
    """

    def __init__(self, table: ResultsTable, source: str | None = None) -> None:
        self.table, self.source = table, source or table.source
        self._problems: list[tuple[int, str]] = []
        self._labels = {id(column): coded(column.values) for role in _LABELS for column in table.of(role)}
        self._check_labels()
        self._check_loads()
        self.metrics = self._stored()
        self.repetitions = self._repetitions()
        self._check_values()
        self._refuse_repeated()
        if self._problems:
            raise ImportFileError("\n".join(self._told()))
        if not self.metrics:
            raise ImportFileError(
                f"{self.source}: no column is known as a metric that pages show; `greenreport import {self.source} --suggest > mapping.yaml` writes a "
                "mapping in which to name them (energy_j, duration_s, …: docs/imports.md)"
            )
        self._check_sizes()

    @property
    def left_aside(self) -> list[Column]:
        """Metrics that the catalog does not know: they are read and audited, and no page shows them."""
        return [column for column in self.table.of(Role.METRIC) if column not in self.metrics.values()]

    def batches(self) -> Iterator[dict[str, Any]]:
        """Yield the values of each metric as the columns of the store."""
        rows = len(self.table)
        engine, provider = self.engine, self._one(Role.PROVIDER)
        shared: dict[str, NDArray[Any]] = {
            "model": self._one(Role.MODEL, self.source).texts(),
            "size_category": self._one(Role.SIZE_CATEGORY, "").texts(),
            "engine": engine.texts(),
            "provider": provider.texts(),
            "repetition": self.repetitions,
            "host": self._one(Role.HOST, "").texts(),
            "load": self._loads_as_json(),
            "factors": self._factors_as_json(),
        }
        for metric, column in self.metrics.items():
            values = column.scaled
            kept = np.flatnonzero(np.isfinite(values))
            counts = np.full(rows, np.nan) if column.counts is None else column.counts
            yield {name: array[kept] for name, array in shared.items()} | {
                "metric": np.full(len(kept), metric, dtype=np.object_),
                "value": values[kept],
                "unit": np.full(len(kept), METRICS[metric].unit, dtype=np.object_),
                "statistic": np.full(len(kept), column.statistic or "", dtype=np.object_),
                "of_values": counts[kept],
            }

    @cached_property
    def engine(self) -> Coded:
        """The engine; where the table tells none, the first factor whose levels are rivals stands for it."""
        column = next(self.table.of(Role.ENGINE), None) or self.promoted
        return Coded([NO_ENGINE], np.zeros(len(self.table), dtype=np.int64)) if column is None else self._labels[id(column)]

    @cached_property
    def promoted(self) -> Column | None:
        """The factor that stands for the engine."""
        if next(self.table.of(Role.ENGINE), None) is not None:
            return None
        return next((column for column in self.table.of(Role.FACTOR) if not column.within), None)

    @cached_property
    def factors(self) -> list[Column]:
        """Factors besides the one that stands for the engine."""
        return [column for column in self.table.of(Role.FACTOR) if column is not self.promoted]

    def _one(self, role: Role, absent: str = UNTOLD) -> Coded:
        column = next(self.table.of(role), None)
        return Coded([absent], np.zeros(len(self.table), dtype=np.int64)) if column is None else self._labels[id(column)]

    def _problem(self, row: int | np.integer[Any], text: str) -> None:
        self._problems.append((int(self.table.lines[row]), text))

    def _told(self) -> Iterator[str]:
        ordered = sorted(self._problems, key=lambda problem: problem[0])
        yield from (f"{self.source}:{line}: {text}" for line, text in ordered[:MAX_PROBLEMS])
        if len(ordered) > MAX_PROBLEMS:
            yield f"… and {len(ordered) - MAX_PROBLEMS:,} more"

    def _check_labels(self) -> None:
        for role in _LABELS:
            for column in self.table.of(role):
                labels, name = self._labels[id(column)], column.key or column.name
                required = role in (Role.MODEL, Role.ENGINE, Role.PROVIDER, Role.FACTOR)
                same: dict[str, str] = {}
                for code, text in enumerate(labels.levels):
                    problem = label_problem(name, text, required=required)
                    alike = same.setdefault(unicodedata.normalize("NFC", text), text)
                    if alike != text:
                        problem = f"{name} {text!a} and {alike!a} look the same and are written with different characters; write them alike"
                    if problem is not None:
                        for row in np.flatnonzero(labels.codes == code):
                            self._problem(row, problem)

    def _check_loads(self) -> None:
        columns = list(self.table.of(Role.LOAD))
        for column in columns:
            factor, values = CURVE_FACTORS[column.key], np.asarray(column.values, dtype=np.float64)
            told = np.isfinite(values)
            wrong = told & ((values <= 0) | (values != np.trunc(values)) if factor.whole else values <= 0)
            for row in np.flatnonzero(wrong):
                self._problem(row, f"{column.key} '{values[row]:g}' is no {'whole number from 1' if factor.whole else 'rate'}")
            default = Configuration.model_fields[column.key].default
            if default is not None and (~told).any() and (values == default).any():
                first = int(np.flatnonzero(values == default)[0])
                self._problem(
                    int(np.flatnonzero(~told)[0]),
                    f"{column.key} is blank here and {default} in line {self.table.lines[first]}; write {default} in both, or tell them apart",
                )
        if columns and not self._problems:
            levels = np.stack([np.asarray(column.values, dtype=np.float64) for column in columns], axis=1)
            different, rows = np.unique(levels, axis=0, return_index=True)
            for combination, row in zip(different, rows, strict=True):
                if (
                    problem := _load_problem(dict(zip([column.key for column in columns], combination, strict=True)))
                ) is not None:
                    self._problem(row, problem)

    def _stored(self) -> dict[str, Column]:
        """Return the metrics of the catalog, each once: of single observations rather than of a median, of a median rather than of a mean."""
        kept: dict[str, Column] = {}
        for column in sorted(self.table.of(Role.METRIC), key=lambda column: _PREFERRED.get(column.statistic, len(_PREFERRED))):
            metric = metric_of(column.key, column.statistic)
            if metric is not None:
                kept.setdefault(metric, column)
        return kept

    @cached_property
    def _identity(self) -> NDArray[np.int64]:
        """Number of the cell of each row: everything but the repetition."""
        texts = [self._one(role, "").codes for role in (Role.MODEL, Role.ENGINE, Role.PROVIDER, Role.HOST)]
        texts += [self._labels[id(column)].codes for column in self.table.of(Role.FACTOR)]
        loads = [np.asarray(column.values, dtype=np.float64) for column in self.table.of(Role.LOAD)]
        return combined([*texts, *loads], len(self.table))

    def _repetitions(self) -> NDArray[np.int64]:
        column = next(self.table.of(Role.REPETITION), None) or next(self.table.of(Role.BLOCK), None)
        if column is None:
            return counted_in(self._identity)
        values = np.asarray(column.values, dtype=np.float64)
        if self.table.format != "tidy" and np.isfinite(values).any() and np.nanmin(values) == 0:
            values = values + 1  # counted from 0
        whole = np.isfinite(values) & (values >= 1) & (values == np.trunc(values))
        for row in np.flatnonzero(~whole | (values > MAX_REPETITION)):
            shown = f"{column.name} '{values[row]:.15g}'" if np.isfinite(values[row]) else f"{column.name} is blank and"
            if not whole[row]:
                self._problem(row, f"{shown} is no whole number from 1")
            else:
                self._problem(row, f"{shown} is more than {MAX_REPETITION:,}, the most a study has")
        return np.where(whole & (values <= MAX_REPETITION), np.nan_to_num(values), 0).astype(np.int64)

    def _check_values(self) -> None:
        for metric, column in self.metrics.items():
            for row in np.flatnonzero(np.abs(column.scaled) > MAX_VALUE):
                self._problem(
                    row,
                    f"{column.name} {column.scaled[row]:g} {METRICS[metric].unit} is more than anything that is measured; leave it out",
                )

    def _refuse_repeated(self) -> None:
        if self._problems:
            return
        together = combined([self._identity, self.repetitions], len(self.table))
        _, first, places = np.unique(together, return_index=True, return_inverse=True)
        for row in np.flatnonzero(first[places] != np.arange(len(together))):
            self._problem(
                row, f"the same run as line {self.table.lines[first[places[row]]]}: equal in every factor and in the repetition"
            )

    def _check_sizes(self) -> None:
        rivals = [
            self.engine.codes,
            self._one(Role.PROVIDER).codes,
            *(self._labels[id(column)].codes for column in self.factors if not column.within),
        ]
        rivals += [np.asarray(column.values, dtype=np.float64) for column in self.table.of(Role.LOAD) if not column.within]
        works = [self._one(Role.MODEL, "").codes, *(self._labels[id(column)].codes for column in self.factors if column.within)]
        for what, columns in (("configurations", rivals), ("combinations of model and work", works)):
            number = int(combined(columns, len(self.table)).max(initial=-1)) + 1
            if number > MOST_CONFIGURATIONS:
                raise ImportFileError(
                    f"{self.source}: holds {number:,} {what}, and a study has at most {MOST_CONFIGURATIONS:,}"
                )

    def _loads_as_json(self) -> NDArray[np.object_]:
        columns = [
            next(column for column in self.table.of(Role.LOAD) if column.key == key)
            for key in CURVE_FACTORS
            if any(c.key == key for c in self.table.of(Role.LOAD))
        ]
        values = [np.asarray(column.values, dtype=np.float64) for column in columns]
        rows = combined(values, len(self.table))
        _, first = np.unique(rows, return_index=True)
        texts = [
            json.dumps([[c.key, float(v[row])] for c, v in zip(columns, values, strict=True) if np.isfinite(v[row])])
            for row in first
        ]
        return np.array([*texts, "[]"], dtype=np.object_)[rows]

    def _factors_as_json(self) -> NDArray[np.object_]:
        levels = [self._labels[id(column)] for column in self.factors]
        rows = combined([item.codes for item in levels], len(self.table))
        _, first = np.unique(rows, return_index=True)
        texts = [
            json.dumps([[c.key, item.levels[item.codes[row]], c.within] for c, item in zip(self.factors, levels, strict=True)])
            for row in first
        ]
        return np.array([*texts, "[]"], dtype=np.object_)[rows]


def metric_of(key: str, statistic: str | None) -> str | None:
    """Return the metric of the catalog that a statistic is: of ``latency_s`` the p99 is ``latency_p99_s``, its median and mean are itself.

    The time between tokens is a median over requests of their mean gaps, so neither a median of all gaps nor a percentile of mean gaps is one.
    """
    if key == "tpot_s":
        return "tbt_s" if statistic in _PREFERRED else None
    if key not in METRICS or (key == "tbt_s" and statistic in ("median", "p50")):
        return None
    if statistic in _PREFERRED:
        return key
    percentile = f"{key.removesuffix('_s')}_{statistic}_s"
    return percentile if percentile in METRICS else None


def label_problem(name: str, text: str, *, required: bool) -> str | None:
    """Return what is wrong with a label, or None."""
    if required and not text:
        return f"{name} is empty"
    if len(text) > MAX_LABEL:
        return f"{name} is longer than {MAX_LABEL} characters"
    return f"{name} holds a line break or another control character" if CONTROL.search(text) else None


def _load_problem(levels: dict[str, float]) -> str | None:
    told = {
        name: int(level) if CURVE_FACTORS[name].whole else float(level) for name, level in levels.items() if np.isfinite(level)
    }
    try:
        Configuration.model_validate({"engine": "any", **told})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return None
