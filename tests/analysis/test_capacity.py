"""Tests of how large a load fits: every declared cell is told, whatever became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.limit_searches import LimitSearch
from greenreport.analysis.sweep.capacity import Fit, fits
from greenreport.analysis.sweep.directions import directions
from greenreport.analysis.sweep.frontier import frontier
from greenreport.plan import Excluded
from greenreport.record import Outcome
from greenreport.study import Configuration
from tests.analysis.test_frontier import sweep, words

GOOD = [100.0, 101.0, 99.0]


def rows(data: Dataset) -> tuple[Fit, ...]:
    """Return the table of limits."""
    return fits(data, directions(data))


def test_a_model_that_fits_two_loads_has_a_row_and_a_mark() -> None:
    """Two loads are too few for a saturation, and enough for a limit with its reason."""
    data = sweep({1: GOOD, 2: GOOD}, {4: Outcome.OUT_OF_MEMORY, 8: Outcome.OUT_OF_MEMORY})
    (row,) = rows(data)
    assert (row.load, row.best, row.why, row.runs) == (2, "batch 2", "memory ends at batch 4: no memory left", 3)
    found = frontier(data, ())
    assert found is not None
    (series,) = found.series
    assert series.short
    assert series.saturation.load is None
    assert series.least_energy is None
    text = words(found, series)
    assert "Only 2 loads have values: too few to look for saturation." in text
    assert "Memory ends the sweep at batch 4; batch 2 is the last that worked." in text


def test_a_model_that_fits_no_load_is_not_lost() -> None:
    """There is no curve, but the table says where memory ended."""
    ended: Mapping[int, Outcome] = dict.fromkeys((1, 2, 4), Outcome.OUT_OF_MEMORY)
    found = frontier(sweep({}, ended), ())
    assert found is not None
    assert found.series == ()
    assert found.headline is None
    (row,) = found.fits
    assert (row.load, row.best, row.why) == (None, "none", "memory ends at batch 1: no memory left")


def test_what_was_left_out_by_design_is_told_with_its_reason() -> None:
    """Excluded loads are no limit; those of one reason stand together."""
    data = sweep({1: GOOD, 2: GOOD})
    model = data.study.models[0]
    out = [Excluded(model, Configuration(engine="torch", batch_size=batch), "too slow") for batch in (4, 8, 16)]
    out += [Excluded(model, Configuration(engine="torch", batch_size=b, replicas=2), "no room") for b in (1, 2, 4)]
    one, two = rows(replace(data, excluded=tuple(out)))
    assert (one.load, one.why, one.left_out) == (2, "larger loads were left out by design", ("batch 4 to batch 16: too slow",))
    assert (two.load, two.best, two.why, two.left_out) == (None, "not tried", "left out by design", ("every load: no room",))


def test_a_load_that_failed_otherwise_and_one_that_waits_are_no_limits_of_memory() -> None:
    """The next larger load says what became of it."""
    (failed,) = rows(sweep({1: GOOD, 2: GOOD}, {4: Outcome.FAILED}))
    assert failed.why == "batch 4 has no valid run: no memory left"
    data = sweep({1: GOOD, 2: GOOD, 4: GOOD})
    waiting = replace(data, cells=(*data.cells[:2], replace(data.cells[2], runs=())))
    assert rows(waiting)[0].why == "batch 4 was not tried yet"
    nothing = replace(data, cells=tuple(replace(cell, runs=()) for cell in data.cells))
    assert [row.best for row in rows(nothing)] == ["not tried"]
    assert frontier(nothing, ()) is None


def test_limits_that_were_looked_for_stand_beside_those_of_the_sweep() -> None:
    """A search along a direction follows its row; another one follows at the end, also in a study without a sweep."""
    base = Configuration(engine="torch")
    along = LimitSearch("one", base, "batch_size", 24, 26, "no memory left")
    other = LimitSearch("one", base, "concurrency", 64, None, None)
    swept, found, beside = rows(replace(sweep({1: GOOD, 2: GOOD, 4: GOOD}), searches=(other, along)))
    assert (swept.searched, swept.load) == (False, 4)
    assert (found.searched, found.load, found.why) == (True, 24, "batch 26 does not work: no memory left")
    assert (beside.best, beside.why) == ("64 clients", "the largest that was to be tried")
    alone = frontier(replace(sweep({1: GOOD}), searches=(along,)), ())
    assert alone is not None
    assert alone.series == ()
    assert [fit.best for fit in alone.fits] == ["batch 24"]
