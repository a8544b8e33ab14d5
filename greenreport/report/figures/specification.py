"""What every chart shares: the sheet that holds its rows, colours and shapes of configurations, panels by model.

A chart is one pure function from rows to a Vega-Lite specification. Charts carry no title: the finding stands in the caption.
Every scale has an explicit domain, jitter comes from a digest and nothing is random, so the same rows give the same bytes.
Colours are theme variables (see `drawing/style.py`).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

import altair as alt

from greenreport.catalog import ENGINES
from greenreport.report.drawing.safe_text import visible, visible_parts
from greenreport.report.drawing.style import Looks, theme

T = TypeVar("T")
RowT = TypeVar("RowT", bound="OfModel")
Specification: TypeAlias = dict[str, Any]

WIDTH = 640
#: A page gives a plot at most this width.
WIDEST = 820
ROW = 26
#: More configurations of one engine than this have no buttons to hide them.
MOST_CHOICES = 6
#: More marks than this are not read out one by one: the table beside the chart has them in order.
MOST_SPOKEN = 50
#: A drawing takes up to about so much of its page, in bytes; models beyond that stand in the table's file.
MOST_BYTES = 90_000


@dataclass(frozen=True, slots=True)
class BandRow:
    """A labelled interval: a phase of a run, a run in the order of execution, or a part of a total.

    Attributes:
        row: what it belongs to, or the shade of a phase.
    """

    start: float
    end: float
    name: str
    row: str
    detail: str


class OfModel(Protocol):
    """A row of a figure that belongs to a model."""

    @property
    def model(self) -> str:
        """Label of the model."""


class Sheet:
    """Holds the rows of a chart apart from its grammar.

    Altair checks every value against its schema, which takes longer than drawing; rows are checked by their types instead and
    join the specification as named data at the end.

    Attributes:
        styles: looks of the configurations; where a chart has several, a reader may hide some.
    """

    def __init__(self, styles: Looks | None = None) -> None:
        self.styles = styles or {}
        self.datasets: dict[str, list[dict[str, Any]]] = {}
        self.switch: dict[str, Any] | None = None

    def rows(self, rows: Sequence[Any]) -> alt.NamedData:
        """Return a reference to rows (dataclasses or mappings)."""
        mappings = (row if isinstance(row, dict) else asdict(row) for row in rows)
        values = [{key: _drawable(value) for key, value in row.items()} for row in mappings]
        name = "rows" + hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:8]
        self.datasets[name] = values
        return alt.NamedData(name=name)

    def offer(self, kind: str, channel: str, parts: Mapping[str, Any]) -> None:
        """Let the page show a channel's axis in another kind: its title, scale and axis instead of those drawn first."""
        plain = {name: part if isinstance(part, str) else part.to_dict(validate=False) for name, part in parts.items()}
        self.switch = {"to": kind, channel: plain}

    def finish(self, chart: Any, *, chrome: int, plot: str = "width", narrowest: int = 150) -> Specification:
        """Return the specification with rows and theme; a figure adds its text alternative.

        Args:
            chart: an Altair chart.
            plot: path of the plot's width in the specification.
            chrome: pixels beside the plot; the page sets the plot's width to what is left of its own, between `narrowest` and
                `WIDEST`.
        """
        spec: Specification = visible_parts(chart.to_dict(validate=False))  # as in the rows: a scale names what they hold
        del spec["$schema"]
        spec["datasets"] = self.datasets
        spec["config"] = theme()
        if sum(len(rows) for rows in self.datasets.values()) > MOST_SPOKEN:
            spec["config"]["mark"] = {"aria": False}
        hints: dict[str, Any] = {"plot": plot, "chrome": chrome, "narrowest": narrowest, "widest": WIDEST}
        if len(groups := self._groups()) > 1:
            hints["groups"] = groups
        if self.switch is not None:
            hints["switch"] = self.switch
        spec["usermeta"] = {"greenreport": hints}
        return spec

    def by_model(self, layers: alt.LayerChart, models: Sequence[str], *, chrome: int, narrowest: int = 150) -> Specification:
        """Stack one panel per model; a single model needs no panel heading."""
        if len(models) == 1:
            return self.finish(layers, chrome=chrome, narrowest=narrowest)
        panels = layers.facet(row=alt.Row("model:N", sort=list(models), title=None))
        return self.finish(panels, plot="spec.width", chrome=chrome, narrowest=narrowest)

    def _groups(self) -> list[dict[str, Any]]:
        """Return what a reader may hide: engines with their configurations, or the configurations of a single engine."""
        labels = {
            row[name]: row[label]
            for rows in self.datasets.values()
            for row in rows
            for name, label in (("configuration", "label"), ("other", "other_label"))
            if row.get(name) in self.styles and label in row
        }
        shown = [name for name in self.styles if name in labels]
        members: dict[str, list[str]] = {}
        for name in shown:
            members.setdefault(self.styles[name].engine, []).append(name)
        if len(members) < 2:  # of the points of a sweep there would be more buttons than chart
            choices = {name: (labels[name], [name]) for name in shown} if len(shown) <= MOST_CHOICES else {}
        else:
            choices = {
                e: (self.styles[names[0]].label or (ENGINES[e].label if e in ENGINES else e), names)
                for e, names in members.items()
            }
        return [
            {"id": key, "name": name, "hue": self.styles[names[0]].hue, "shape": self.styles[names[0]].shape, "of": names}
            for key, (name, names) in choices.items()
        ]


