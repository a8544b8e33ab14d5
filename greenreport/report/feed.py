"""An Atom feed of the studies (RFC 4287), for feed readers and for sites that list others.

Its dates are those of the runs, never of the build: a feed changes when there is something new in it. Identifiers and links are
absolute by definition, so there is a feed only where the address of the site is known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from greenreport import __version__
from greenreport.analysis.findings_json.plain_values import plain_text
from greenreport.report.drawing.svg_text import plain_line
from greenreport.report.summary import Regression, Summary
from greenreport.study import Site
from greenreport.units import counted

FEED = "feed.xml"


@dataclass(frozen=True, slots=True)
class Feed:
    """The feed, or None where there is none; `remark` tells whoever builds the site what is missing, and why."""

    content: bytes | None
    remark: str = ""


def make_feed(studies: Sequence[Summary], settings: Site) -> Feed:
    """Return the feed of all studies with dated runs, the newest first, each with the regressions of its history."""
    home = settings.address("index.html")
    if home is None:
        return Feed(None, f"{FEED} is left out: a feed needs the site's address; give it with --base-url or in site.yaml")
    dated = [(study.moments, study) for study in studies if study.moments is not None]
    if not dated:
        return Feed(None, f"{FEED} is left out: no study has a run with a date yet")
    dated.sort(key=lambda item: (item[0][-1], item[1].slug), reverse=True)
    feed = ET.Element("feed", {"xmlns": "http://www.w3.org/2005/Atom", "xml:lang": "en"})
    _add(feed, "id", home)
    _add(feed, "title", settings.title)
    if settings.description:
        _add(feed, "subtitle", settings.description)
    _add(feed, "updated", dated[0][0][-1])
    _add(feed, "link", rel="self", type="application/atom+xml", href=settings.address(FEED) or "")
    _add(feed, "link", rel="alternate", type="text/html", href=home)
    _add(feed, "generator", "greenreport", version=__version__)
    for moments, study in dated:
        _add_entry(feed, study, moments, settings.address(f"{study.root}index.html") or "")
        for regression in study.regressions:
            page = settings.address(f"{study.root}history/index.html") or ""
            _add_regression(feed, study, regression, f"{page}#{regression.anchor}")
    ET.indent(feed)
    undated = len(studies) - len(dated)
    remark = f"{FEED} leaves out {counted(undated, 'study', 'studies')} without dated runs" if undated else ""
    return Feed(ET.tostring(feed, encoding="utf-8", xml_declaration=True), remark)


def _add_regression(feed: ET.Element, study: Summary, regression: Regression, address: str) -> None:
    entry = ET.SubElement(feed, "entry")
    name = hashlib.sha256(f"{regression.title}{regression.moment}".encode()).hexdigest()[:12]
    _add(entry, "id", f"{address}-{name}")
    _add(entry, "title", regression.title)
    _add(entry, "link", rel="alternate", type="text/html", href=address)
    _add(entry, "published", regression.moment)
    _add(entry, "updated", regression.moment)
    _add_authors(entry, study)
    _add(entry, "summary", plain_text(regression.told))
    _add(entry, "rights", study.license)


def _add_authors(entry: ET.Element, study: Summary) -> None:
    for name in study.authors or (f"The authors of the study {study.name}",):
        _add(ET.SubElement(entry, "author"), "name", name)


def _add_entry(feed: ET.Element, study: Summary, moments: tuple[str, str], address: str) -> None:
    remarks = [f"Validity: {study.level.value}.", *(f"{band.capitalize()}." for band in study.bands)]
    entry = ET.SubElement(feed, "entry")
    _add(entry, "id", address)
    _add(entry, "title", study.title)
    _add(entry, "link", rel="alternate", type="text/html", href=address)
    _add(entry, "published", moments[0])
    _add(entry, "updated", moments[1])
    _add_authors(entry, study)
    _add(entry, "summary", " ".join([plain_text(study.headline), *remarks]))
    _add(entry, "rights", study.license)


def _add(parent: ET.Element, name: str, text: str | None = None, **attributes: str) -> None:
    """Append an element; ElementTree escapes, but lets pass what XML refuses."""
    ET.SubElement(parent, name, attributes).text = None if text is None else plain_line(text)
