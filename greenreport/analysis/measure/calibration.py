"""Observer effect, noise floor and smallest detectable difference, from the calibration runs of a machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from greenreport.analysis.stats import Interval, NotComputable, Ratio, detectable_effect, ratio_of_geometric_means
from greenreport.pooling import agree, place_of
from greenreport.record import Environment, Metering, Outcome, Phase, RunRecord
from greenreport.units import MINUS, THIN, percent


@dataclass(frozen=True, slots=True)
class CalibrationRun:
    """One calibration run (see `execute.calibrate`); `duration_s` by the client's clock."""

    key: str
    metering: Metering
    interval_ms: int
    duration_s: float
    started_at: str


@dataclass(frozen=True, slots=True)
class Calibration:
    """The results of a calibration.

    Attributes:
        key: the cell that was run.
        runs: number of runs with each metering that ended well, the fewest.
        overhead: execution time with the study's meters ÷ without any.
        overhead_often: the same, sampled five times as often.
        repeated: the A/A pair: equal runs, so everything but 1 is noise.
        cv: coefficient of variation of equal runs: the noise floor.
        detectable: smallest relative difference the study's repetitions find with probability 0.8.
    """

    key: str
    runs: int
    repetitions: int
    overhead: Ratio
    overhead_often: Ratio
    repeated: Ratio
    cv: float | None
    detectable: float | NotComputable

    def lines(self) -> tuple[tuple[str, str], ...]:
        """Return (name, sentence) of each finding."""
        cv = "not computable" if self.cv is None else percent(self.cv)
        smallest = self.detectable.reason if isinstance(self.detectable, NotComputable) else percent(self.detectable)
        return (
            ("Cell", f"{self.key}, at least {self.runs} runs under each condition"),
            ("Cost of the meters", f"execution time changes by {_change(self.overhead)} with the study's meters"),
            ("Sampled five times as often", f"execution time changes by {_change(self.overhead_often)}"),
            ("A/A pair", f"two sets of equal runs differ by {_change(self.repeated)}"),
            ("Noise floor", f"equal runs vary by {cv} (coefficient of variation of execution time)"),
            (
                "Smallest detectable difference",
                f"{smallest} of execution time, with {self.repetitions} repetitions and power 0.8",
            ),
        )


def from_calibrations(records: Iterable[RunRecord], environment: Environment) -> tuple[CalibrationRun, ...]:
    """Return the calibration runs of one machine that ended well."""
    runs = []
    for record in records:
        window, metering = record.mark(Phase.WINDOW), record.spec.metering
        here = agree(record.environment, environment, place_of(record))
        if here and record.outcome is Outcome.OK and window and metering:
            interval = int(record.spec.protocol["sampling_interval_ms"])
            runs.append(CalibrationRun(record.key, metering, interval, window.duration_s, record.started_at))
    return tuple(runs)


def calibration(runs: Sequence[CalibrationRun], repetitions: int) -> Calibration | None:
    """Return the findings for the cell calibrated last, None without runs.

    Args:
        repetitions: the study's, for the smallest detectable difference.
    """
    if not runs:
        return None
    key = max(runs, key=lambda run: run.started_at).key
    off, declared, often, again = (
        tuple(run.duration_s for run in runs if run.key == key and run.metering is metering)
        for metering in (Metering.OFF, Metering.DECLARED, Metering.OFTEN, Metering.AGAIN)
    )
    cv = _pooled_cv([declared, again, off])
    return Calibration(
        key,
        min(map(len, (off, declared, often, again))),
        repetitions,
        ratio_of_geometric_means(declared + again, off),
        ratio_of_geometric_means(often, off),
        ratio_of_geometric_means(again, declared),
        cv,
        NotComputable("no two equal runs") if cv is None else detectable_effect(cv, repetitions),
    )


def _pooled_cv(groups: Sequence[Sequence[float]]) -> float | None:
    """Return the coefficient of variation within groups, pooled by degrees of freedom."""
    usable = [np.asarray(group) for group in groups if len(group) > 1]
    freedom = sum(len(group) - 1 for group in usable)
    if not freedom:
        return None
    return float(np.sqrt(sum((len(g) - 1) * (g.std(ddof=1) / g.mean()) ** 2 for g in usable) / freedom))


def _change(ratio: Ratio) -> str:
    if ratio.value is None:
        return f"an unknown amount ({ratio.reason})"
    text = f"{(ratio.value - 1) * 100:+.2f}{THIN}%"
    if isinstance(ratio.ci, Interval):
        text += f" (95{THIN}% CI {(ratio.ci.low - 1) * 100:+.2f}{THIN}% to {(ratio.ci.high - 1) * 100:+.2f}{THIN}%)"
    return text.replace("-", MINUS)
