"""The metadata in the head of a page, for links, search engines and citations; with addresses if the site has one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from greenreport.report.drawing.inline_json import embedded_json
from greenreport.report.exports.card import cards_of
from greenreport.report.exports.data_dictionary import Download
from greenreport.report.exports.scholarly_metadata import citation_tags, linked_data
from greenreport.report.page import Page
from greenreport.report.pages import PageContent
from greenreport.report.pages.index_page import IndexContent
from greenreport.report.site_writer import NOWHERE
from greenreport.study import Site

HOME = "index.html"


@dataclass(frozen=True, slots=True)
class Head:
    """The metadata of a page.

    Attributes:
        title: name of the page out of context; for the front page, the name of the site.
        url: absolute address of the page; None if the site has none.
        image: absolute address of the preview image of a link to the page; `image_alt`: the same in words.
        data: the study as linked data, safe inside a script element; empty except on the first page of a study.
        tags: (name, value) of the tags that scholarly indexes read, on the same pages.
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
    address, preview = settings.address(page.path), settings.address(image) if image else None
    return Head(title, address, preview, alt, embedded_json(linked) if linked is not None else "", tags)


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
