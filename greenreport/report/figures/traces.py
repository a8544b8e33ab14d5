"""Traces of one run over time, such as its power or the requests at the server, with the phases as bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import altair as alt

from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.downsample import REQUESTS
from greenreport.analysis.measure.run_view import RunView
from greenreport.record import Method, Phase, Quantity
from greenreport.report.context import StudyContext
from greenreport.report.drawing.style import HUES
from greenreport.report.figure import Figure, TableCell, make_table
from greenreport.report.figures.axes import finite
from greenreport.report.figures.captions import remarks_on
from greenreport.report.figures.specification import WIDTH, BandRow, Sheet, Specification, layered, ordered, ordinal, text_marks
from greenreport.units import counted, number, quantity

PHASE_NAMES = {
    Phase.COOLDOWN: "cool-down", Phase.START: "start", Phase.LOAD: "load", Phase.COMPILE: "compile", Phase.IDLE_BEFORE: "idle before",
    Phase.WARMUP: "warm-up", Phase.WINDOW: "window", Phase.IDLE_AFTER: "idle after", Phase.STOP: "stop",
    Phase.MATERIALISE: "weights", Phase.CONVERT: "conversion",
}  # fmt: skip
#: What is traced, and the metric that is its mean over the measured window.
TRACED: Mapping[str, tuple[str, str | None]] = {
    Quantity.POWER: ("Power", "power_mean_w"),
    REQUESTS: ("Server load", None),
    Quantity.CACHE_USE: ("Cache use", None),
    Quantity.LOAD: ("CPU load", "cpu_usage_pct"),
    Quantity.TEMPERATURE: ("Temperature", None),
}
WINDOW = "window"  # the shade of the measured window; other phases alternate between two
MOST_SHOWN = 60  # rows of the table on the page
SINCE = "time since the run began (s)"
WHEEL = "wheel![event.shiftKey]"  # the wheel alone goes on to scroll the page


@dataclass(frozen=True, slots=True)
class SampleRow:
    """A point of a trace, seconds since the start of the run."""

    seconds: float
    value: float
    rail: str


def trace_spec(samples: Sequence[SampleRow], phases: Sequence[BandRow], *, axis: str) -> Specification:
    """F8: a trace over time with the phases as bands; the axis can be dragged and zoomed, or switched to the measured window."""
    sheet = Sheet()
    end = max([s.seconds for s in samples] + [p.end for p in phases], default=1.0)
    start = min([s.seconds for s in samples] + [p.start for p in phases], default=0.0)
    top = max((s.value for s in samples), default=1.0) * 1.12 or 1.0
    rails = ordered([s.rail for s in samples])
    whole = alt.Scale(domain=[start, end], nice=False)
    y = alt.Y("value:Q", title=axis, scale=alt.Scale(domain=[0, top], nice=False), axis=alt.Axis(grid=True, tickCount=5))
    colours = [f"var(--{HUES[place % len(HUES)]})" for place in range(len(rails))]
    legend = alt.Legend(title=None, offset=26) if len(rails) > 1 else None  # above the title of the axis
    line = (
        alt.Chart(sheet.rows(samples), name="trace")  # a name of its own: those altair counts up differ from build to build
        .mark_line(strokeWidth=1.4, interpolate="step-before", clip=True)
        .encode(
            x=alt.X("seconds:Q", title=SINCE, scale=whole),
            y=y,
            color=alt.Color("rail:N", scale=alt.Scale(domain=rails, range=colours), legend=legend),
        )
    )
    window = next((p for p in phases if p.row == WINDOW), None)
    if window is not None and window.end > window.start and (window.start, window.end) != (start, end):
        sheet.offer("window", "x", {"title": SINCE, "scale": alt.Scale(domain=[window.start, window.end], nice=False)})
    bands = alt.Chart(sheet.rows(phases))
    shade = bands.mark_rect(color="currentColor", clip=True).encode(
        x=alt.X("start:Q", title=SINCE, scale=whole),
        x2=alt.X2("end:Q"),
        opacity=alt.Opacity("row:O", scale=ordinal([WINDOW, "a", "b"], [0.14, 0.05, 0.0]), legend=None),
        tooltip=[alt.Tooltip("name:N", title="phase"), alt.Tooltip("detail:N")],
    )
    edge = bands.mark_rule(strokeDash=[2, 3], opacity=0.35, clip=True).encode(x=alt.X("start:Q"))
    wide = alt.Chart(sheet.rows([p for p in phases if p.end - p.start > 0.06 * (end - start)]))
    names = text_marks(wide, align="left", baseline="top", dx=3, dy=2, opacity=0.8, clip=True)
    names = names.encode(x=alt.X("start:Q"), y=alt.YValue(0), text=alt.Text("name:N"))
    zoom = {
        "name": "zoom",
        "bind": "scales",
        "select": {"type": "interval", "encodings": ["x"], "zoom": WHEEL},
        "views": ["trace"],
    }
    return sheet.finish(layered(shade, edge, line, names, width=WIDTH + 60, height=220, params=[zoom]), chrome=70)


def trace_figure(study: StudyContext, cell: CellView, run: RunView, traced: str) -> Figure | None:
    """F8: one run with its phases; `traced` is a key of `TRACED`."""
    rails = [rail for rail in run.rails if rail.quantity == traced]
    readings = ((rail, t, v) for rail in rails for t, v in zip(rail.seconds, rail.values, strict=True))
    samples = [SampleRow(t, v, rail.name) for rail, t, v in readings if finite(v)]
    if not samples:
        return None
    phases = _phase_rows(run)
    unit, (word, metric) = rails[0].unit, TRACED[traced]
    window = next((p for p in phases if p.row == WINDOW), None)
    peak = max(samples, key=lambda s: s.value)
    summary = (
        f"{word} of repetition {run.repetition} over {quantity(run.duration_s, 's')}; the largest value is {_amount(peak.value, unit)} at "
        f"{quantity(peak.seconds, 's')}. "
        + (f"The measured window lasts {window.detail}." if window else "The run has no window.")
    )
    estimated = any(rail.method is Method.ESTIMATED for rail in rails)
    mean_over_s = max(rail.mean_over_s for rail in rails)
    averaged = f", averaged over {quantity(mean_over_s, 's')} because CPU time is counted in ticks" if mean_over_s else ""
    caption = (
        f"{word} of repetition {run.repetition}, {sum(rail.samples for rail in rails)} samples{averaged}; shaded bands are phases, the darkest is the measured window."
        + (" The power is an estimate." if estimated else "")
    )
    table = make_table(
        f"{word} over time (thinned; the full trace is in the study's Parquet files)",
        ["rail", ("time", "s"), (traced, unit)],
        [[s.rail, TableCell(s.seconds, number(s.seconds, 4)), TableCell(s.value, number(s.value))] for s in samples],
        MOST_SHOWN,
    )
    mean = None if metric is None else run.value(metric)
    named = f"{word} ({peak.rail})" if traced == REQUESTS else word
    title = peak_heading(named, peak, unit, phases) if mean is None else mean_heading(word, mean, unit)
    spec = trace_spec(samples, phases, axis=f"{word.lower()} ({unit})")
    bands = study.bands if traced == Quantity.POWER else remarks_on(study.bands, "duration_s")
    return Figure(f"{cell.slug}-{traced}", title, caption, summary, spec, table, bands)


def _phase_rows(run: RunView) -> list[BandRow]:
    return [
        BandRow(
            round((row.mark.start_ns - run.start_ns) / 1e9, 3),
            round((row.mark.end_ns - run.start_ns) / 1e9, 3),
            PHASE_NAMES[row.mark.phase],
            WINDOW if row.mark.phase is Phase.WINDOW else "ab"[index % 2],
            quantity(row.mark.duration_s, "s") + ("" if row.energy_j is None else f", {quantity(row.energy_j, 'J')}"),
        )
        for index, row in enumerate(run.phases)
    ]


def mean_heading(word: str, mean: float, unit: str) -> str:
    """Say how large a quantity is over the measured window."""
    return f"{word} is {quantity(mean, unit)} on average in the measured window"


def peak_heading(word: str, peak: SampleRow, unit: str, phases: Sequence[BandRow]) -> str:
    """Say how large a trace becomes, and in which phase."""
    phase = next((phase for phase in phases if phase.start <= peak.seconds <= phase.end), None)
    where = "between phases" if phase is None else "in the measured window" if phase.row == WINDOW else f"during {phase.name}"
    return f"{word} peaks at {_amount(peak.value, unit)} {where}"


def _amount(value: float, unit: str) -> str:
    """Print a value of a trace: requests are counted, all else has digits."""
    return counted(round(value), "request") if unit == "requests" else quantity(value, unit)
