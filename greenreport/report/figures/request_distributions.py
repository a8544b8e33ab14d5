"""Distributions over requests: output tokens, waiting times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import altair as alt

from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.analysis.measure.request_distributions import WAITS, Curve, token_curves, wait_curves
from greenreport.catalog import METRICS, MetricInfo
from greenreport.report.context import StudyContext
from greenreport.report.drawing.style import Looks
from greenreport.report.drawing.svg_text import width
from greenreport.report.figure import Figure, Table, TableCell, make_table
from greenreport.report.figures.axes import HEAD_SIZE, value_axis
from greenreport.report.figures.captions import metric_bands, runs_text
from greenreport.report.figures.specification import WIDTH, Sheet, Specification, layered, ordered
from greenreport.study import Model
from greenreport.units import capital, counted, number, percent, quantity

MOST_SHOWN = 60  # rows of a table on the page; all are in the CSV file
DASHES = ([1, 0], [7, 3], [2, 2], [9, 3, 2, 3])
HEIGHT = 210
SYMBOL = 48  # pixels of a legend's line, and the gap to the next column


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step of a distribution function: the share of requests that do not exceed the value."""

    model: str
    configuration: str
    label: str
    value: float
    share: float


@dataclass(frozen=True, slots=True)
class Bound:
    """The longest time a study allows, and the share of requests that must keep it."""

    seconds: float
    share: float

    @property
    def requests(self) -> str:
        """The share in words."""
        return f"{100 * self.share:g} in 100 requests"


def distribution_spec(
    rows: Sequence[StepRow], styles: Looks, *, axis: str, unit: str = "", bound: float | None = None
) -> Specification:
    """F12, F18: the share of requests that do not exceed a value, one line per configuration, one panel per model; a rule at `bound`."""
    sheet = Sheet(styles)
    names = {row.configuration: row.label for row in rows}
    shown = [name for name in styles if name in names]
    x = value_axis(sheet, [*(row.value for row in rows), *([] if bound is None else [bound])], axis, unit=unit)
    y = alt.Y(
        "share:Q", title=None, scale=alt.Scale(domain=[0, 1], nice=False), axis=alt.Axis(format=".0%", grid=True, tickCount=4)
    )
    base = alt.Chart()
    labels = [names[name] for name in shown]
    widest = max((width(label, HEAD_SIZE) for label in labels), default=0.0)
    columns = max(1, min(4, int(WIDTH / (widest + SYMBOL))))
    legend = alt.Legend(title=None, symbolType="stroke", symbolSize=300, columns=columns)
    hues = [styles[name].hue for name in shown]
    colours = alt.Scale(domain=labels, range=[styles[name].colour for name in shown])
    # Solid for the first configuration of a hue, so that no two lines look the same.
    dashes = alt.Scale(domain=labels, range=[DASHES[hues[:place].count(hue) % len(DASHES)] for place, hue in enumerate(hues)])
    lines = base.mark_line(interpolate="step-after", strokeWidth=2).encode(
        x=x("value:Q"),
        y=y,
        color=alt.Color("label:N", scale=colours, legend=legend),
        strokeDash=alt.StrokeDash("label:N", scale=dashes, legend=legend),
        order=alt.Order("share:Q"),
    )
    rule = base.mark_rule(strokeDash=[4, 3], opacity=0.8).encode(x=x("mean(bound):Q"))
    data = sheet.rows([{**asdict(row), "bound": bound} for row in rows])
    chart = layered(*([] if bound is None else [rule]), lines, data=data, width=WIDTH, height=HEIGHT)
    return sheet.by_model(chart, ordered([row.model for row in rows]), chrome=75)


def same_length(study: StudyContext) -> str | None:
    """Return a sentence where every request gave the same number of tokens, so that there is no distribution to draw."""
    curves = token_curves(study.dataset)
    counts = {value for curve in curves for value in (curve.values[0], curve.values[-1])}
    if len(counts) != 1:
        return None
    requests = sum(len(curve.values) for curve in curves)
    return f"Each of {requests:,} requests in {counted(len(curves), 'cell')} gave exactly {counts.pop():,.0f} output tokens."


def tokens_figure(study: StudyContext) -> Figure | None:
    """F12: distribution of output token counts; None where all counts are equal (see `same_length`)."""
    curves = token_curves(study.dataset)
    if not curves or same_length(study) is not None:
        return None
    shortest, longest = min(curves, key=lambda c: c.values[0]), max(curves, key=lambda c: c.values[-1])
    requests = sum(len(curve.values) for curve in curves)
    finding = f"Outputs have {shortest.values[0]:,.0f} to {longest.values[-1]:,.0f} tokens"
    summary = (
        f"{finding} over {counted(requests, 'request')}; the shortest is by {_place(shortest)}, the longest by {_place(longest)}. "
        f"{_differing(curves)}"
    )
    caption = (
        f"Share of requests with no more than this many output tokens, over all requests of valid runs ({runs_text(curve.runs for curve in curves)} per cell). Engines that "
        "stop early lie to the left."
    )
    rows, table = _steps(curves, "output tokens", "")
    spec = distribution_spec(rows, study.looks, axis="output tokens")
    return Figure("token-counts", finding, caption, summary, spec, table, metric_bands(study, "duration_s"))


