"""The result of a study at a glance: a small drawing beside its sentence in the index of studies.

It has no numbers: those stand on the study's pages, each with its derivation. Colours are the variables of the theme.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from greenreport.analysis.claims import Claim, compare
from greenreport.analysis.dataset import label_of
from greenreport.analysis.fidelity import Verdict, reference_of
from greenreport.analysis.findings import Finding
from greenreport.analysis.series import THROUGHPUT, Series
from greenreport.analysis.stats import Interval
from greenreport.report.context import StudyContext
from greenreport.report.lettering import fitted
from greenreport.report.style import Look

WIDTH, ROW, LABEL, FOOT = 272, 20, 112, 20
MOST = 8  # rows or curves
NARROWEST = math.log(1.3)  # of the axis: a difference of some per cent is not drawn as if it were large
PLOT = (LABEL + 12, WIDTH - 8)
CURVE = (96, 14)  # height of the plot of curves, and what is left above it
DASHES = ("", "5 3", "2 3", "8 3 2 3")


def glance(study: StudyContext) -> str:
    """Return the drawing of a study as SVG for the page; empty where there is nothing to compare."""
    swept = study.analysis.frontier
    if swept is not None:
        return _curves(study, [series for series in swept.series if len(series.points) > 1][:MOST])
    finding = next((part.finding for answer in study.analysis.answers for part in answer.answers), None)
    return "" if finding is None else _strip(study, finding)


def _strip(study: StudyContext, finding: Finding) -> str:
    """Ratios to the reference configuration, over all models that both serve faithfully, on a logarithmic axis."""
    dataset = study.dataset
    reference = next((c for c in dataset.configurations if c.id == reference_of(dataset.study, dataset)), None)
    unfaithful = {(f.model, f.configuration) for f in study.analysis.fidelity if f.verdict is Verdict.UNFAITHFUL}
    rows: list[tuple[str, Look, Claim]] = []
    for configuration in dataset.configurations:
        if reference is None or configuration.id == reference.id:
            continue
        models = [m for m in dataset.models if not {(m.id, configuration.id), (m.id, reference.id)} & unfaithful]
        claim = compare(dataset, finding.metric.id, configuration, reference, models)
        if claim is not None:
            rows.append((label_of(configuration), study.looks[configuration.id], claim))
    if reference is None or not rows:
        return ""
    rows = sorted(rows, key=lambda row: row[2].value)[:MOST]
    bounds = [math.log(bound) for _, _, claim in rows for bound in (claim.value, *_interval(claim)) if bound > 0]
    low, high = min(0.0, *bounds), max(0.0, *bounds)
    spare = max(0.0, NARROWEST - (high - low)) / 2 + (high - low) * 0.04
    low, high = low - spare, high + spare

    def at(value: float) -> float:
        return PLOT[0] + (math.log(value) - low) / (high - low) * (PLOT[1] - PLOT[0])

    height = len(rows) * ROW + FOOT
    parts = [_line(at(1), 2, at(1), height - FOOT, "currentColor", ' stroke-dasharray="3 3" opacity="0.5"')]
    for place, (label, look, claim) in enumerate(rows):
        middle = place * ROW + ROW / 2
        parts.append(_text(0, middle + 4, fitted(label, 12, LABEL)))
        parts.append(_line(at(_interval(claim)[0]), middle, at(_interval(claim)[1]), middle, look.colour, ' stroke-width="2"'))
        parts.append(_dot(at(claim.value), middle, 4, look.colour, filled=look.filled))
    against = label_of(reference)
    parts.append(_text(at(1), height - 5, fitted(f"as {against}", 11, WIDTH), soft=True, anchor=_anchor(at(1))))
    told = ", ".join(f"{label} {claim.size()}" for label, _, claim in rows)
    return _drawing(height, f"{finding.metric.label} relative to {against}: {told}", parts)


def _interval(claim: Claim) -> tuple[float, float]:
    return (claim.ci.low, claim.ci.high) if isinstance(claim.ci, Interval) else (claim.value, claim.value)


def _anchor(x: float) -> str:
    return "start" if x < LABEL + 40 else "end" if x > WIDTH - 60 else "middle"


def _curves(study: StudyContext, every: Sequence[Series]) -> str:
    """Throughput over a growing load, the load on a logarithmic axis; a ring marks where it saturates."""
    every = [series for series in every if series.factor == every[0].factor] if every else []
    points = [point for series in every for point in series.points if point.value(THROUGHPUT) and point.load > 0]
    if len(points) < 2:
        return ""
    first, last = min(point.load for point in points), max(point.load for point in points)
    top = max(point.value(THROUGHPUT) or 0.0 for point in points)
    plot, above = CURVE
    height = plot + above + FOOT

    def at(load: float, value: float) -> tuple[float, float]:
        return 8 + math.log(load / first) / (math.log(last / first) or 1.0) * (WIDTH - 24), above + plot * (1 - value / top)

    parts = [_line(2, above + plot, WIDTH - 2, above + plot, "currentColor", ' opacity="0.4"')]
    for place, series in enumerate(every):
        colour = study.looks[series.points[0].cell.configuration.id].colour
        drawn = [
            (point.load, at(point.load, value))
            for point in series.points
            if point.load > 0 and (value := point.value(THROUGHPUT))
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for _, (x, y) in drawn)
        dash = DASHES[place % len(DASHES)]
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"{dashed}/>')
        for load, (x, y) in drawn:
            saturated = load == series.saturation.load
            parts.append(_dot(x, y, 4.5 if saturated else 2.2, colour, filled=not saturated))
    parts.append(_text(0, 10, "throughput", soft=True))
    parts.append(_text(2, height - 5, every[0].load_text(first), soft=True))
    parts.append(_text(WIDTH - 2, height - 5, f"{last:g}", soft=True, anchor="end"))
    ends = [
        f"{series.model.label} in {series.label} "
        + (f"saturates at {series.load_text(series.saturation.load)}" if series.saturation.load is not None else "still grows")
        for series in every
    ]
    return _drawing(height, f"Throughput over a growing load: {'; '.join(ends)}", parts)


def _drawing(height: float, told: str, parts: Sequence[str]) -> str:
    return (
        f'<svg class="glance" role="img" aria-label="{escape(told)}" width="{WIDTH}" height="{height:g}" viewBox="0 0 {WIDTH} {height:g}">'
        f"{''.join(parts)}</svg>"
    )


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, more: str = "") -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{more}/>'


def _dot(x: float, y: float, radius: float, colour: str, *, filled: bool) -> str:
    fill = colour if filled else "var(--paper)"
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{fill}" stroke="{colour}" stroke-width="2"/>'


def _text(x: float, y: float, text: str, *, soft: bool = False, anchor: str = "start") -> str:
    size, opacity = (11, ' opacity="0.75"') if soft else (12, "")
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="currentColor"{opacity}>{escape(text)}</text>'