def _drawable(value: object) -> object:
    """Return a value as JSON has it: a number that is not finite is absent, and nothing in a text is invisible."""
    return None if isinstance(value, float) and not math.isfinite(value) else visible(value)


def ordered(values: Iterable[T]) -> list[T]:
    """Return the distinct values in the order of their first appearance."""
    return list(dict.fromkeys(values))


def drawn(rows: Sequence[RowT], bytes_of_row: int) -> tuple[list[RowT], str]:
    """Return the rows of the first models that have room on a page, and a sentence for the caption where others have none.

    Args:
        rows: those of the figure; its table keeps all.
        bytes_of_row: what a row adds to a page, as a drawing and as data of the interactive chart.
    """
    models = ordered(row.model for row in rows)
    most = max(1, MOST_BYTES * len(models) // max(1, len(rows) * bytes_of_row))
    if len(models) <= most:
        return list(rows), ""
    kept = set(models[:most])
    which = "The first" if most == 1 else f"The first {most}"
    return [row for row in rows if row.model in kept], f" {which} of {len(models)} drawn; the CSV file has all."


class _Layers(alt.LayerChart):  # type: ignore[misc]
    """Charts drawn on top of each other, none of which has parameters of its own.

    An `alt.LayerChart` copies all of its charts several times to find and move their parameters, and does so again whenever it is copied itself.
    """

    def __init__(self, data: Any = alt.Undefined, layer: Sequence[Any] = (), **options: Any) -> None:
        super(alt.LayerChart, self).__init__(data=data, layer=list(layer), **options)


def layered(*charts: alt.Chart | alt.LayerChart, **options: Any) -> alt.LayerChart:
    """Return charts drawn on top of each other; none may have parameters.

    Args:
        options: of the whole, such as `data`, `width` and `height`.
    """
    return _Layers(layer=charts, **options)


def either(channel: type[T], test: str, then: object, otherwise: object) -> T:
    """Return a channel with one of two values; for `alt.condition`, which says the same, Altair digests its whole schema every time.

    Args:
        channel: class of the channel with a value, such as `alt.OpacityValue`.
        test: expression on a row, such as ``datum.excess == null``.
    """
    return channel(otherwise, condition={"test": test, "value": then})  # type: ignore[call-arg]


def hues(styles: Looks) -> alt.Scale:
    """Return the colour scale of configurations."""
    return alt.Scale(domain=list(styles), range=[look.colour for look in styles.values()])


def names_below(styles: Looks) -> alt.Legend | None:
    """Return the legend of a chart in which names of configurations stand nowhere else; None where there is one alone.

    All channels of a chart need the same one: Vega-Lite merges their legends, and warns where only some have one.
    """
    return alt.Legend(title=None, orient="bottom", columns=1, symbolOpacity=1) if len(styles) > 1 else None


def colour(styles: Looks, legend: alt.Legend | None = None) -> alt.Color:
    """Return the colour of a configuration."""
    return alt.Color("configuration:N", scale=hues(styles), legend=legend)


def points(chart: alt.Chart, styles: Looks, size: int, legend: alt.Legend | None = None) -> alt.Chart:
    """Return points with the colour, shape and fill of their configuration."""
    shapes = alt.Scale(domain=list(styles), range=[look.shape for look in styles.values()])
    fills = alt.Scale(domain=list(styles), range=[look.colour if look.filled else "transparent" for look in styles.values()])
    return chart.mark_point(size=size, strokeWidth=2, opacity=1).encode(
        stroke=alt.Stroke("configuration:N", scale=hues(styles), legend=legend),
        fill=alt.Fill("configuration:N", scale=fills, legend=legend),
        shape=alt.Shape("configuration:N", scale=shapes, legend=legend),
    )


def text_marks(chart: alt.Chart, *, size: int = 11, **place: Any) -> alt.Chart:
    """Return text marks in the colour of the page's letters.

    Args:
        place: alignment and offsets, as of `mark_text`.
    """
    return chart.mark_text(fontSize=size, color="currentColor", **place)


def ordinal(domain: Sequence[str], output: Sequence[float]) -> alt.Scale:
    """Return a scale that maps names to the given numbers, instead of numbers between the first and the last."""
    return alt.Scale(type="ordinal", domain=list(domain), range=list(output))
