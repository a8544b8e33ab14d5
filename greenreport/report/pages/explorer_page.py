"""The explorer: every cell of every study, chosen by what it is, in any two metrics.

Its script reads the cells from a file beside the page, since a page may not ask a server; without the script the page is a table of
the first cells, and a CSV file of all of them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from greenreport.analysis.findings_json.plain_values import plain_text
from greenreport.catalog import METRICS, MetricInfo
from greenreport.report.cell_summary import EXPLORED, CellSummary
from greenreport.report.context import EnergySource
from greenreport.report.drawing.inline_json import embedded_json
from greenreport.report.drawing.safe_text import visible
from greenreport.report.drawing.style import looks
from greenreport.report.figure import guarded
from greenreport.report.page import Page
from greenreport.report.summary import Summary

PAGE = "explorer/index.html"
CSV = "explorer/cells.csv"
SCRIPT = "assets/explorer-cells.js"
VARIABLE = "greenreportCells"
#: Axes that mean the same under any number of requests.
PREFERRED = ("throughput_tokens_per_s", "j_per_output_token")
#: Rows of the table before a reader asks for all.
ROWS = 100
#: Bounds of the sizes of models, in parameters.
SIZES = ((2e8, "below 200 M"), (1e9, "200 M to 1 B"), (3e9, "1 B to 3 B"), (float("inf"), "3 B and more"))

UNKNOWN = "not known"
Placed = tuple[Summary, CellSummary]


@dataclass(frozen=True, slots=True)
class Facet:
    """By what cells are chosen: its name in the address, what it is called, and its value of a cell."""

    name: str
    label: str
    of: Callable[[Summary, CellSummary], str]


@dataclass(frozen=True, slots=True)
class ExplorerContent:
    """The explorer before anything is chosen.

    Attributes:
        cells: those of the table, each with its study; `total`: the number of all, in `studies` studies.
        axes: the metrics across and upwards; None where no cell has two.
    """

    cells: tuple[Placed, ...]
    total: int
    studies: int
    axes: tuple[MetricInfo, MetricInfo] | None


def _known(text: str) -> str:
    return text or UNKNOWN


FACETS = (
    Facet("study", "Study", lambda study, _: study.title),
    Facet("model", "Model", lambda _, cell: cell.model),
    Facet("size", "Size of the model", lambda _, cell: size_of(cell.parameters)),
    Facet("engine", "Engine", lambda _, cell: cell.engine),
    Facet("provider", "Provider", lambda _, cell: cell.provider),
    Facet("precision", "Precision", lambda _, cell: _known(cell.dtype)),
    Facet("load", "Load", lambda _, cell: _known(cell.load)),
    Facet("machine", "Machine", lambda study, _: _known(study.machine)),
    Facet("energy", "Energy", lambda _, cell: cell.energy),
    Facet("weights", "Weights", lambda _, cell: _known(cell.weights)),
)


def explorer_page(studies: Sequence[Summary]) -> Page[ExplorerContent]:
    """Return the page, with studies in the order given."""
    placed = list(_placed(studies))
    content = ExplorerContent(tuple(placed[:ROWS]), len(placed), len({study.root for study, _ in placed}), default_axes(placed))
    about = "Every cell of every study in any two metrics, chosen by model, engine, load and machine."
    return Page(PAGE, "explorer.html", "Explorer", about, "explorer", None, content)


def explorer_files(studies: Sequence[Summary]) -> dict[str, bytes]:
    """Return all cells as files of the site: as a script that the page loads, and as CSV."""
    placed = list(_placed(studies))
    return {SCRIPT: f"window.{VARIABLE} = {embedded_json(_data(placed))};\n".encode(), CSV: _table(placed)}


def default_axes(placed: Sequence[Placed]) -> tuple[MetricInfo, MetricInfo] | None:
    """Return energy per token against throughput where half of the cells have both; else what most cells have, of energy where they can."""
    of_energy = [name for name in EXPLORED if METRICS[name].of_energy]
    others = [name for name in EXPLORED if not METRICS[name].of_energy]
    pairs = [*((x, y) for y in of_energy for x in others), *((x, y) for x in others for y in others if x != y)]
    held = [cell.medians.keys() for _, cell in placed]
    counts = {pair: sum(pair[0] in names and pair[1] in names for names in held) for pair in pairs}
    best = PREFERRED if 2 * counts[PREFERRED] >= len(placed) > 0 else max(pairs, key=lambda pair: counts[pair])
    return (METRICS[best[0]], METRICS[best[1]]) if counts[best] else None


def size_of(parameters: int | None) -> str:
    """Return the class of size of a model."""
    return UNKNOWN if parameters is None else next(label for bound, label in SIZES if parameters < bound)


def _placed(studies: Sequence[Summary]) -> Iterator[Placed]:
    for study in studies:
        yield from ((study, cell) for cell in study.cells)


def _metrics(placed: Sequence[Placed]) -> list[MetricInfo]:
    present = set().union(*(cell.medians.keys() for _, cell in placed)) if placed else set()
    return [METRICS[name] for name in EXPLORED if name in present]


def _data(placed: Sequence[Placed]) -> dict[str, object]:
    """Return the cells for the script: texts once, and each cell by their places."""
    metrics, axes = _metrics(placed), default_axes(placed)
    texts = [[_plain(facet.of(study, cell)) for study, cell in placed] for facet in FACETS]
    values = [_values(facet, column) for facet, column in zip(FACETS, texts, strict=True)]
    places = [{value: place for place, value in enumerate(column)} for column in values]
    engines = list(dict.fromkeys(cell.engine_id for _, cell in placed))
    styles = looks(engines, [(engine, engine, "cpu") for engine in engines])
    return {
        "axes": [metric.id for metric in axes] if axes else [],
        "facets": [{"name": f.name, "label": f.label, "values": v} for f, v in zip(FACETS, values, strict=True)],
        "metrics": [
            {"id": m.id, "label": m.label, "unit": m.unit, "higher": m.direction == "higher", "energy": m.of_energy} for m in metrics
        ],
        "modelled": EnergySource.MODELLED.value,
        "rows": [
            [
                quote(cell.address), _plain(cell.configuration), cell.runs, styles[cell.engine_id].hue, styles[cell.engine_id].shape,
                [places[number][texts[number][row]] for number in range(len(FACETS))],
                [None if (value := cell.medians.get(metric.id)) is None else float(f"{value:.5g}") for metric in metrics],
            ]
            for row, (_, cell) in enumerate(placed)
        ],
    }  # fmt: skip


def _values(facet: Facet, column: Sequence[str]) -> list[str]:
    """Return the distinct values of a facet in the order in which readers look for them; what is not known stands last."""
    sizes = [label for _, label in SIZES]
    by_size = {label: f"{place}" for place, label in enumerate(sizes)} if facet.name == "size" else {}
    return sorted(set(column), key=lambda value: (value == UNKNOWN, by_size.get(value, value.casefold()), value))


def _plain(text: str) -> str:
    return plain_text(str(visible(text)))


def _table(placed: Sequence[Placed]) -> bytes:
    """Return all cells as CSV: what they are, valid runs, and the median of every metric in base units."""
    metrics, stream = _metrics(placed), io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(
        [*(facet.name for facet in FACETS), "configuration", "valid_runs", *(metric.id for metric in metrics), "page"]
    )
    for study, cell in placed:
        texts = [guarded(facet.of(study, cell)) for facet in FACETS]
        medians = [repr(cell.medians[m.id]) if m.id in cell.medians else "" for m in metrics]
        writer.writerow([*texts, guarded(cell.configuration), cell.runs, *medians, quote(cell.address)])
    return stream.getvalue().encode()
