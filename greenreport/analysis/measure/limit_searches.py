"""The largest load that works, from the trials of `greenreport limit` on a machine."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from greenreport.catalog import fields_of
from greenreport.pooling import agree, place_of
from greenreport.record import Environment, Outcome, RunRecord
from greenreport.study import Configuration
from greenreport.study.cells import DEFAULTS


@dataclass(frozen=True, slots=True)
class LimitSearch:
    """The result of a search for one model in one configuration.

    Attributes:
        base: the configuration with the factor at its default.
        good: largest load that worked; bad: smallest that did not, None where none failed.
    """

    model: str
    base: Configuration
    factor: str
    good: int | None
    bad: int | None
    reason: str | None


def from_trials(records: Iterable[RunRecord], environment: Environment) -> tuple[LimitSearch, ...]:
    """Return the searches of one machine, each from the trials of the newest content of its cell.

    Trials of an earlier study file had other prompts or lengths: a limit between theirs and later ones is nobody's. Of one content,
    a later trial of the same load counts instead of an earlier one.
    """
    trials: dict[tuple[str, str, str], dict[int, RunRecord]] = {}
    content: dict[tuple[str, str, str], str] = {}
    for record in sorted(records, key=lambda record: record.started_at):
        if agree(record.environment, environment, place_of(record)):
            factor, level = record.spec.factor, record.spec.level
            assert factor is not None
            assert level is not None
            apart = fields_of(factor)
            named = record.spec.configuration.items()
            rest = {name: value for name, value in named if name not in apart and DEFAULTS.get(name) != value}
            about = (record.model, factor, json.dumps(rest, sort_keys=True))
            if content.setdefault(about, record.fingerprint) != record.fingerprint:
                content[about], trials[about] = record.fingerprint, {}
            trials.setdefault(about, {})[level] = record
    return tuple(_search(model, factor, rest, loads) for (model, factor, rest), loads in trials.items())


def _search(model: str, factor: str, rest: str, loads: dict[int, RunRecord]) -> LimitSearch:
    base = Configuration.model_validate_json(rest)
    good = max((load for load, record in loads.items() if record.outcome is Outcome.OK), default=None)
    bad = min((load for load, record in loads.items() if record.outcome is not Outcome.OK), default=None)
    reason = None if bad is None else loads[bad].reason or loads[bad].outcome.value.replace("_", " ")
    return LimitSearch(model, base, factor, good, bad, reason)
