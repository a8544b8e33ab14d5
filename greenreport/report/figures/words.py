"""Words and bands that several figures share."""

from __future__ import annotations

from collections.abc import Iterable

from greenreport.analysis.hypotheses.findings import Finding
from greenreport.analysis.stats import NotComputable, Ratio
from greenreport.catalog import METRICS
from greenreport.record import Phase
from greenreport.report.context import StudyContext
from greenreport.units import THIN, counted, number

PHASE_NAMES = {
    Phase.COOLDOWN: "cool-down", Phase.START: "start", Phase.LOAD: "load", Phase.COMPILE: "compile", Phase.IDLE_BEFORE: "idle before",
    Phase.WARMUP: "warm-up", Phase.WINDOW: "window", Phase.IDLE_AFTER: "idle after", Phase.STOP: "stop",
    Phase.MATERIALISE: "weights", Phase.CONVERT: "conversion",
}  # fmt: skip


def metric_bands(study: StudyContext, metric: str) -> tuple[str, ...]:
    """Return the remarks of a study that apply to a metric."""
    return applying(study.bands, metric)


def applying(bands: Iterable[str], metric: str) -> tuple[str, ...]:
    """Return the remarks that apply to a metric: an estimate concerns energy only."""
    return tuple(band for band in bands if band != "estimated energy" or METRICS[metric].of_energy)


def boundary_text(finding: Finding) -> str:
    """Return the sentence on what energy includes; empty for metrics without energy."""
    return f"Boundary: {finding.boundary}." if finding.boundary and finding.metric.of_energy else ""


def runs_text(numbers: Iterable[int]) -> str:
    """Print how many runs cells have: ``5 runs``, ``3 to 5 runs``."""
    found = sorted(set(numbers))
    return counted(found[0], "run") if len(found) == 1 else f"{found[0]} to {counted(found[-1], 'run')}"


def times(ratio: float) -> str:
    """Print a ratio as a multiple."""
    return f"{number(ratio)}{THIN}×"


def ratio_text(ratio: Ratio) -> str:
    """Print a ratio with its interval."""
    if ratio.value is None:
        return f"not computable: {ratio.reason}"
    if isinstance(ratio.ci, NotComputable):
        return f"{times(ratio.value)} (no interval: {ratio.ci.reason})"
    return f"{times(ratio.value)} [{number(ratio.ci.low)}, {number(ratio.ci.high)}]"
