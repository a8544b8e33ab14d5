"""What every run of a study shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from greenreport.execute.processes import Launcher
from greenreport.record import Phase
from greenreport.study import Study
from greenreport.workloads.prompts import PromptList


@dataclass(frozen=True, slots=True)
class Bench:
    """What a run of a study is made with.

    Attributes:
        folder: folder of the study file; relative paths of meters and commands start there.
        entered: told the phase that begins.
        repetition: of the run, from 1.
    """

    study: Study
    prompts: PromptList
    folder: Path
    launcher: Launcher
    entered: Callable[[Phase], None]
    repetition: int = 1
