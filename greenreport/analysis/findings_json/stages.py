"""The stages of serving of a cell as plain values, for `document`."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from greenreport.analysis.findings_json.tests import Json, plain_number
from greenreport.analysis.measure.dataset import CellView
from greenreport.analysis.measure.spans import Beside, Stage


def plain_stages(cell: CellView) -> Json | None:
    """Return stages in time and energy, medians over the runs that count; None where the server reports no spans."""
    runs = [run for run in cell.ok if run.stages]
    if not runs:
        return None
    stages = [stage for run in runs for stage in run.stages]
    beside = [item for run in runs for item in run.concurrent]
    return {
        "n": len(runs),
        "boundary": cell.boundary("energy_j"),
        "methods": sorted(method.value for method in cell.methods("energy_j")),
        "of_the_window": [_stage([s for s in stages if s.name == name]) for name in dict.fromkeys(s.name for s in stages)],
        "while_inferring": [_beside([b for b in beside if b.name == name]) for name in dict.fromkeys(b.name for b in beside)],
    }


def _stage(parts: Sequence[Stage]) -> Json:
    energies = [part.energy_j for part in parts if part.energy_j is not None]
    return {
        "name": parts[0].name,
        "request_s": plain_number(median(part.median_s for part in parts)),
        "window_s": plain_number(median(part.window_s for part in parts)),
        "energy_j": plain_number(median(energies)) if energies else None,
        "energy_resolved": bool(energies) and all(part.resolved for part in parts),
    }


def _beside(parts: Sequence[Beside]) -> Json:
    return {
        "name": parts[0].name,
        "request_s": plain_number(median(part.median_s for part in parts)),
        "total_s": plain_number(median(part.total_s for part in parts)),
    }
