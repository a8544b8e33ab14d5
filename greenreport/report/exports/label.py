"""Energy labels: the energy of a model in a serving configuration, in absolute values, as a picture for use anywhere.

A label is not a grade: a grade relative to others changes when others are added; joules for a stated amount of work do not. The
label states interval, runs, boundary, method, work, machine and date with the number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.analysis.measure.fidelity import unfaithful
from greenreport.analysis.measure.uncertainty import expanded_uncertainty
from greenreport.analysis.stats import Interval, NotComputable, describe
from greenreport.report.context import StudyContext, dates_of
from greenreport.report.drawing.png import Picture, picture
from greenreport.report.drawing.svg_text import broken, plain_line, width
from greenreport.report.templates import draw
from greenreport.units import THIN, counted, quantity

WIDTH, MARGIN, KEYS = 600, 28, 104
ROOM = WIDTH - 2 * MARGIN
#: metric, amount of work the label speaks of, its words; the first that has values is shown large.
AMOUNTS = (("j_per_output_token", 1000, "for 1,000 output tokens"), ("j_per_request", 1, "for one request"))
CAVEAT = "Absolute values, no grade. Comparable with labels of the same boundary, method and work."


@dataclass(frozen=True, slots=True)
class Amount:
    """Energy for an amount of work."""

    energy: str
    work: str
    interval: str


@dataclass(frozen=True, slots=True)
class Label:
    """The content of a label.

    Attributes:
        path: file in the site, without its suffix.
        facts: (name, text) of everything the number depends on.
        bands: remarks on the number.
    """

    path: str
    model: str
    configuration: str
    amounts: tuple[Amount, ...]
    facts: tuple[tuple[str, str], ...]
    bands: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The label in words."""
        amounts = "; ".join(f"{a.energy} {a.work} ({a.interval})" for a in self.amounts)
        remarks = "".join(f" {band.capitalize()}." for band in self.bands)
        facts = "; ".join(f"{name.lower()}: {text}" for name, text in self.facts)
        return plain_line(f"{self.model}, {self.configuration}: {amounts}.{remarks} {facts}.")


def energy_label(study: StudyContext, cell: CellView) -> Label | None:
    """Return the label of a cell, or None if its energy was not measured."""
    amounts = tuple(_amounts(cell))
    if not amounts:
        return None
    differs = (cell.model.id, cell.configuration.id) in unfaithful(study.analysis.fidelity)
    bands = (*study.bands, *(("other outputs than the reference",) if differs else ()))
    path = f"{study.root}labels/{cell.slug}"
    return Label(path, cell.model.label, label_of(cell.configuration), amounts, tuple(_facts(study, cell)), bands)


def _amounts(cell: CellView) -> Iterator[Amount]:
    for metric, factor, work in AMOUNTS:
        values = cell.values(metric)
        if not values:
            continue
        energy = describe([value * factor for value in values])
        if energy.median is not None:
            yield Amount(quantity(energy.median, "J"), work, _interval(energy.median_ci))


def _interval(ci: Interval | NotComputable) -> str:
    if isinstance(ci, NotComputable):
        return f"no interval: {ci.reason}"
    return f"{ci.level * 100:.0f}{THIN}% interval {quantity(ci.low, 'J')} to {quantity(ci.high, 'J')}"


def _facts(study: StudyContext, cell: CellView) -> Iterator[tuple[str, str]]:
    metric, factor, work = next(amount for amount in AMOUNTS if cell.values(amount[0]))
    dataset = study.dataset
    yield "Value", f"median of {counted(len(cell.values(metric)), 'valid run')}"
    method = "not known" if dataset.imported else "measured"
    yield "Method", "estimated by a power model from the CPU load" if cell.estimated(metric) else method
    if (uncertainty := expanded_uncertainty(cell, metric)) is not None:
        yield "Instrument", f"adds ±{THIN}{quantity(factor * uncertainty, 'J', 2)} (k = 2) {work}"
    boundaries = cell.boundary(metric) or "not known"
    yield "Boundary", boundaries if dataset.imported else f"{boundaries}; idle power included"
    if not dataset.imported:
        load, own = dataset.study.workload, cell.configuration.output_tokens
        asked = load.generation if own is None else load.generation.model_copy(update={"output_tokens": own})
        prompts = f"{dataset.prompts_count or 'the same'} prompts"
        sent = prompts if load.requests is None else f"{load.requests} requests"
        yield "Work", f"{sent}, {asked.words()} output tokens each"
    yield "Machine", study.machine
    yield "Date", dates_of(cell.ok) or "not known"
    yield "Study", f"{dataset.study.study}, greenreport"


def label_pictures(study: StudyContext, cache: Path) -> dict[str, Picture]:
    """Return the labels of a study as pictures, by their path in the site without its suffix."""
    labels = (label for cell in study.dataset.cells if (label := energy_label(study, cell)) is not None)
    return {label.path: picture(label_svg(label), cache, scale=2) for label in labels}


def label_svg(label: Label) -> str:
    """Return a label as a drawing."""
    y = 208.0 + 26 * (len(label.amounts) - 1)
    bands, y = _bands(label.bands, y)
    facts, bottom = _facts_placed(label.facts, y)
    aside = MARGIN + width(plain_line(label.amounts[0].energy), 52, bold=True) + 18
    drawing = draw(
        "label.svg", label=label, bands=bands, facts=facts, rule=y, caveat=CAVEAT, bottom=bottom, aside=aside, width=WIDTH,
        margin=MARGIN, room=ROOM, keys=KEYS,
    )  # fmt: skip
    return f"{drawing}\n"


def _bands(names: tuple[str, ...], top: float) -> tuple[list[tuple[float, float, float, str]], float]:
    """Return each remark as a band (x, y, width, text), in rows, and where what follows begins."""
    x = float(MARGIN)
    bands = []
    for name in names:
        size = width(plain_line(name), 15) + 20
        if x + size > WIDTH - MARGIN and x > MARGIN:
            x, top = float(MARGIN), top + 34
        bands.append((x, top, size, name))
        x += size + 10
    return bands, top + 42 if bands else top


def _facts_placed(facts: tuple[tuple[str, str], ...], y: float) -> tuple[list[tuple[float, str, str]], float]:
    """Return the lines of the facts (y, name where a fact begins, text), and where the caveat stands."""
    lines = []
    for name, text in facts:
        for number, line in enumerate(broken(text, 15, ROOM - KEYS, 2)):
            y += 19 if number else 24
            lines.append((y, "" if number else name, line))
    return lines, y + 30
