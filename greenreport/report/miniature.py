"""The result of a study on one line, without a word: ratios to the reference as dots, or throughput over a growing load as curves."""

from __future__ import annotations

import math

from greenreport.analysis.measure.fidelity import reference_of
from greenreport.report.context import StudyContext
from greenreport.report.figures.axes import positive
from greenreport.report.sparkline import compared, curves_of, direction, dot, line, picture_of

WIDTH, HEIGHT, EDGE = 150, 40, 7
NARROWEST = math.log(1.3)  # range of the axis: a difference of a few per cent is not drawn as if it were large


def miniature(study: StudyContext) -> str:
    """Return the drawing as SVG for the page; empty where there is nothing to compare."""
    frontier, leading = study.analysis.frontier, study.analysis.leading
    if frontier is not None and frontier.series:
        return _curves(study)
    reference = next((c for c in study.dataset.configurations if c.id == reference_of(study.dataset)), None)
    if leading is None or reference is None:
        return ""
    info = leading.finding.metric
    found = [(configuration, claim.value) for configuration, claim in compared(study, info, reference) if positive(claim.value)]
    if not found:
        return ""
    logs = [0.0, *(math.log(value) for _, value in found)]
    spare = max(0.0, NARROWEST - (max(logs) - min(logs))) / 2
    low, high = min(logs) - spare, max(logs) + spare

    def at(log: float) -> float:
        return EDGE + (log - low) / (high - low) * (WIDTH - 2 * EDGE)

    middle = HEIGHT / 2
    parts = [line(2, middle, WIDTH - 2, middle, "currentColor", ' opacity="0.3"')]
    parts.append(line(at(0), 4, at(0), HEIGHT - 4, "currentColor", ' stroke-dasharray="3 3" opacity="0.6"'))
    for configuration, value in found:
        look = study.looks[configuration.id]
        parts.append(dot(at(math.log(value)), middle, 4, look.colour, filled=look.filled, shape=look.shape))
    said = f"{direction(info)}: {len(found)} of {len(found) + 1} configurations relative to the other, the dashed line"
    return picture_of(WIDTH, HEIGHT, said, parts)


def _curves(study: StudyContext) -> str:
    curves = curves_of(study)
    if not curves:
        return ""
    loads = [load for curve in curves for load, _ in curve.values]
    first, last, top = min(loads), max(loads), max(value for curve in curves for _, value in curve.values)

    def at(load: float, value: float) -> str:
        x = EDGE + math.log(load / first) / (math.log(last / first) or 1.0) * (WIDTH - 2 * EDGE)
        return f"{x:.1f},{4 + (HEIGHT - 8) * (1 - value / top):.1f}"

    parts = [line(2, HEIGHT - 4, WIDTH - 2, HEIGHT - 4, "currentColor", ' opacity="0.3"')]
    for curve in curves:
        path = " ".join(at(load, value) for load, value in curve.values)
        dashed = f' stroke-dasharray="{curve.dash}"' if curve.dash else ""
        parts.append(f'<polyline points="{path}" fill="none" stroke="{curve.colour}" stroke-width="1.5"{dashed}/>')
    return picture_of(WIDTH, HEIGHT, f"throughput over a growing load, {len(curves)} curves", parts)
