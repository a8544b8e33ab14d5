"""An Atom feed of the studies (RFC 4287), for readers and for sites that list others.

Its dates are those of the runs, never of the build: a feed changes when there is something new in it. Identifiers and links are
absolute by definition, so there is a feed only where the address of the site is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from greenreport import __version__
from greenreport.analysis.findings_json.tests import plain_text
from greenreport.report.drawing.svg_text import plain_line
from greenreport.report.summary import Summary
from greenreport.study import Site
from greenreport.units import counted

FEED = "feed.xml"


@dataclass(frozen=True, slots=True)
class Feed:
    """The feed, or why there is none; `remark` is for who builds the site."""

    content: bytes | None
    remark: str = ""


def make_feed(studies: Sequence[Summary], settings: Site) -> Feed:
    """Return the feed of all studies with runs, the newest first."""
    home = settings.address("index.html")
    if home is None:
        return Feed(None, f"{FEED} is left out: a feed needs the site's address; give it with --base-url or in site.yaml")
    dated = [(study.moments, study) for study in studies if study.moments is not None]
    if not dated:
        return Feed(None, f"{FEED} is left out: no study has a run with a date yet")
    dated.sort(key=lambda item: (item[0][-1], item[1].slug), reverse=True)
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en">',
        _element("id", home),
        _element("title", settings.title),
        *([_element("subtitle", settings.description)] if settings.description else []),
        _element("updated", dated[0][0][-1]),
        f'<link rel="self" type="application/atom+xml" href="{_safe(settings.address(FEED) or "")}"/>',
        f'<link rel="alternate" type="text/html" href="{_safe(home)}"/>',
        f'<generator version="{_safe(__version__)}">greenreport</generator>',
        *(line for moments, study in dated for line in _entry(study, settings, moments)),
        "</feed>\n",
    ]
    left = len(studies) - len(dated)
    remark = f"{FEED} leaves out {counted(left, 'study', 'studies')} without dated runs" if left else ""
    return Feed("\n".join(lines).encode(), remark)


def _entry(study: Summary, settings: Site, moments: tuple[str, str]) -> Iterator[str]:
    address = settings.address(f"{study.root}index.html") or ""
    names = study.authors or (f"The authors of the study {study.name}",)
    remarks = [f"Validity: {study.level.value}.", *(f"{band.capitalize()}." for band in study.bands)]
    yield "<entry>"
    yield _element("id", address)
    yield _element("title", study.title)
    yield f'<link rel="alternate" type="text/html" href="{_safe(address)}"/>'
    yield _element("published", moments[0])
    yield _element("updated", moments[1])
    yield from (f"<author>{_element('name', name)}</author>" for name in names)
    yield _element("summary", " ".join([plain_text(study.headline), *remarks]))
    yield _element("rights", study.license)
    yield "</entry>"


def _element(name: str, text: str) -> str:
    return f"<{name}>{_safe(text)}</{name}>"


def _safe(text: str) -> str:
    return escape(plain_line(text))
