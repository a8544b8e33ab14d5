"""What the head of a page tells those who link to it: its title, its card, and its address where the site has one."""

from __future__ import annotations

from dataclasses import dataclass

from greenreport.report.card import Card, cards_of
from greenreport.report.context import Page
from greenreport.report.pages.site import IndexContent
from greenreport.study import Site

HOME = "index.html"
NOWHERE = "404.html"  # shown under any address, so it has none of its own


@dataclass(frozen=True, slots=True)
class Head:
    """What the head of a page says.

    Attributes:
        title: name of the page where nothing stands around it; that of the first page is the site's.
        url: absolute address of the page; None where that of the site is not known.
        image: absolute address of the picture that is shown with a link to the page; `image_alt` says the same in words.
    """

    title: str
    url: str | None
    image: str | None = None
    image_alt: str = ""


def head_of(page: Page, settings: Site) -> Head:
    """Return the head of a page."""
    title = settings.title if page.path == HOME else page.title
    card = _card(page)
    if page.path == NOWHERE:
        return Head(title, None)
    return Head(
        title,
        settings.address(page.path),
        settings.address(card.path) if card is not None else None,
        card.alt if card is not None else "",
    )


def _card(page: Page) -> Card | None:
    """Return the card of a page: that of its question or of its study; the first page shows that of the first study."""
    study = page.study
    if isinstance(page.content, IndexContent) and page.content.entries:
        study = page.content.entries[0].study
    if study is None:
        return None
    cards = {card.path: card for card in cards_of(study)}
    question = f"{study.root}cards/{page.section.replace('/', '-')}.png"
    return cards.get(question, cards[f"{study.root}cards/study.png"])
