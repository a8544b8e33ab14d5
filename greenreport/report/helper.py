"""The data of the decision helper: what each cell costs and needs, and which cells are statistically tied in energy.

The page's script filters these rows by what a reader can accept and names the most frugal cell that is left; every number in it
is a median with its interval that stands on the cell's page too.
"""

from __future__ import annotations

from typing import Any

from greenreport.analysis.dataset import CellView, label_of
from greenreport.analysis.fidelity import Verdict
from greenreport.analysis.findings import compare_models
from greenreport.analysis.stats import Interval, describe
from greenreport.record import Method
from greenreport.report.context import StudyContext
from greenreport.report.pages.sides import cell_slug

#: metric → name in the data
METRICS = {
    "j_per_request": "energy",
    "latency_p95_s": "latency",
    "ram_rss_peak_b": "memory",
    "throughput_tokens_per_s": "throughput",
}


def helper_data(study: StudyContext) -> dict[str, Any] | None:
    """Return the rows of the helper; None when no cell has energy and latency."""
    dataset, fidelity = study.dataset, study.analysis.fidelity
    unfaithful = {(f.model, f.configuration) for f in fidelity if f.verdict is Verdict.UNFAITHFUL}
    tests = {item.model.id: item.test for item in compare_models(dataset, "j_per_request", fidelity)}
    cells = []
    for cell in dataset.cells:
        if (cell.model.id, cell.configuration.id) in unfaithful or not cell.values("j_per_request"):
            continue
        groups = {group.name: group.letters for group in tests[cell.model.id].groups} if cell.model.id in tests else {}
        cells.append(
            {
                "model": cell.model.id,
                "label": label_of(cell.configuration),
                "gpu": cell.configuration.provider != "cpu",
                "page": f"cells/{cell_slug(cell)}/index.html",
                "runs": len(cell.ok),
                "estimated": Method.ESTIMATED in cell.methods("j_per_request"),
                "tie": list(groups.get(cell.configuration.id, ())),
                **{name: _value(cell, metric) for metric, name in METRICS.items()},
            }
        )
    if not cells:
        return None
    models = [{"id": m.id, "label": m.label} for m in dataset.models if any(cell["model"] == m.id for cell in cells)]
    return {"models": models, "cells": cells, "gpu": any(cell["gpu"] for cell in cells)}


def _value(cell: CellView, metric: str) -> list[float | None] | None:
    """Return median, low and high, rounded to the digits anyone reads."""
    values = cell.values(metric)
    if not values:
        return None
    found = describe(values)
    ci = found.median_ci
    bounds = (ci.low, ci.high) if isinstance(ci, Interval) else (None, None)
    return [None if value is None else float(f"{value:.5g}") for value in (found.median, *bounds)]
