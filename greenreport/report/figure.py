"""A figure: a chart with everything a reader may want to take away.

On the page it is a static SVG (themed by CSS), which a script replaces by the same chart made interactive, with a table and a text
alternative. Its files are a PNG with title and source in the picture, an SVG, a CSV of the plotted rows with a JSON sidecar of units
and provenance, and the Vega-Lite specification.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import altair as alt

from greenreport.analysis.findings_json.plain_values import plain_text
from greenreport.report.drawing.inline_json import embedded_json, packed
from greenreport.report.drawing.inline_svg import inline
from greenreport.report.drawing.png import engines
from greenreport.report.drawing.safe_text import visible
from greenreport.report.drawing.style import INK, PAPER, SOFT, fixed_colours
from greenreport.report.drawing.svg_text import LOOSE
from greenreport.report.drawing.vega import Drawing, draw
from greenreport.units import percent, quantity

RENDERER = 6  # raised when the same specification gives other files
COLUMN = 928  # pixels: the width of figures in the stylesheet
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
Value: TypeAlias = str | float | int | None
#: A column of a table as figures name it: a heading over texts, or a heading and the unit of its numbers.
ColumnSpec: TypeAlias = str | tuple[str, str]


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of a table: heading, unit, whether it holds numbers."""

    name: str
    unit: str = ""
    numeric: bool = False


@dataclass(frozen=True, slots=True)
class TableCell:
    """An entry of a table: the value for files and sorting, how people read it, and whether it is the best of its row."""

    value: Value
    text: str
    best: bool = False

    @property
    def exact(self) -> str:
        """The number behind the text, to sort by; empty where there is none."""
        return f"{self.value:.6g}" if isinstance(self.value, int | float) else ""


def measured(value: float | None, unit: str) -> TableCell | None:
    """Return an entry printed with its unit; None where there is no value."""
    return None if value is None else TableCell(value, quantity(value, unit))


def share(value: float | None) -> TableCell | None:
    """Return a share, 0 to 1, printed as a percentage; None where there is no value."""
    return None if value is None else TableCell(value, percent(value))


#: More rows of a table stand in its CSV file alone: a page is read, and a file is searched.
MOST_SHOWN = 60
#: An entry as figures give it: a text and a count are printed as they are, an absent value as a dash.
TableEntry: TypeAlias = TableCell | str | int | None


@dataclass(frozen=True, slots=True)
class Table:
    """The rows behind a figure: values in the CSV file, texts on the page, where at most `most_shown` of them stand."""

    caption: str
    columns: tuple[TableColumn, ...]
    cells: tuple[tuple[TableCell, ...], ...]
    most_shown: int | None = None

    @property
    def rows(self) -> tuple[tuple[Value, ...], ...]:
        """The values of every row."""
        return tuple(tuple(cell.value for cell in row) for row in self.cells)

    @property
    def shown(self) -> tuple[tuple[TableCell, ...], ...]:
        """The rows that stand on the page."""
        return self.cells[: self.most_shown]


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart and what belongs to it.

    Attributes:
        id: stable anchor, unique in the study; also the name of the files.
        finding: the caption's first line, a sentence.
        caption: what is shown, unit, n, kind of interval, boundary.
        summary: the text alternative, one or two sentences.
        bands: quiet but unmistakable remarks ("estimated energy", "untrained weights").
        column: pixels of the place on the page that the drawing fills before any script runs.
        detail: whether it shows one cell, model or configuration: its only file is the table, the rest is made by the browser for those who ask.
    """

    id: str
    finding: str
    caption: str
    summary: str
    spec: Mapping[str, Any]
    table: Table
    bands: tuple[str, ...] = ()
    column: int = COLUMN
    detail: bool = False

    @property
    def remark(self) -> str:
        """The part of the text alternative that adds to the finding above the drawing; may be empty."""
        return self.summary.removeprefix(f"{self.finding}.").lstrip()

    @property
    def hints(self) -> Mapping[str, Any]:
        """How the page may fit the chart, as a `Sheet` writes it; empty for a chart that was made without one."""
        return self.spec.get("usermeta", {}).get("greenreport", {}) or {}

    @property
    def broad(self) -> bool:
        """Whether the chart needs more than the column of figures, so that it may take the width of the page."""
        hints = self.hints
        return bool(hints) and int(hints["narrowest"]) + int(hints["chrome"]) > COLUMN

    @property
    def described_spec(self) -> dict[str, Any]:
        """The specification with the text alternative in it."""
        return {**self.spec, "description": visible(self.summary)}


@dataclass(frozen=True, slots=True)
class Rendered:
    """The files of a figure, and the SVG and specification for the page."""

    inline_svg: str
    inline_spec: str
    files: Mapping[str, bytes] = field(repr=False)


def drawing(figure: Figure, source: str, cache: Path) -> Drawing:
    """Return the drawing of a figure; its files are named by the digest of everything that shows in them.

    Args:
        source: line printed below exported pictures: study, machine, version.
        cache: folder of drawn charts.
    """
    svg_spec = json.dumps(_fitted(figure), sort_keys=True, separators=(",", ":"))
    png_spec = None if figure.detail else json.dumps(_picture(figure, source), sort_keys=True, separators=(",", ":"))
    key = hashlib.sha256(f"{RENDERER}:{engines()}:{svg_spec}:{png_spec}".encode()).hexdigest()
    return Drawing(svg_spec, png_spec, cache / key)


def _fitted(figure: Figure) -> dict[str, Any]:
    """Return the chart as wide as its column on the page, as the page's script would draw it there."""
    spec, hints = figure.described_spec, figure.hints
    if not hints:
        return spec
    width = max(hints["narrowest"], min(figure.column - hints["chrome"], hints["widest"]))
    if hints["plot"] == "vconcat":
        return spec | {"vconcat": [panel | {"width": width} for panel in spec["vconcat"]]}
    if hints["plot"] == "spec.width":
        return spec | {"spec": spec["spec"] | {"width": width}}
    return spec | {"width": width}


