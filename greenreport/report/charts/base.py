"""What every chart shares: the sheet that holds its rows, scales, colours, panels by model."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import altair as alt

from greenreport.catalog import known_engines
from greenreport.report.drawing.safe_text import visible, visible_parts
from greenreport.report.drawing.style import Look, theme

WIDTH = 640
#: A page gives a plot at most this width.
WIDEST = 820
ROW = 26
LINES = "split(replace(datum.value, regexp('\u00a0·\u00a0', 'g'), ' · '), ' · ')"  # engine over provider over load
#: More configurations of one engine than this have no buttons to hide them.
MOST_CHOICES = 6
#: More marks than this are not read out one by one: the table beside the chart has them in order.
MOST_SPOKEN = 50
#: Room for a value with its unit; a wider table scrolls.
NARROWEST_COLUMN = 84


class Sheet:
    """Holds the rows of a chart apart from its grammar.

    Altair checks every value against its schema, which takes longer than drawing; rows are checked by their types instead and
    join the specification as named data at the end.

    Attributes:
        styles: looks of the configurations; where a chart has several, a reader may hide some.
    """

    def __init__(self, description: str, styles: Mapping[str, Look] | None = None) -> None:
        self.description = description
        self.styles = styles or {}
        self.datasets: dict[str, list[dict[str, Any]]] = {}
        self.switch: dict[str, Any] | None = None

    def rows(self, rows: Sequence[Any]) -> alt.NamedData:
        """Return a reference to rows (dataclasses or mappings)."""
        plain = (row if isinstance(row, dict) else asdict(row) for row in rows)
        values = [{key: _drawable(value) for key, value in row.items()} for row in plain]
        name = "rows" + hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:8]
        self.datasets[name] = values
        return alt.NamedData(name=name)

    def offer(self, kind: str, channel: str, parts: Mapping[str, Any]) -> None:
        """Let the page show a channel's axis in another kind: its title, scale and axis instead of those drawn first."""
        plain = {name: part if isinstance(part, str) else part.to_dict(validate=False) for name, part in parts.items()}
        self.switch = {"to": kind, channel: plain}

    def finish(self, chart: Any, *, chrome: int, plot: str = "width", narrowest: int = 150) -> dict[str, Any]:
        """Return the specification with rows, theme and text alternative.

        Args:
            chart: an Altair chart.
            plot: path of the plot's width in the specification.
            chrome: pixels beside the plot; the page sets the plot's width to what is left of its own, between `narrowest` and
                `WIDEST`.
        """
        spec: dict[str, Any] = visible_parts(chart.to_dict(validate=False))  # as in the rows: a scale names what they hold
        del spec["$schema"]
        spec["datasets"] = self.datasets
        spec["config"] = theme()
        if sum(len(rows) for rows in self.datasets.values()) > MOST_SPOKEN:
            spec["config"]["mark"] = {"aria": False}
        spec["description"] = visible(self.description)
        hints: dict[str, Any] = {"plot": plot, "chrome": chrome, "narrowest": narrowest, "widest": WIDEST}
        groups = self._groups()
        if len(groups) > 1:
            hints["groups"] = groups
        if self.switch is not None:
            hints["switch"] = self.switch
        spec["usermeta"] = {"greenreport": hints}
        return spec

    def by_model(self, layers: alt.LayerChart, models: Sequence[str], *, chrome: int, narrowest: int = 150) -> dict[str, Any]:
        """Stack one panel a model; a single model needs no panel heading."""
        if len(models) == 1:
            return self.finish(layers, chrome=chrome, narrowest=narrowest)
        panels = layers.facet(row=alt.Row("model:N", sort=list(models), title=None))
        return self.finish(panels, plot="spec.width", chrome=chrome, narrowest=narrowest)

    def _groups(self) -> list[dict[str, Any]]:
        """Return what a reader may hide: engines with their configurations; configurations where there is one engine."""
        labels: dict[str, str] = {}
        for row in (row for rows in self.datasets.values() for row in rows):
            for name, label in (("configuration", "label"), ("other", "other_label")):
                if row.get(name) in self.styles and label in row:
                    labels.setdefault(row[name], row[label])
        shown = [name for name in self.styles if name in labels]
        members: dict[str, list[str]] = {}
        for name in shown:
            members.setdefault(self.styles[name].engine, []).append(name)
        if len(members) < 2:
            if len(shown) > MOST_CHOICES:  # the points of a sweep: more buttons than chart
                return []
            return [{"id": name, "name": labels[name], "hue": self.styles[name].hue, "of": [name]} for name in shown]
        known = known_engines()
        return [
            {
                "id": engine,
                "name": known[engine].label if engine in known else engine,
                "hue": self.styles[names[0]].hue,
                "of": names,
            }
            for engine, names in members.items()
        ]


