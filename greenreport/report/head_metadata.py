"""What the head of a page tells those who link to it, index it or cite it; addresses only where the site has one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from greenreport.report.exports.card import cards_of
from greenreport.report.exports.downloads import Download
from greenreport.report.exports.scholarly_metadata import citation_tags, linked_data
from greenreport.report.figure import embedded_json
from greenreport.report.page import Page
from greenreport.report.pages import PageContent
from greenreport.report.pages.index_page import IndexContent
from greenreport.report.site_writer import NOWHERE
from greenreport.study import Site

HOME = "index.html"


@dataclass(frozen=True, slots=True)
class Head:
    """What the head of a page says.

    Attributes:
        title: name of the page where nothing stands around it; that of the first page is the site's.
        url: absolute address of the page; None where that of the site is not known.
        image: absolute address of the picture that is shown with a link to the page; `image_alt` says the same in words.
        data: the study as linked data, safe inside a script element; empty where the page is not the first of a study.
        tags: names and values of the tags that scholarly indexes read, on the same pages.
    """

    title: str
    url: str | None
    image: str | None = None
    image_alt: str = ""
    data: str = ""
    tags: tuple[tuple[str, str], ...] = ()


def head_of(page: Page[PageContent], settings: Site, downloads: Mapping[str, Sequence[Download]]) -> Head:
    """Return the head of a page.

    Args:
        downloads: study slug → files it offers.
    """
    title = settings.title if page.path == HOME else page.title
    if page.path == NOWHERE:
        return Head(title, None)
    image, alt = _card(page)
    linked = None
    tags: tuple[tuple[str, str], ...] = ()
    if page.study is not None and page.section == "overview":
        linked = linked_data(page.study, settings, downloads.get(page.study.slug, ()))
        tags = citation_tags(page.study, settings)
    return Head(
        title,
        settings.address(page.path),
        settings.address(image) if image else None,
        alt,
        embedded_json(linked) if linked is not None else "",
        tags,
    )


def _card(page: Page[PageContent]) -> tuple[str, str]:
    """Return path and words of a page's card: that of its question or of its study; the first page shows that of the first study."""
    if isinstance(page.content, IndexContent) and page.content.entries:
        return page.content.entries[0].card, page.content.entries[0].card_alt
    if page.study is None:
        return "", ""
    cards = {card.path: card for card in cards_of(page.study)}
    question = f"{page.study.root}cards/{page.section.replace('/', '-')}.png"
    card = cards.get(question, cards[f"{page.study.root}cards/study.png"])
    return card.path, card.alt
