"""Calibration: what metering costs and how much equal runs differ. One cell is metered in four ways, in randomised complete blocks.

======================  ==============================================================
metering                meaning
======================  ==============================================================
``off``                 no meter is read
``declared``            the study's meters at the study's interval
``again``               the same once more: together with ``declared`` the A/A pair
``often``               the study's meters five times as often
======================  ==============================================================

The client's clock times all four, so their durations can be compared. Calibration runs are kept in the store as runs of their
own kind; no test of the study sees them.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace

from greenreport.execute.assignment import Assignment, Reporter
from greenreport.execute.runner import one_cell, run_one
from greenreport.plan import Cell, PendingRun, Reason, Run
from greenreport.record import Metering, Outcome, RecordKind
from greenreport.study import Study

OFTEN = 5
SHORTEST_INTERVAL_MS = 5


def calibrate_cell(assignment: Assignment, cell: Cell, repetitions: int, reporter: Reporter) -> Counter[Outcome]:
    """Run a cell with every metering, each `repetitions` times, and store the runs.

    Raises:
        Unavailable: the cell cannot run here.
    """
    launcher, job = one_cell(assignment, cell, reporter)
    ended: Counter[Outcome] = Counter()
    total, number = repetitions * len(Metering), 0
    for repetition in range(1, repetitions + 1):
        for metering in _block(assignment.study, cell, repetition):
            number += 1
            item = PendingRun(Run(cell, repetition, number), Reason.FORCED)
            reporter.run_begins(item, number, total)
            record = run_one(replace(assignment, study=_metered(assignment.study, metering)), item, job, launcher, reporter)
            record = replace(record, kind=RecordKind.CALIBRATE, spec=replace(record.spec, metering=metering))
            assignment.store.append([record])
            ended[record.outcome] += 1
            reporter.run_ended(record)
    return ended


def _block(study: Study, cell: Cell, repetition: int) -> list[Metering]:
    def place(metering: Metering) -> bytes:
        return hashlib.sha256(f"{study.protocol.order.seed}:{repetition}:{cell.key}:{metering.value}".encode()).digest()

    return sorted(Metering, key=place)


def _metered(study: Study, metering: Metering) -> Study:
    """Return the study with its meters read in one of the ways; meters with an interval of their own keep it."""
    if metering is Metering.OFF:
        return study.model_copy(update={"meters": ()})
    if metering is Metering.OFTEN:
        interval = max(SHORTEST_INTERVAL_MS, study.protocol.sampling_interval_ms // OFTEN)
        return study.model_copy(update={"protocol": study.protocol.model_copy(update={"sampling_interval_ms": interval})})
    return study
