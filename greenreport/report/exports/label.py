"""Energy labels: what a model in a serving configuration uses, in absolute values, as a picture that can be shown anywhere.

A label is no grade. A grade relative to others changes when others are added; joules for a stated amount of work do not. So that
the number does not travel alone, the label carries interval, runs, boundary, method, work, machine and date.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

from greenreport.analysis.measure.dataset import CellView, label_of
from greenreport.analysis.measure.fidelity import not_ranked
from greenreport.analysis.stats import Interval, NotComputable, describe
from greenreport.report.context import StudyContext, dates_of
from greenreport.report.drawing.png import picture
from greenreport.report.drawing.style import HAIR, INK, PAPER, SOFT
from greenreport.report.drawing.svg_text import FONT, broken, lettered, plain_line, width
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
    """What a label says.

    Attributes:
        path: file in the site without its ending.
        facts: name and text of what the number depends on.
        bands: remarks that stand beside the number.
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
    """Return the label of a cell, or None where its energy is not known."""
    amounts = tuple(_amounts(cell))
    if not amounts:
        return None
    unfaithful = (cell.model.id, cell.configuration.id) in not_ranked(study.analysis.fidelity)
    bands = (*study.bands, *(("other outputs than the reference",) if unfaithful else ()))
    path = f"{study.root}labels/{cell.slug}"
    return Label(path, cell.model.label, label_of(cell.configuration), amounts, tuple(_facts(study, cell)), bands)


def _amounts(cell: CellView) -> Iterator[Amount]:
    for metric, factor, work in AMOUNTS:
        values = cell.values(metric)
        if not values:
            continue
        found = describe([value * factor for value in values])
        if found.median is not None:
            yield Amount(quantity(found.median, "J"), work, _interval(found.median_ci))


def _interval(ci: Interval | NotComputable) -> str:
    if isinstance(ci, NotComputable):
        return f"no interval: {ci.reason}"
    return f"{ci.level * 100:.0f}{THIN}% interval {quantity(ci.low, 'J')} to {quantity(ci.high, 'J')}"


def _facts(study: StudyContext, cell: CellView) -> Iterator[tuple[str, str]]:
    metric = next(name for name, _, _ in AMOUNTS if cell.values(name))
    dataset = study.dataset
    yield "Value", f"median of {counted(len(cell.values(metric)), 'valid run')}"
    estimated = cell.estimated(metric)
    boundaries = cell.boundary(metric) or "not known"
    yield (
        "Method",
        "estimated by a power model from the CPU load" if estimated else "not known" if dataset.imported else "measured",
    )
    yield "Boundary", boundaries if dataset.imported else f"{boundaries}; idle power included"
    if not dataset.imported:
        workload, own = dataset.study.workload, cell.configuration.output_tokens
        asked = workload.generation if own is None else workload.generation.model_copy(update={"output_tokens": own})
        sent = (
            f"{dataset.prompts_count or 'the same'} prompts" if workload.requests is None else f"{workload.requests} requests"
        )
        yield "Work", f"{sent}, {asked.words()} output tokens each"
    yield "Machine", study.machine
    yield "Date", dates_of(cell.ok) or "not known"
    yield "Study", f"{dataset.study.study}, greenreport"


def label_files(study: StudyContext, cache: Path) -> dict[str, bytes]:
    """Return the labels of a study as SVG and PNG."""
    files: dict[str, bytes] = {}
    for cell in study.dataset.cells:
        label = energy_label(study, cell)
        if label is not None:
            svg = label_svg(label)
            files |= {f"{label.path}.svg": svg.encode(), f"{label.path}.png": picture(svg, cache, scale=2)}
    return files


def label_svg(label: Label) -> str:
    """Return a label as a drawing."""
    parts, height = _body(label)
    words = escape(label.sentence)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:g}" viewBox="0 0 {WIDTH} {height:g}" role="img" '
        f'aria-label="{words}" font-family="{FONT}"><title>{words}</title>'
        '<defs><pattern id="hatch" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        f'<rect width="4" height="8" fill="{HAIR}"/></pattern></defs>'
        f'<rect x="1" y="1" width="{WIDTH - 2}" height="{height - 2:g}" rx="4" fill="{PAPER}" stroke="{INK}" stroke-width="2"/>'
        f"{''.join(parts)}</svg>\n"
    )


def _body(label: Label) -> tuple[list[str], float]:
    """Return the parts of a label from top to bottom, and its height."""
    parts = [lettered(MARGIN, 44, "Energy of serving", 16, SOFT)]
    parts.append(lettered(MARGIN, 78, label.model, 26, INK, bold=True, room=ROOM))
    parts.append(lettered(MARGIN, 106, label.configuration, 19, INK, room=ROOM))
    first, *others = label.amounts
    parts.append(f'<rect x="{MARGIN}" y="124" width="{ROOM}" height="2" fill="{INK}"/>')
    parts.append(lettered(MARGIN, 182, first.energy, 52, INK, bold=True))
    aside = MARGIN + width(plain_line(first.energy), 52, bold=True) + 18
    parts.append(lettered(aside, 160, first.work, 19, INK, room=WIDTH - MARGIN - aside))
    parts.append(lettered(aside, 183, first.interval, 15, SOFT, room=WIDTH - MARGIN - aside))
    y = 190.0
    for amount in others:
        y += 26
        parts.append(lettered(MARGIN, y, f"{amount.energy} {amount.work}, {amount.interval}", 16, INK, room=ROOM))
    y += 18
    for part, height in _bands(label.bands, y):
        parts.append(part)
        y = height
    parts.append(f'<rect x="{MARGIN}" y="{y:g}" width="{ROOM}" height="1" fill="{SOFT}"/>')
    for name, text in label.facts:
        for place, line in enumerate(broken(text, 15, ROOM - KEYS, 2)):
            y += 24 if place == 0 else 19
            parts += [lettered(MARGIN, y, name, 15, SOFT)] if place == 0 else []
            parts.append(lettered(MARGIN + KEYS, y, line, 15, INK))
    y += 30
    parts.append(lettered(MARGIN, y, CAVEAT, 12.5, SOFT, room=ROOM))
    return parts, y + 24


def _bands(names: tuple[str, ...], top: float) -> Iterator[tuple[str, float]]:
    """Yield each remark as a band, in rows, with where what follows begins."""
    x = float(MARGIN)
    for name in names:
        size = width(plain_line(name), 15) + 20
        if x + size > WIDTH - MARGIN and x > MARGIN:
            x, top = float(MARGIN), top + 34
        box = f'<rect x="{x:g}" y="{top:g}" width="{size:g}" height="26" rx="3" fill="url(#hatch)" stroke="{INK}"/>'
        yield box + lettered(x + 10, top + 18, name, 15, INK), top + 42
        x += size + 10