def wait_figures(study: StudyContext, model: Model) -> tuple[Figure, ...]:
    """F18: distributions of waiting times on a model; of the whole latency only where the study declares a bound."""
    bounds = _bounds(study)
    return tuple(
        _wait_figure(study, model, METRICS[wait.metric], curves, bounds.get(wait.metric))
        for wait in WAITS
        if (curves := wait_curves(study.dataset, model.id, wait)) and (wait.metric != "latency_s" or wait.metric in bounds)
    )


def _bounds(study: StudyContext) -> dict[str, Bound]:
    """Return the declared bounds by metric: those of the objective, else the one of the guideline on latency."""
    spec = study.dataset.study
    bounds = {} if spec.latency_bound_s is None else {"latency_s": Bound(spec.latency_bound_s, 0.95)}
    if (objective := spec.objective) is not None:
        declared = {"ttft_s": objective.ttft_s, "tbt_s": objective.tbt_s, "latency_s": objective.latency_s}
        bounds |= {metric: Bound(seconds, objective.share) for metric, seconds in declared.items() if seconds is not None}
    return bounds


def _wait_figure(study: StudyContext, model: Model, info: MetricInfo, curves: Sequence[Curve], bound: Bound | None) -> Figure:
    name = capital(info.noun)
    fast, slow = (pick(curves, key=lambda c: c.quantile(0.95)) for pick in (min, max))
    ends = [f"{quantity(curve.quantile(0.95), 's')} ({label_of(curve.configuration)})" for curve in (fast, slow)]
    reach = f"{ends[0]} to {ends[1]}" if fast is not slow else ends[0]
    finding = f"{name} on {model.label}: 95 in 100 requests stay within {reach}"
    summary = f"{finding}. {_tail(curves, name) if bound is None else _within(curves, bound)}"
    clocks = " and ".join(sorted({curve.seen_by for curve in curves}))
    each = " Each request counts with the mean over its tokens." if info.id == "tbt_s" else ""
    rule = f" The dashed line is the declared bound of {quantity(bound.seconds, 's')} (for {bound.requests})." if bound else ""
    caption = (
        f"Share of requests that wait no longer than this, over all requests of valid runs ({runs_text(curve.runs for curve in curves)} per cell), by the clock of the "
        f"{clocks}.{each}{rule} Requests of a run are not independent and are not tested."
    )
    rows, table = _steps(curves, name.lower(), "s")
    spec = distribution_spec(rows, study.looks, axis=name.lower(), unit="s", bound=bound.seconds if bound else None)
    figure_id = f"{info.id.removesuffix('_s')}-{model.id}".replace(".", "-")
    return Figure(figure_id, finding, caption, summary, spec, table, metric_bands(study, info.id))


def _tail(curves: Sequence[Curve], name: str) -> str:
    """Say which configuration has the longest tail: its 99th percentile against its median."""
    ratios = [(curve.quantile(0.99) / curve.quantile(0.5), curve) for curve in curves if curve.quantile(0.5) > 0]
    if not ratios:
        return "No median differs from 0."
    factor, curve = max(ratios, key=lambda pair: pair[0])
    return (
        f"The longest tail is that of {label_of(curve.configuration)}: 1 in 100 requests has a {name.lower()} of at least "
        f"{number(factor)} times its median."
    )


def _within(curves: Sequence[Curve], bound: Bound) -> str:
    kept = sum(curve.share_within(bound.seconds) >= bound.share for curve in curves)
    return f"{kept} of {counted(len(curves), 'configuration')} {'keeps' if kept == 1 else 'keep'} at least {bound.requests} within {quantity(bound.seconds, 's')}."


def _steps(curves: Sequence[Curve], name: str, unit: str) -> tuple[list[StepRow], Table]:
    """Return the steps of curves, to be drawn and as a table."""
    rows = [
        StepRow(curve.model.label, curve.configuration.id, label_of(curve.configuration), value, share)
        for curve in curves
        for value, share in curve.steps()
    ]
    table = make_table(
        f"Distribution of {name} over requests",
        ["model", "configuration", (name, unit), ("share of requests up to it", "1")],
        [
            [
                row.model, row.label, TableCell(row.value, quantity(row.value, unit) if unit else f"{row.value:,.0f}"),
                TableCell(row.share, percent(row.share)),
            ]
            for row in rows
        ],
        MOST_SHOWN,
    )  # fmt: skip
    return rows, table


def _differing(curves: Sequence[Curve]) -> str:
    """Say on how many models the configurations differ in their counts."""
    distributions = Counter(model for model, _ in {(curve.model.id, curve.steps()) for curve in curves})
    apart = sum(count > 1 for count in distributions.values())
    return f"On {apart} of {counted(len(distributions), 'model')} the distribution is not the same for all configurations."


def _place(curve: Curve) -> str:
    return f"{label_of(curve.configuration)} on {curve.model.label}"
