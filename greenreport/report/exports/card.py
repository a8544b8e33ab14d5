"""Cards: the picture that is shown with a link to a study or to a question, 1200 × 630 pixels.

A card says the answer, one number with its interval, what it refers to, and every remark the number carries on the page.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from greenreport.analysis.hypotheses.answers import Answer, Text, plain
from greenreport.analysis.hypotheses.claims import Claim
from greenreport.analysis.measure.validity_badge import Level
from greenreport.analysis.stats import reach
from greenreport.record import Outcome
from greenreport.report.context import StudyContext
from greenreport.report.drawing.png import picture
from greenreport.report.drawing.style import HAIR, INK, LIGHT, PAPER, SOFT
from greenreport.report.drawing.svg_text import FONT, broken, complete, fitted, lettered, plain_line, width
from greenreport.report.figures.words import metric_bands
from greenreport.units import THIN, counted, number

WIDTH, HEIGHT, MARGIN = 1200, 630, 64
ROOM = WIDTH - 2 * MARGIN
BAR = (700, WIDTH - MARGIN)
HEADLINES = ((52, 3), (44, 4), (38, 5))  # size and lines, the largest that holds the sentence
LOWER = 370  # where the number begins
LEAST_BESIDE = 0.05  # of the axis, in logarithms: a difference of one per cent is not drawn as if it were large
LONGEST_ALT = 420  # what the networks take
VALIDITY = {
    Level.PASS: ("#2f6b3c", "Validity: all checks passed"),
    Level.CAUTION: ("#8a5a00", "Validity: read with care"),
    Level.INVALID: ("#a3271f", "Validity: do not use"),
    Level.NO_DATA: (SOFT, "No runs yet"),
}


@dataclass(frozen=True, slots=True)
class Card:
    """What a card says.

    Attributes:
        path: file in the site.
        about: what it is the card of: "the study", "RQ1".
        kicker: title of the study, or the question; `headline`: the answer.
        claim: the number shown large; `note` stands in its place where there is none.
        hue: colour of the configuration the claim speaks of.
        bands: remarks that stand beside the number, or beside every number of the study.
        source: machine and days of the runs.
    """

    path: str
    about: str
    kicker: str
    headline: str
    claim: Claim | None
    note: str
    hue: str
    bands: tuple[str, ...]
    source: str
    level: Level

    @property
    def alt(self) -> str:
        """The card in words."""
        number_words = f"{self.claim.sentence()}." if self.claim else self.note
        source = f"{self.source}." if self.source else ""
        parts = [self.headline, number_words, *(f"{band.capitalize()}." for band in self.bands), source]
        words = plain_line(" ".join(part for part in parts if part))
        return words if len(words) <= LONGEST_ALT else f"{words[: LONGEST_ALT - 1].rpartition(' ')[0]}…"


def cards_of(study: StudyContext) -> tuple[Card, ...]:
    """Return the card of a study and those of its questions."""
    analysis = study.analysis
    cards = [_card(study, "study", "the study", study.dataset.study.title, analysis.headline, _runs(study))]
    for answer in analysis.answers:
        kicker = f"{answer.id} · {answer.question}"
        cards.append(_card(study, f"rq-{answer.id.lower()}", answer.id, kicker, answer.lead, _decision(answer)))
    return tuple(cards)


def _card(study: StudyContext, name: str, about: str, kicker: str, lead: Text, note: str) -> Card:
    claim = next((part for part in lead if isinstance(part, Claim)), None)
    configuration = claim.numerator_cells[0].partition("/")[2] if claim else ""
    hue = study.looks[configuration].hue if configuration in study.looks else "blue"
    bands = metric_bands(study, claim.metric) if claim else study.bands
    source = " · ".join(part for part in (study.machine, study.dates) if part) if study.dataset.outcomes.total() else ""
    return Card(
        f"{study.root}cards/{name}.png", about, kicker, plain(lead), claim, note, LIGHT[f"--{hue}"], bands, source,
        study.analysis.badge.level,
    )  # fmt: skip


def _runs(study: StudyContext) -> str:
    """Return what a study without an answer consists of."""
    dataset = study.dataset
    size = f"{counted(len(dataset.models), 'model')} in {counted(len(dataset.configurations), 'serving configuration')}"
    ok = dataset.outcomes[Outcome.OK]
    return (
        f"{size}, {counted(ok, 'valid run')}."
        if dataset.outcomes.total()
        else f"{size}, {counted(dataset.study.protocol.repetitions, 'repetition')} declared."
    )


def _decision(answer: Answer) -> str:
    return answer.answers[0].decision if answer.answers else ""


def card_files(study: StudyContext, site: str, cache: Path) -> dict[str, bytes]:
    """Return the pictures of all cards of a study.

    Args:
        site: name of the site.
    """
    return {card.path: picture(card_svg(card, site), cache) for card in cards_of(study)}


def card_svg(card: Card, site: str) -> str:
    """Return a card as a drawing."""
    parts = [*_top(card, site), *_headline(card), *(_number(card, card.claim) if card.claim else _note(card)), *_bottom(card)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="{FONT}">'
        '<defs><pattern id="hatch" width="10" height="10" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        f'<rect width="5" height="10" fill="{HAIR}"/></pattern></defs>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{PAPER}"/>{"".join(parts)}</svg>'
    )


def _top(card: Card, site: str) -> Iterator[str]:
    colour, words = VALIDITY[card.level]
    start = WIDTH - MARGIN - width(words, 22)
    yield lettered(MARGIN, 66, site, 24, INK, bold=True, room=start - MARGIN - 60)
    yield f'<circle cx="{start - 18:g}" cy="58" r="8" fill="{colour}"/>'
    yield lettered(start, 66, words, 22, SOFT)
    yield lettered(MARGIN, 112, card.kicker, 26, SOFT, room=ROOM)


def _headline(card: Card) -> Iterator[str]:
    for size, most in HEADLINES:
        lines = broken(card.headline, size, ROOM, most, bold=True)
        if complete(lines, card.headline):
            break
    for place, line in enumerate(lines):
        yield lettered(MARGIN, 132 + size * (1 + 1.18 * place), line, size, INK, bold=True)
    yield f'<rect x="{MARGIN}" y="{LOWER}" width="{ROOM}" height="2" fill="{HAIR}"/>'


def _number(card: Card, claim: Claim) -> Iterator[str]:
    """Draw the number with what it compares, its interval, scope, runs and boundary, and the interval as a bar."""
    room = BAR[0] - MARGIN - 40
    yield lettered(MARGIN, LOWER + 72, claim.short(), 64, INK, bold=True, room=room)
    yield lettered(MARGIN, LOWER + 112, f"{claim.numerator} against {claim.denominator}", 24, INK, room=room)
    yield lettered(MARGIN, LOWER + 142, f"{claim.info.noun}, {claim.interval()}", 22, SOFT, room=room)
    how = "estimated" if claim.estimated else ""
    boundary = ", ".join(part for part in (claim.boundary, how) if part)
    facts = [claim.scope_text(), f"at least {counted(claim.n, 'run')} per cell", boundary]
    yield lettered(MARGIN, LOWER + 176, " · ".join(fact for fact in facts if fact), 20, SOFT, room=ROOM)
    yield from _bar(card, claim)


def _bar(card: Card, claim: Claim) -> Iterator[str]:
    """Draw the ratio with its interval on a logarithmic axis that shows 1."""
    low, high = reach(claim.value, claim.ci)
    if not (0 < low <= claim.value <= high and math.isfinite(high)):
        return
    first, last = math.log(min(low, 1)), math.log(max(high, 1))
    beside = max(0.15 * (last - first), LEAST_BESIDE)
    axis = LOWER + 76

    def place(ratio: float) -> float:
        return BAR[0] + (BAR[1] - BAR[0]) * (math.log(ratio) - first + beside) / (last - first + 2 * beside)

    yield f'<rect x="{BAR[0]}" y="{axis - 0.75}" width="{BAR[1] - BAR[0]}" height="1.5" fill="{HAIR}"/>'
    yield f'<rect x="{place(1) - 1:.1f}" y="{axis - 26}" width="2" height="52" fill="{SOFT}"/>'
    yield f'<rect x="{place(low):.1f}" y="{axis - 2}" width="{max(place(high) - place(low), 1):.1f}" height="4" fill="{card.hue}"/>'
    for end in (low, high):
        yield f'<rect x="{place(end) - 1.25:.1f}" y="{axis - 12}" width="2.5" height="24" fill="{card.hue}"/>'
    yield f'<circle cx="{place(claim.value):.1f}" cy="{axis}" r="7" fill="{card.hue}"/>'
    yield lettered(place(claim.value), axis - 34, f"{number(claim.value)}{THIN}×", 22, INK, bold=True, anchor="middle")
    yield lettered(place(1), axis + 46, "1", 22, SOFT, anchor="middle")
    yield lettered(BAR[0], LOWER + 148, f"ratio to {claim.denominator}, log scale", 20, SOFT, room=BAR[1] - BAR[0])


def _note(card: Card) -> Iterator[str]:
    for place, line in enumerate(broken(card.note, 28, ROOM, 4)):
        yield lettered(MARGIN, LOWER + 48 + 38 * place, line, 28, INK)


def _bottom(card: Card) -> Iterator[str]:
    """Draw the remarks as bands, and the machine with the days of the runs."""
    x = float(MARGIN)
    for band in card.bands:
        size = width(band, 22) + 28
        yield f'<rect x="{x:g}" y="564" width="{size:g}" height="34" rx="4" fill="url(#hatch)" stroke="{INK}" stroke-width="1.5"/>'
        yield lettered(x + 14, 588, band, 22, INK)
        x += size + 14
    source = fitted(card.source, 20, WIDTH - MARGIN - x)
    yield lettered(WIDTH - MARGIN, 588, source, 20, SOFT, anchor="end") if card.bands else lettered(x, 588, source, 20, SOFT)
