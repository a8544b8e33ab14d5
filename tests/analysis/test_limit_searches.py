"""Tests of limits that were looked for: which trials make one."""

from __future__ import annotations

from greenreport.analysis.measure.limit_searches import LimitSearch, from_trials
from greenreport.record import Outcome, RecordKind, RunRecord, RunSpec
from greenreport.study import Configuration
from tests.records import ENVIRONMENT, record


def trial(load: int, outcome: Outcome, content: str, day: int) -> RunRecord:
    """Return a trial of a batch size, of a cell with this content, made on this day."""
    configuration = Configuration(engine="fake", batch_size=load).model_dump(mode="json", exclude={"name"})
    spec = RunSpec(configuration=configuration, factor="batch_size", level=load)
    return record(
        kind=RecordKind.LIMIT, spec=spec, outcome=outcome, fingerprint=content, started_at=f"2026-01-{day:02}T00:00:00Z"
    )


def found(*trials: RunRecord) -> LimitSearch:
    """Return the one search these trials make."""
    [search] = from_trials(trials, ENVIRONMENT)
    return search


def test_trials_of_an_earlier_study_file_are_left_out() -> None:
    """With longer outputs less fits: the limit is that of the present content, not one between both."""
    old = [trial(4, Outcome.OK, "old", 1), trial(16, Outcome.OK, "old", 1), trial(32, Outcome.OUT_OF_MEMORY, "old", 1)]
    new = [trial(2, Outcome.OK, "new", 2), trial(4, Outcome.OUT_OF_MEMORY, "new", 2)]
    for order in ([*old, *new], [*new, *old]):  # the store does not keep the order of time
        assert (found(*order).good, found(*order).bad) == (2, 4)


def test_a_later_trial_of_the_same_load_counts() -> None:
    """More memory was free the second time."""
    trials = [trial(8, Outcome.OK, "same", 2), trial(4, Outcome.OK, "same", 1), trial(8, Outcome.OUT_OF_MEMORY, "same", 1)]
    assert (found(*trials).good, found(*trials).bad) == (8, None)
