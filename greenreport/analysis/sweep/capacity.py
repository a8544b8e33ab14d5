"""The largest load that works, for each model and configuration on this device.

There is one row per direction of a sweep, even where a single load works or none, and one per limit that `greenreport limit`
searched for. Loads that were excluded by design are listed with the reason, because they are not limits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.limit_searches import LimitSearch
from greenreport.analysis.sweep.directions import Direction, load_of, load_text
from greenreport.record import Outcome

ENDS = {Outcome.OUT_OF_MEMORY: "memory ends", Outcome.TIMED_OUT: "the time limit ends"}


@dataclass(frozen=True, slots=True)
class Fit:
    """The largest load that works.

    Attributes:
        load: None where no load works, or none was tried.
        best: it in words; why: why it is the largest.
        runs: valid runs at that load; searched: whether it was searched for instead of swept.
        tried: whether any load was.
        left_out: loads excluded by design, each with its reason.
    """

    model: str
    label: str
    factor: str
    load: float | None
    best: str
    why: str
    runs: int
    searched: bool = False
    tried: bool = True
    left_out: tuple[str, ...] = ()


def fits(dataset: Dataset, swept: Sequence[Direction]) -> tuple[Fit, ...]:
    """Return one row per direction, each followed by the searches along it; then the other searches."""
    rows, covered = [], []
    for direction in swept:
        rows.append(_swept(direction))
        place = (direction.model.id, direction.factor, direction.base.id)
        along = [search for search in dataset.searches if (search.model, search.factor, search.base.id) == place]
        rows += [_searched(dataset, search, direction.label) for search in along]
        covered += along
    rest = [search for search in dataset.searches if search not in covered]
    return (*rows, *(_searched(dataset, search, label_of(search.base)) for search in rest))


def _swept(direction: Direction) -> Fit:
    factor = direction.factor
    good = [cell for cell in direction.cells if cell.ok]
    largest = good[-1] if good else None
    load = None if largest is None else load_of(largest.configuration, factor)
    beyond = [cell for cell in direction.cells if load is None or load_of(cell.configuration, factor) > load]
    tried = any(cell.runs for cell in direction.cells)
    best = load_text(factor, load) if load is not None else "none" if tried else "not tried"
    return Fit(
        direction.model.label, direction.label, factor, load, best, _why(direction, beyond), len(largest.ok) if largest else 0,
        tried=tried, left_out=tuple(_left_out(direction)),
    )  # fmt: skip


def _why(direction: Direction, beyond: Sequence[CellView]) -> str:
    """Say what became of the next larger load."""
    if not direction.cells:
        return "left out by design"
    if not any(cell.runs for cell in direction.cells):
        return "no load was tried yet"
    if not beyond:
        wider = load_of(direction.cells[-1].configuration, direction.factor) < max(direction.levels)
        return "larger loads were left out by design" if wider else "the largest load of the sweep; no limit was met"
    cell = next((cell for cell in beyond if any(run.outcome in ENDS for run in cell.runs)), beyond[0])
    at = load_text(direction.factor, load_of(cell.configuration, direction.factor))
    ended = next((run for run in cell.runs if run.outcome in ENDS), None)
    if ended is not None:
        reason = f": {ended.reason.rstrip('.')}" if ended.reason else ""
        return f"{ENDS[ended.outcome]} at {at}{reason}"
    if not cell.runs:
        return f"{at} was not tried yet"
    return f"{at} has no valid run: {cell.runs[0].reason or cell.runs[0].outcome.value}".rstrip(".")


def _left_out(direction: Direction) -> Iterator[str]:
    """Yield the excluded loads, those of one reason together."""
    for reason in dict.fromkeys(item.reason for item in direction.excluded):
        loads = [load_of(item.configuration, direction.factor) for item in direction.excluded if item.reason == reason]
        yield f"{_loads_text(direction, loads)}: {reason}"


def _loads_text(direction: Direction, loads: Sequence[float]) -> str:
    """Return several loads in words; neighbours of the sweep as a range."""
    levels = sorted(direction.levels)
    if len(loads) == len(levels):
        return "every load"
    texts = [load_text(direction.factor, load) for load in loads]
    first = levels.index(loads[0])
    if len(loads) > 2 and list(loads) == levels[first : first + len(loads)]:
        return f"{texts[0]} to {texts[-1]}"
    return ", ".join(texts)


def _searched(dataset: Dataset, search: LimitSearch, label: str) -> Fit:
    best = "none" if search.good is None else load_text(search.factor, search.good)
    why = "the largest that was to be tried"
    if search.bad is not None:
        reason = f": {search.reason.rstrip('.')}" if search.reason else ""
        why = f"{load_text(search.factor, search.bad)} does not work{reason}"
    model = {model.id: model.label for model in dataset.study.models}.get(search.model, search.model)
    return Fit(model, label, search.factor, search.good, best, why, 0 if search.good is None else 1, searched=True)
