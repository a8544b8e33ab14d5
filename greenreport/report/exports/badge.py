"""The badge: a study's first claim in short form, and the code that shows it on another page."""

from __future__ import annotations

from html import escape

from greenreport.analysis.measure.validity_badge import BadgeLevel
from greenreport.report.context import StudyContext
from greenreport.report.drawing.safe_text import on_one_line
from greenreport.report.drawing.style import LIGHT, SOFT
from greenreport.report.templates import draw
from greenreport.study import Site

CHARACTER = 6.6  # mean width of a character at 11 px; the text is stretched to fit, so an estimate is enough
MARKDOWN = frozenset("\\`*_[]<>")  # characters with a meaning in Markdown
COLOURS = {
    BadgeLevel.PASS: LIGHT["--green"],
    BadgeLevel.CAUTION: "#8a5a00",
    BadgeLevel.INVALID: "#a4262c",
    BadgeLevel.NO_DATA: SOFT,
}


def badge_svg(study: StudyContext) -> bytes:
    """Return a badge: the study's first claim in short, its scope, and how valid it is; with the whole claim as title."""
    short, sentence = _words(study)
    first, second = (round(len(words) * CHARACTER) + 14 for words in ("greenreport", short))
    colour = COLOURS[study.analysis.badge.level]
    return f"{draw('badge.svg', short=short, sentence=sentence, colour=colour, first=first, second=second)}\n".encode()


def _words(study: StudyContext) -> tuple[str, str]:
    """Return what the badge says, in short and as a sentence."""
    claim = next((c for answer in study.analysis.answers for c in answer.claims), None)
    level = study.analysis.badge.level.value
    if claim is None:
        return f"no answer yet, validity: {level}", on_one_line(study.dataset.study.title)
    scope = f"{len(claim.scope)} of {claim.subject.counted(claim.of_models)}"
    estimated = ", estimated" if claim.estimated else ""
    short = f"{claim.numerator}: {claim.size()} {claim.compared_with()}, {scope}{estimated}"
    return on_one_line(short), on_one_line(f"{claim.sentence()}. Validity: {level}.")


def badge_code(study: StudyContext, settings: Site) -> tuple[tuple[str, str], ...]:
    """Return (kind, code) that shows the badge on another page and links to the study.

    If the site has no address, paths start at the folder of the site, and the page's script completes them in the browser.
    """
    page, picture = (settings.address(path) or path for path in (f"{study.root}index.html", f"{study.root}data/badge.svg"))
    _, sentence = _words(study)
    inert = "".join(f"\\{letter}" if letter in MARKDOWN else letter for letter in sentence)
    return (
        ("Markdown", f"[![{inert}]({picture})]({page})"),
        ("HTML", f'<a href="{page}"><img src="{picture}" alt="{escape(sentence)}" height="22"></a>'),
    )