def _picture(figure: Figure, source: str) -> dict[str, Any]:
    """Return the chart on paper with finding, caption and source, so that a pasted figure keeps them.

    Remarks stand before the caption: that energy is estimated is never cut off.
    """
    spec: dict[str, Any] = json.loads(fixed_colours(json.dumps(figure.described_spec)))
    del spec["usermeta"]
    title = {
        "text": wrap(figure.finding, 84), "fontSize": 15, "color": INK, "anchor": "start", "frame": "bounds", "offset": 14,
        "subtitle": [*wrap(" · ".join([*figure.bands, figure.caption]), 110), *wrap(source, 110)], "subtitleFontSize": 11,
        "subtitleColor": SOFT, "subtitlePadding": 5,
    }  # fmt: skip
    return spec | {"background": PAPER, "padding": 18, "title": title}


def render(figure: Figure, drawn: Drawing, source: str) -> Rendered:
    """Return the figure's files from its drawing."""
    if drawn.svg is None or (drawn.png_spec is not None and drawn.png is None):  # removed meanwhile
        draw(drawn)
    content, png = drawn.svg, drawn.png
    assert content is not None
    svg = content.decode()
    files = {f"{figure.id}.csv": csv_bytes(figure.table)}
    if not figure.detail:
        assert png is not None
        files |= {
            f"{figure.id}.svg": fixed_colours(svg.replace(' xlink:href="cells/', ' xlink:href="../cells/')).encode(),
            f"{figure.id}.png": png,
            f"{figure.id}.json": sidecar(figure, source),
            f"{figure.id}.vl.json": _standalone(figure),
        }
    return Rendered(inline(svg, figure.id), embedded_json(packed(figure.described_spec)), files)


def _standalone(figure: Figure) -> bytes:
    """Return the specification for editors and notebooks: with the version of the grammar, and colours instead of names of the theme."""
    spec = {"$schema": alt.SCHEMA_URL, **figure.described_spec}
    return (fixed_colours(json.dumps(spec, sort_keys=True, separators=(",", ":"))) + "\n").encode()


def wrap(text: str, width: int, most: int = 4) -> list[str]:
    """Break a text into at most `most` lines of at most `width` characters; where more would follow, the last one ends with an ellipsis."""
    pieces = [word[at : at + width] for word in text.split(" ") for at in range(0, max(1, len(word)), width)]
    lines: list[str] = []
    for piece in pieces:
        if lines and len(lines[-1]) + len(piece) < width:
            lines[-1] += f" {piece}"
        elif len(lines) < most:
            lines.append(piece)
        else:
            lines[-1] = f"{lines[-1][: width - 1].rstrip(LOOSE)}…"
            break
    return lines


def csv_bytes(table: Table) -> bytes:
    """Return the table as CSV: texts as they can be typed into a query, units in the sidecar, and no formula for a spreadsheet."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([guarded(column.name) for column in table.columns])
    for row in table.rows:
        writer.writerow([guarded(cell) if isinstance(cell, str) else cell for cell in row])
    return stream.getvalue().encode()


def guarded(text: str) -> str:
    """Return a text with ordinary spaces that a spreadsheet will not take for a formula."""
    text = plain_text(text)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def sidecar(figure: Figure, source: str) -> bytes:
    """Return, as JSON, what a reader of the CSV must know: finding, caption, units, remarks, source."""
    content = {
        "figure": figure.id,
        "finding": plain_text(figure.finding),
        "caption": plain_text(figure.caption),
        "remarks": list(figure.bands),
        "source": source,
        "columns": [{"name": plain_text(c.name), "unit": c.unit} for c in figure.table.columns],
        "rows": len(figure.table.rows),
    }
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def make_table(
    caption: str, columns: Sequence[ColumnSpec], rows: Sequence[Sequence[TableEntry]], most_shown: int | None = MOST_SHOWN
) -> Table:
    """Return a table.

    Example:
        >>> make_table("Energy", ["model", ("energy", "J")], [["A", TableCell(1204.2, "1.20 kJ")], ["B", None]])
    """
    heads = [TableColumn(column) if isinstance(column, str) else TableColumn(*column, numeric=True) for column in columns]
    cells = [
        tuple(e if isinstance(e, TableCell) else TableCell(e, "–" if e is None else str(e)) for e in entries)
        for entries in rows
    ]
    return Table(caption, tuple(heads), tuple(cells), most_shown)
