"""Cards: the preview image of a link to a study or to a question, 1200 × 630 pixels.

A card shows the answer, one number with its interval and scope, and every remark the number carries on the page.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from greenreport.analysis.hypotheses.claim_text import Text, plain
from greenreport.analysis.hypotheses.claims import Claim
from greenreport.analysis.measure.validity_badge import Badge, BadgeLevel
from greenreport.analysis.stats import reach
from greenreport.record import Outcome
from greenreport.report.context import StudyContext
from greenreport.report.drawing.png import Picture, picture
from greenreport.report.drawing.style import LIGHT, SOFT
from greenreport.report.drawing.svg_text import broken, complete, fitted, plain_line, width
from greenreport.report.figures.captions import metric_bands
from greenreport.report.templates import draw
from greenreport.units import THIN, counted, number

WIDTH, HEIGHT, MARGIN = 1200, 630, 64
ROOM = WIDTH - 2 * MARGIN
BAR = (700, WIDTH - MARGIN)
HEADLINES = ((52, 3), (44, 4), (38, 5))  # size and lines, the largest that holds the sentence
LOWER = 370  # top of the number
LEAST_BESIDE = 0.05  # of the axis, in logarithms: a difference of one per cent is not drawn as if it were large
LONGEST_ALT = 420  # the limit of social networks
VALIDITY = {BadgeLevel.PASS: "#2f6b3c", BadgeLevel.CAUTION: "#8a5a00", BadgeLevel.INVALID: "#a3271f", BadgeLevel.NO_DATA: SOFT}


@dataclass(frozen=True, slots=True)
class Card:
    """The content of a card.

    Attributes:
        path: file in the site.
        about: its subject, "the study" or "RQ1".
        kicker: title of the study, or the question; `headline`: the answer.
        claim: the number shown large; `note` stands in its place where there is none.
        hue: colour of the configuration in the claim.
        bands: remarks on the number, or on every number of the study.
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
    badge: Badge

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
        kicker, note = f"{answer.id} · {answer.question}", answer.answers[0].decision if answer.answers else ""
        cards.append(_card(study, f"rq-{answer.id.lower()}", answer.id, kicker, answer.lead, note))
    return tuple(cards)


def _card(study: StudyContext, name: str, about: str, kicker: str, lead: Text, note: str) -> Card:
    claim = next((part for part in lead if isinstance(part, Claim)), None)
    configuration = claim.numerator_cells[0].partition("/")[2] if claim else ""
    hue = study.looks[configuration].hue if configuration in study.looks else "blue"
    bands = metric_bands(study, claim.metric) if claim else study.bands
    source = " · ".join(part for part in (study.machine, study.dates) if part) if study.dataset.outcomes.total() else ""
    return Card(
        f"{study.root}cards/{name}.png", about, kicker, plain(lead), claim, note, LIGHT[f"--{hue}"], bands, source,
        study.analysis.badge,
    )  # fmt: skip


def _runs(study: StudyContext) -> str:
    """Return the size of a study that has no answer yet."""
    dataset = study.dataset
    size = f"{dataset.subject.counted(len(dataset.models))} in {counted(len(dataset.configurations), 'serving configuration')}"
    if dataset.outcomes.total():
        words = ("row of a table", "rows of a table") if dataset.imported else ("valid run", "valid runs")
        return f"{size}, {counted(dataset.outcomes[Outcome.OK], *words)}."
    return (
        f"{size}, {dataset.study.protocol.repetitions} {'repetition' if dataset.repetitions == 1 else 'repetitions'} declared."
    )


def card_pictures(study: StudyContext, site: str, cache: Path) -> dict[str, Picture]:
    """Return the pictures of all cards of a study, by their path in the site.

    Args:
        site: name of the site.
    """
    return {card.path: picture(card_svg(card, site), cache) for card in cards_of(study)}


def card_svg(card: Card, site: str) -> str:
    """Return a card as a drawing."""
    size, lines = _headline(card)
    colour, validity = VALIDITY[card.badge.level], card.badge.words
    bands, end = _bands(card)
    return draw(
        "card.svg", card=card, site=site, size=size, lines=lines, colour=colour, validity=validity,
        badge=WIDTH - MARGIN - width(validity, 22), number=_number(card.claim) if card.claim else None,
        note=() if card.claim else broken(card.note, 28, ROOM, 4), bar=_bar(card.claim) if card.claim else None, bands=bands,
        source=fitted(card.source, 20, WIDTH - MARGIN - end), width=WIDTH, height=HEIGHT, margin=MARGIN, room=ROOM, lower=LOWER,
        axis=BAR,
    )  # fmt: skip


def _headline(card: Card) -> tuple[int, list[str]]:
    """Return the largest size that holds the sentence, or else the smallest, and its lines."""
    for size, most in HEADLINES:
        lines = broken(card.headline, size, ROOM, most, bold=True)
        if complete(lines, card.headline):
            break
    return size, lines


def _number(claim: Claim) -> tuple[str, str, str, str]:
    """Return the number, what it compares, metric and interval, and scope, runs and boundary."""
    boundary = ", ".join(part for part in (claim.boundary, "estimated" if claim.estimated else "") if part)
    facts = (claim.scope_text(), f"{claim.runs_text} per cell", boundary)
    return (
        claim.short(),
        f"{claim.numerator} against {claim.denominator}",
        f"{claim.info.compared}, {claim.interval()}",
        " · ".join(fact for fact in facts if fact),
    )


@dataclass(frozen=True, slots=True)
class _Bar:
    """A ratio with its interval on a logarithmic axis that shows 1: where each stands, in pixels."""

    one: float
    low: float
    high: float
    value: float
    words: str


def _bar(claim: Claim) -> _Bar | None:
    """Return the positions; None if an end of the interval has no logarithm."""
    low, high = reach(claim.value, claim.ci)
    if not (0 < low <= claim.value <= high and math.isfinite(high)):
        return None
    first, last = math.log(min(low, 1)), math.log(max(high, 1))
    beside = max(0.15 * (last - first), LEAST_BESIDE)

    def place(ratio: float) -> float:
        return BAR[0] + (BAR[1] - BAR[0]) * (math.log(ratio) - first + beside) / (last - first + 2 * beside)

    return _Bar(place(1), place(low), place(high), place(claim.value), f"{number(claim.value)}{THIN}×")


def _bands(card: Card) -> tuple[list[tuple[float, float, str]], float]:
    """Return the remarks as bands (x, width, text), and where they end."""
    x = float(MARGIN)
    bands = []
    for band in card.bands:
        size = width(band, 22) + 28
        bands.append((x, size, band))
        x += size + 14
    return bands, x
