"""Calibration: what metering costs and how much equal runs differ. One cell is metered in four ways, in randomised complete blocks.

======================  ==============================================================
metering                meaning
======================  ==============================================================
``off``                 no meter is read
``declared``            the study's meters at the study's interval
``again``               the same once more: together with ``declared`` the A/A pair
``often``               the study's meters five times as often
======================  ==============================================================

The client's clock times all four, so their durations can be compared.
"""

from __future__ import annotations

import hashlib

from greenreport.execute.assignment import Assignment, Reporter
from greenreport.execute.runner import ExtraRuns
from greenreport.plan import Cell, Run
from greenreport.record import Metering, RecordKind
from greenreport.study import Study

OFTEN = 5
SHORTEST_INTERVAL_MS = 5


def calibrate_cell(assignment: Assignment, cell: Cell, repetitions: int, reporter: Reporter) -> None:
    """Run a cell with every metering, each `repetitions` times, and store the runs.

    Raises:
        Unavailable: the cell cannot run here.
    """
    study = assignment.study
    runs = ExtraRuns(assignment, cell, RecordKind.CALIBRATE, reporter)
    order = [(number, metering) for number in range(1, repetitions + 1) for metering in _block(study, cell, number)]
    for position, (repetition, metering) in enumerate(order, start=1):
        runs.perform(_metered(study, metering), Run(cell, repetition, position), len(order), metering=metering)


def _block(study: Study, cell: Cell, repetition: int) -> list[Metering]:
    seed = f"{study.protocol.order.seed}:{repetition}:{cell.key}"
    return sorted(Metering, key=lambda metering: hashlib.sha256(f"{seed}:{metering.value}".encode()).digest())


def _metered(study: Study, metering: Metering) -> Study:
    """Return the study with its meters read in one of the ways; meters with an interval of their own keep it."""
    if metering is Metering.OFF:
        return study.model_copy(update={"meters": ()})
    if metering is Metering.OFTEN:
        interval = max(SHORTEST_INTERVAL_MS, study.protocol.sampling_interval_ms // OFTEN)
        return study.model_copy(update={"protocol": study.protocol.model_copy(update={"sampling_interval_ms": interval})})
    return study
