"""The largest load that works, from the trials `greenreport limit` made on a machine."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from greenreport.record import Outcome, RunRecord


@dataclass(frozen=True, slots=True)
class LimitSearch:
    """What was found for one model in one configuration.

    Attributes:
        configuration: id of the configuration with the factor at its limit (or at 1, where no load works).
        good: largest load that worked; bad: smallest that did not, None where none failed.
    """

    model: str
    configuration: str
    factor: str
    good: int | None
    bad: int | None
    reason: str | None


def from_trials(records: Iterable[RunRecord], environment: str) -> tuple[LimitSearch, ...]:
    """Return the searches of one machine; a later trial of the same load counts instead of an earlier one."""
    trials: dict[tuple[str, str, str], dict[int, RunRecord]] = {}
    for record in records:
        if record.environment.key == environment:
            spec = json.loads(record.spec)
            rest = json.dumps({**spec["configuration"], spec["factor"]: None}, sort_keys=True)
            trials.setdefault((record.model, spec["factor"], rest), {})[int(spec["load"])] = record
    return tuple(_search(model, factor, loads) for (model, factor, _), loads in trials.items())


def _search(model: str, factor: str, loads: dict[int, RunRecord]) -> LimitSearch:
    good = max((load for load, record in loads.items() if record.outcome is Outcome.OK), default=None)
    bad = min((load for load, record in loads.items() if record.outcome is not Outcome.OK), default=None)
    shown = loads[good] if good is not None else loads[min(loads)]
    reason = None if bad is None else loads[bad].reason or loads[bad].outcome.value.replace("_", " ")
    return LimitSearch(model, shown.key.split("/", 1)[1], factor, good, bad, reason)
