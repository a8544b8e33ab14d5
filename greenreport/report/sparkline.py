"""The result of a study at a glance: a small drawing beside its sentence in the index of studies.

Ratios stand beside their marks; each has its derivation in the study's figures and claims. A heading says what is drawn and in which
direction it grows; lines are labelled where they end. Colours are variables of the theme, the same as on the study's own pages.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from greenreport.analysis.hypotheses.claims import Claim, compare
from greenreport.analysis.hypotheses.findings import Finding
from greenreport.analysis.measure.configuration_labels import distinct_labels, label_of, label_parts, short_labels
from greenreport.analysis.measure.fidelity import not_ranked, reference_of
from greenreport.analysis.sweep.series import THROUGHPUT, Series
from greenreport.catalog import METRICS, Better, MetricInfo
from greenreport.report.context import StudyContext
from greenreport.report.drawing.svg_text import fitted, whole, width
from greenreport.report.figures.axes import DOT, log_ends, moved_apart, positive
from greenreport.report.figures.saturation_curves import by_model_and_factor, series_looks
from greenreport.study import Configuration
from greenreport.units import THIN, number

WIDTH, ROW, HEAD, FOOT = 320, 20, 22, 20  # as wide as the narrowest common phone has room for
LINE = 13  # between two lines of one label
SIZE, SMALL = 12, 11  # of letters
MOST = 8  # configurations or curves that are drawn
NARROWEST = math.log(1.3)  # range of the axis: a difference of a few per cent is not drawn as if it were large
LABELS = 188  # widest column of labels
HEIGHT = 96  # of the plot of curves
ENDS = 160  # widest labels of curves, on their right
WIDER = 1.15  # a reader's font may be wider than the one measured here
DASHES = ("", "5 3", "2 3", "8 3 2 3")
RING = 4.5
#: Corners of marks that are no circles, in radii of a circle of about the same area.
CORNERS = {
    "square": ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
    "diamond": ((0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)),
    "triangle-up": ((0, -1.2), (1.2, 0.9), (-1.2, 0.9)),
}


def sparkline(study: StudyContext) -> str:
    """Return the drawing of a study as SVG for the page; empty where there is nothing to compare."""
    frontier = study.analysis.frontier
    if frontier is not None and frontier.series:
        return _curves(study)
    leading = study.analysis.leading
    return "" if leading is None else _ratios(study, leading.finding)


def direction(info: MetricInfo) -> str:
    """Return a metric with the way that is better, or that is less where none is: ``energy ← less``, ``throughput → higher``."""
    return f"{info.noun} → {info.more}" if info.better is Better.HIGHER else f"{info.noun} ← {info.less}"


def _ratios(study: StudyContext, finding: Finding) -> str:
    """Draw ratios to the reference configuration on a logarithmic axis, a line per configuration."""
    dataset, info = study.dataset, finding.metric
    reference = next((c for c in dataset.configurations if c.id == reference_of(dataset)), None)
    every = [] if reference is None else sorted(compared(study, info, reference), key=lambda pair: pair[1].value)
    if reference is None or not every:
        return ""
    shown = every[-MOST:] if info.better is Better.HIGHER else every[:MOST]
    ends = [log_ends(claim.value, claim.ci) for _, claim in shown]
    logs = [math.log(bound) for (_, claim), interval in zip(shown, ends, strict=True) for bound in (claim.value, *interval)]
    low, high = min(0.0, *logs), max(0.0, *logs)
    spare = max(0.0, NARROWEST - (high - low)) / 2 + (high - low) * 0.04
    low, high = low - spare, high + spare
    labels = short_labels(dataset.configurations)
    ratios = [f"{number(claim.value)}{THIN}×" for _, claim in shown]
    values = max(width(ratio, SMALL) for ratio in ratios) * WIDER + 8
    right = WIDTH - values
    column = min(LABELS, max(width(labels[configuration.id], SIZE) for configuration, _ in shown) * WIDER + 2)
    names = [_lines(labels[configuration.id], SIZE, column) for configuration, _ in shown]
    foot = _lines(f"dashed: the same as {labels[reference.id]}", SMALL, WIDTH)

    def at(value: float) -> float:
        return column + 12 + (math.log(value) - low) / (high - low) * (right - 20 - column)

    row = ROW + (max(map(len, names)) - 1) * LINE
    bottom = HEAD + len(shown) * row
    height = bottom + FOOT + (len(foot) - 1) * LINE
    unranked, others = not_ranked(study.analysis.fidelity), (c for c in dataset.configurations if c.id != reference.id)
    lost = sum(all((model.id, c.id) in unranked for model in dataset.models) for c in others)
    some = (f", {MOST} of {len(every)}" if len(shown) < len(every) else "") + (f", {lost} not ranked" if lost else "")
    parts = [_text(0, 11, _fitted(f"{direction(info)}{some}", SMALL, WIDTH), soft=True)]
    parts.append(line(at(1), HEAD - 4, at(1), bottom, "currentColor", ' stroke-dasharray="3 3" opacity="0.5"'))
    for place, ((configuration, claim), (first, last)) in enumerate(zip(shown, ends, strict=True)):
        middle, look = HEAD + place * row + row / 2, study.looks[configuration.id]
        parts += _below(0, middle + 4, names[place], SIZE)
        parts.append(line(at(first), middle, at(last), middle, look.colour, ' stroke-width="2"'))
        parts.append(dot(at(claim.value), middle, 4, look.colour, filled=look.filled, shape=look.shape))
        parts.append(_text(WIDTH, middle + 4, ratios[place], soft=True, anchor="end"))
    room = max(width(said, SMALL) for said in foot) * WIDER
    left = min(max(at(1) - room / 2, 0.0), WIDTH - room)
    parts += _below(left, bottom + 15 + (len(foot) - 1) * LINE / 2, foot, SMALL)
    ranked = [
        (claim.value, f"{label_of(configuration)} {ratio}") for (configuration, claim), ratio in zip(shown, ratios, strict=True)
    ]
    ranked = sorted([*ranked, (1.0, f"{label_of(reference)} (the reference)")])
    return picture_of(
        WIDTH, height, f"{info.label} from {info.less} to {info.more}: {', '.join(label for _, label in ranked)}", parts
    )


def compared(study: StudyContext, info: MetricInfo, reference: Configuration) -> Iterator[tuple[Configuration, Claim]]:
    """Yield every other configuration with its ratio to the reference, over all models that both serve faithfully."""
    dataset = study.dataset
    unfaithful = not_ranked(study.analysis.fidelity)
    for configuration in dataset.configurations:
        if configuration.id == reference.id:
            continue
        models = [m for m in dataset.models if {(m.id, configuration.id), (m.id, reference.id)}.isdisjoint(unfaithful)]
        claim = compare(dataset, info.id, configuration, reference, models)
        if claim is not None and positive(claim.value):
            yield configuration, claim


@dataclass(frozen=True, slots=True)
class LoadCurve:
    """A series and how it is drawn: in the colour of the frontier page, with a dash for each model."""

    series: Series
    name: str
    colour: str
    dash: str

    @property
    def values(self) -> tuple[tuple[float, float], ...]:
        """Loads with their throughput, where both have a place on the axes."""
        points = ((point.load, point.value(THROUGHPUT)) for point in self.series.points)
        return tuple((load, value) for load, value in points if load > 0 and positive(value))


def _curves(study: StudyContext) -> str:
    """Draw throughput over a growing load, the load on a logarithmic axis; a ring marks where it saturates."""
    curves = curves_of(study)
    if not curves:
        return ""
    loads = [load for curve in curves for load, _ in curve.values]
    first, last, top = min(loads), max(loads), max(value for curve in curves for _, value in curve.values)
    longest = max(width(curve.name, SMALL) * WIDER for curve in curves)
    right = WIDTH - (min(ENDS, longest + 4) if len(curves) > 1 else 8)
    lines = [len(_lines(curve.name, SMALL, WIDTH - right)) for curve in curves] if len(curves) > 1 else [1]
    step = SIZE + (max(lines) - 1) * LINE
    bottom = HEAD + max(HEIGHT, len(curves) * step)

    def at(load: float, value: float) -> tuple[float, float]:
        return 8 + math.log(load / first) / (math.log(last / first) or 1.0) * (right - 16), bottom - (
            bottom - HEAD
        ) * value / top

    parts = [*_head(curves), line(2, bottom, right, bottom, "currentColor", ' opacity="0.4"')]
    for curve in curves:
        drawn = [(load, at(load, value)) for load, value in curve.values]
        path = " ".join(f"{x:.1f},{y:.1f}" for _, (x, y) in drawn)
        dashed = f' stroke-dasharray="{curve.dash}"' if curve.dash else ""
        parts.append(f'<polyline points="{path}" fill="none" stroke="{curve.colour}" stroke-width="1.5"{dashed}/>')
        for load, (x, y) in drawn:
            saturated = load == curve.series.saturation.load
            parts.append(dot(x, y, RING if saturated else 2.2, curve.colour, filled=not saturated))
    parts += _ends([(curve, *at(*curve.values[-1])) for curve in curves], right, step, bottom) if len(curves) > 1 else []
    parts.append(_text(2, bottom + FOOT - 5, curves[0].series.load_text(first), soft=True))
    parts.append(_text(right, bottom + FOOT - 5, f"{last:g}", soft=True, anchor="end"))
    fates = "; ".join(f"{curve.series.model.label} in {curve.series.label} {_fate(curve.series)}" for curve in curves)
    return picture_of(WIDTH, bottom + FOOT, f"Throughput over a growing load: {fates}", parts)


def curves_of(study: StudyContext) -> list[LoadCurve]:
    """Return the curves of a sweep that are drawn: of its first factor, at most `MOST`."""
    frontier = study.analysis.frontier
    series = () if frontier is None else frontier.series
    return [curve for curve in _drawn(study, series) if len(curve.values) > 1][:MOST]


def _drawn(study: StudyContext, every: Sequence[Series]) -> Iterator[LoadCurve]:
    """Yield the series of the first factor."""
    groups = [group for (_, factor), group in by_model_and_factor(every).items() if factor == every[0].factor]
    names = _names([series for group in groups for series in group])
    for place, group in enumerate(groups):
        looks, dash = series_looks(study, group), DASHES[place % len(DASHES)]
        for series in group:
            yield LoadCurve(series, names[series.model.id, series.label], looks[series.label].colour, dash)


def _names(every: Sequence[Series]) -> Mapping[tuple[str, str], str]:
    """Return what distinguishes each series from the others, in as few words as possible."""
    several = len({series.model.id for series in every}) > 1
    parts = {(s.model.id, s.label): [s.model.label] * several + label_parts(s.base) for s in every}
    return distinct_labels(parts)


def _head(curves: Sequence[LoadCurve]) -> Iterator[str]:
    """Name the vertical axis, and explain the ring where there is one."""
    title = f"{METRICS[THROUGHPUT].noun} ↑ {METRICS[THROUGHPUT].more}"
    yield _text(0, 11, title, soft=True)
    if any(curve.series.saturation.load is not None for curve in curves):
        x = width(title, SMALL) * WIDER + 14
        yield dot(x, 7, RING, "currentColor", filled=False)
        yield _text(x + 9, 11, "saturates", soft=True)


def _ends(ends: Sequence[tuple[LoadCurve, float, float]], right: float, step: float, bottom: float) -> Iterator[str]:
    """Label the curves where they end, from top to bottom, a step apart, so that no label lies on another."""
    order = sorted(ends, key=lambda item: item[2])
    places = moved_apart([end for _, _, end in order], step, bottom + 2.0)
    for (curve, x, end), y in zip(order, places, strict=True):
        yield line(x + 4, end, right - 2, y, curve.colour, ' opacity="0.5"')
        yield from _below(right, y + 4, _lines(curve.name, SMALL, WIDTH - right), SMALL)


def _fate(series: Series) -> str:
    load = series.saturation.load
    return f"saturates at {series.load_text(load)}" if load is not None else "still grows at the largest load measured"


def _fitted(text: str, size: float, room: float) -> str:
    return fitted(text, size, room / WIDER)


def picture_of(width: float, height: float, description: str, parts: Sequence[str]) -> str:
    """Return an SVG for the page with its text alternative."""
    return (
        f'<svg class="glance" role="img" aria-label="{escape(description)}" width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}">'
        f"{''.join(parts)}</svg>"
    )


def line(x1: float, y1: float, x2: float, y2: float, colour: str, more: str = "") -> str:
    """Return a line as SVG; `more`: further attributes."""
    return f'<line x1="{_tenth(x1)}" y1="{_tenth(y1)}" x2="{_tenth(x2)}" y2="{_tenth(y2)}" stroke="{colour}"{more}/>'


def dot(x: float, y: float, radius: float, colour: str, *, filled: bool, shape: str = "circle") -> str:
    """Return a mark as SVG, of about the same area in each of the shapes of engines; the stylesheet fills it with the paper otherwise."""
    look = f'stroke="{colour}"' + (f' fill="{colour}"' if filled else "")
    if shape in CORNERS:
        corners = " ".join(f"{_tenth(x + radius * right)},{_tenth(y + radius * down)}" for right, down in CORNERS[shape])
        return f'<polygon points="{corners}" {look}/>'
    return f'<circle cx="{_tenth(x)}" cy="{_tenth(y)}" r="{radius:g}" {look}/>'


def _tenth(value: float) -> str:
    """Return a coordinate to a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")


def _lines(text: str, size: int, room: float) -> list[str]:
    """Return a text on as many lines as it needs, broken between the parts of a label where these fit."""
    parts = [part.replace(" ", "\u00a0") if width(part, size) * WIDER <= room else part for part in text.split(DOT)]
    return [said.replace("\u00a0", " ") for said in whole(DOT.join(parts), size, room / WIDER)]


def _below(x: float, y: float, lines: Sequence[str], size: int) -> list[str]:
    """Return lines of text around the base line of a single one."""
    first = y - (len(lines) - 1) * LINE / 2
    return [_text(x, first + place * LINE, said, soft=size == SMALL) for place, said in enumerate(lines)]


def _text(x: float, y: float, text: str, *, soft: bool = False, anchor: str = "start") -> str:
    size, opacity = (SMALL, ' opacity="0.75"') if soft else (SIZE, "")
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="currentColor"{opacity}>{escape(text)}</text>'
