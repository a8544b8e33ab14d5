"""The context of a run: study, prompts, processes and progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from greenreport.execute.processes import Launcher
from greenreport.record import Phase
from greenreport.study import Study
from greenreport.workloads.prompts import PromptList


@dataclass(frozen=True, slots=True)
class RunContext:
    """Everything the steps of a run share.

    Attributes:
        folder: folder of the study file, where relative paths of meters and commands start.
        entered: called with each phase that begins.
        repetition: number of the repetition, from 1.
    """

    study: Study
    prompts: PromptList
    folder: Path
    launcher: Launcher
    entered: Callable[[Phase], None]
    repetition: int = 1
