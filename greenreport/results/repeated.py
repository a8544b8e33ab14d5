"""Cells that the store holds more than once: under other library versions, or repeated later under the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from greenreport.analysis.measure.courses import Course, Period, course_of
from greenreport.analysis.measure.recorded_dataset import recorded_dataset
from greenreport.analysis.stats import FEWEST_RUNS
from greenreport.plan import Plan
from greenreport.pooling import EnginePlace, hardware_of, pool_of
from greenreport.record import Environment, IndexRow, Outcome
from greenreport.store import Published, Store

#: For the key of a cell, its valid runs of each time it was measured: each repetition once, under the same libraries.
Repeated = dict[str, list[tuple[IndexRow, ...]]]


def repeated(plan: Plan, index: Sequence[IndexRow], hardware: str, environments: Sequence[Environment]) -> Repeated:
    """Return, for the key of each cell that was measured more than once on this hardware, its runs of each time.

    A repetition that was made again under the same libraries belongs to the next time. Machines of equal hardware share the repetitions of
    one time. Times with too few runs for an interval are left out.

    Args:
        index: rows in the order in which they were made.
        hardware: see `pooling.hardware_of`; times on other hardware are not compared.
    """
    cells = {cell.fingerprint: cell for cell in plan.cells}
    here = {environment.key: environment for environment in environments if hardware_of(environment) == hardware}
    pools: dict[tuple[str, str], str] = {}
    times: defaultdict[str, defaultdict[tuple[str, int], list[IndexRow]]] = defaultdict(lambda: defaultdict(list))
    made: defaultdict[tuple[str, str, int], int] = defaultdict(int)
    for row in index:
        cell = cells.get(row.fingerprint)
        if cell is None or row.outcome is not Outcome.OK or row.environment not in here:
            continue
        place = EnginePlace(cell.configuration.engine, cell.configuration.environment)
        pool = pools.setdefault((row.environment, cell.key), pool_of(here[row.environment], {place}))
        times[cell.key][pool, made[cell.key, pool, row.repetition]].append(row)
        made[cell.key, pool, row.repetition] += 1
    enough = {key: [tuple(rows) for rows in of_cell.values() if len(rows) >= FEWEST_RUNS] for key, of_cell in times.items()}
    return {key: of_cell for key, of_cell in enough.items() if len(of_cell) > 1}


def courses(plan: Plan, reader: Store | Published, found: Repeated) -> tuple[Course, ...]:
    """Return the course of every cell that was measured more than once, in the order of the plan."""
    environments = {environment.key: environment for environment in reader.environments()}
    periods: defaultdict[str, list[Period]] = defaultdict(list)
    for time in range(max(map(len, found.values()), default=0)):
        rows = {key: of_cell[time] for key, of_cell in found.items() if time < len(of_cell)}
        records = reader.records([row.run_id for of_cell in rows.values() for row in of_cell])
        for cell in recorded_dataset(plan, records, drawn=False).cells:
            if cell.key in rows:
                periods[cell.key].append(Period(cell, environments.get(rows[cell.key][0].environment)))
    return tuple(course_of(periods[cell.key]) for cell in plan.cells if len(periods[cell.key]) > 1)
