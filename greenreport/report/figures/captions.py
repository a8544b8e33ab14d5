"""Parts of captions that several figures share: remarks, boundary, numbers of runs, ratios."""

from __future__ import annotations

from collections.abc import Iterable

from greenreport.analysis.hypotheses.findings import Finding
from greenreport.analysis.stats import NotComputable, Ratio
from greenreport.catalog import METRICS
from greenreport.report.context import ESTIMATED_ENERGY, StudyContext
from greenreport.units import THIN, counted, number


def metric_bands(study: StudyContext, *metrics: str) -> tuple[str, ...]:
    """Return the remarks of a study that apply to any of these metrics, each once."""
    return tuple(dict.fromkeys(band for metric in metrics for band in remarks_on(study.bands, metric)))


def remarks_on(bands: Iterable[str], metric: str) -> tuple[str, ...]:
    """Return the remarks that apply to a metric: an estimate concerns energy only."""
    return tuple(band for band in bands if band != ESTIMATED_ENERGY or METRICS[metric].of_energy)


def boundary_text(finding: Finding) -> str:
    """Return the sentence on what energy includes; empty for metrics without energy."""
    return f"Boundary: {finding.boundary}." if finding.boundary and finding.metric.of_energy else ""


def runs_text(numbers: Iterable[int]) -> str:
    """Print how many runs cells have: ``5 runs``, ``3 to 5 runs``."""
    distinct = sorted(set(numbers))
    return counted(distinct[0], "run") if len(distinct) == 1 else f"{distinct[0]} to {counted(distinct[-1], 'run')}"


def times(ratio: float) -> str:
    """Print a ratio as a multiple: ``1.25 ×``."""
    return f"{number(ratio)}{THIN}×"


def ratio_text(ratio: Ratio) -> str:
    """Print a ratio with its interval: ``1.25 × [1.20, 1.31]``."""
    if ratio.value is None:
        return f"not computable: {ratio.reason}"
    if isinstance(ratio.ci, NotComputable):
        return f"{times(ratio.value)} (no interval: {ratio.ci.reason})"
    return f"{times(ratio.value)} [{number(ratio.ci.low)}, {number(ratio.ci.high)}]"