def _drawable(value: object) -> object:
    """Return a value as JSON has it: a number that is not finite is absent, and nothing in a text is invisible."""
    return None if isinstance(value, float) and not math.isfinite(value) else visible(value)


def hues(styles: Mapping[str, Look]) -> alt.Scale:
    """Return the colour scale of configurations."""
    return alt.Scale(domain=list(styles), range=[look.colour for look in styles.values()])


def colour(styles: Mapping[str, Look], *, legend: bool = False) -> alt.Color:
    """Return the colour of a configuration, with a legend where its name stands nowhere else."""
    shown = alt.Legend(title=None, orient="bottom", symbolType="stroke", columns=1) if legend else None
    return alt.Color("configuration:N", scale=hues(styles), legend=shown)


def points(chart: alt.Chart, styles: Mapping[str, Look], size: int) -> alt.Chart:
    """Return points with the colour, shape and fill of their configuration."""
    shapes = alt.Scale(domain=list(styles), range=[look.shape for look in styles.values()])
    filled = [1.0 if look.filled else 0.0 for look in styles.values()]
    return chart.mark_point(size=size, strokeWidth=2, opacity=1).encode(
        stroke=alt.Stroke("configuration:N", scale=hues(styles), legend=None),
        fill=alt.Fill("configuration:N", scale=hues(styles), legend=None),
        fillOpacity=alt.FillOpacity("configuration:O", scale=ordinal(list(styles), filled), legend=None),
        shape=alt.Shape("configuration:N", scale=shapes, legend=None),
    )


def ordinal(domain: Sequence[str], output: Sequence[float]) -> alt.Scale:
    """Return a scale that maps names to the given numbers, instead of numbers between the first and the last."""
    return alt.Scale(type="ordinal", domain=list(domain), range=list(output))


def label_axis(rows: Sequence[Any]) -> tuple[list[str], alt.Y]:
    """Return the labels of rows in order, and the vertical axis that shows them."""
    labels = list(dict.fromkeys(row.label for row in rows))
    return labels, alt.Y("label:N", title=None, sort=labels, scale=alt.Scale(domain=labels))


def heads(labels: Sequence[str]) -> alt.Axis:
    """Return the axis above columns: engine, provider and what else differs on lines of their own, all above the cells."""
    lines = max((label.count("·") + 1 for label in labels), default=1)
    return alt.Axis(orient="top", labelAngle=0, labelExpr=LINES, labelPadding=14 * lines - 8, domain=False, ticks=False)


def prefixed(unit: str) -> str:
    """Return the expression of tick labels with the prefix of their size: 40m becomes 40 ms."""
    return f"replace(format(datum.value, '~s'), regexp('([a-zµ]?)$', 'i'), ' $1') + '{unit}'"


def cell_axes(rows: Sequence[Any], *, gap: float, row_gap: float) -> tuple[list[str], list[str], alt.X, alt.Y]:
    """Return labels and models of a matrix in order, and its axes: configurations above, models beside it.

    Args:
        gap, row_gap: between two columns and two rows, as a share of a cell.
    """
    labels = list(dict.fromkeys(row.label for row in rows))
    models = list(dict.fromkeys(row.model for row in rows))
    columns = alt.Scale(domain=labels, paddingInner=gap)
    x = alt.X("label:N", title=None, sort=labels, axis=heads(labels), scale=columns)
    y = alt.Y("model:N", title=None, sort=models, scale=alt.Scale(domain=models, paddingInner=row_gap))
    return labels, models, x, y


def log_domain(values: Sequence[float], pad: float = 1.12) -> list[float]:
    """Return a domain for a logarithmic scale with a little room on both sides."""
    positive = [value for value in values if value > 0 and math.isfinite(value)]
    return [min(positive, default=0.5) / pad, max(positive, default=2.0) * pad]


def log_ticks(domain: Sequence[float]) -> list[float]:
    """Return round tick values of a logarithmic scale: 1, 2, 5 per decade, finer when the domain is short."""
    low, high = domain
    if high / low > 8:
        steps: tuple[float, ...] = (1, 2, 5)
    elif high / low > 3:
        steps = (1, 1.5, 2, 3, 4, 5, 7)
    else:
        steps = (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 4, 5, 6, 7, 8, 9)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [float(f"{step * 10.0**decade:.6g}") for decade in decades for step in steps]
    return [tick for tick in ticks if low <= tick <= high]
