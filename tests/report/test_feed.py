"""Tests of the feed: dates of the data, absolute addresses, and none where these are not known."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from greenreport.analysis.analyse import analyse
from greenreport.analysis.measure.dataset import Dataset
from greenreport.report.context import study_context
from greenreport.report.feed import make_feed
from greenreport.report.summary import Summary, summarise
from greenreport.study import Site
from tests.datasets import around, dataset
from tests.hostile_site import HOSTILE
from tests.report.conftest import ADDRESS

Command = Callable[..., subprocess.CompletedProcess[str]]
ATOM = "{http://www.w3.org/2005/Atom}"
SITE = Site(title="Ours", base_url=ADDRESS)


def context(slug: str, *dates: str, **changes: object) -> Summary:
    """Return a study whose runs began on these days, as many in turn."""
    made: Dataset = dataset({"a": {"torch": around(100.0), "onnx": around(60.0)}}, **changes)
    cells = tuple(
        replace(
            cell,
            runs=tuple(
                replace(run, started_at=f"{dates[number % len(dates)]}T12:00:00Z" if dates else "")
                for number, run in enumerate(cell.runs)
            ),
        )
        for cell in made.cells
    )
    return summarise(study_context(slug, analyse(replace(made, cells=cells))), ())


def entries(feed: bytes) -> list[dict[str, str]]:
    """Return id, title, link and dates of each entry."""
    return [
        {
            **{
                name: str(entry.findtext(f"{ATOM}{name}"))
                for name in ("id", "title", "published", "updated", "summary", "rights")
            },
            "link": str(entry.find(f"{ATOM}link").attrib["href"]),  # type: ignore[union-attr]
            "author": str(entry.findtext(f"{ATOM}author/{ATOM}name")),
        }
        for entry in ET.fromstring(feed).iter(f"{ATOM}entry")
    ]


def test_the_newest_study_stands_first_with_the_dates_of_its_runs() -> None:
    """Published: the first run; updated: the last; the feed itself is as old as its newest entry."""
    older, newer = context("older", "2026-01-05", "2026-01-03"), context("newer", "2026-02-01")
    feed = make_feed([older, newer], SITE)
    assert feed.remark == ""
    assert feed.content is not None
    first, second = entries(feed.content)
    assert first["id"] == first["link"] == f"{ADDRESS}s/newer/"
    assert (second["published"], second["updated"]) == ("2026-01-03T12:00:00Z", "2026-01-05T12:00:00Z")
    assert "uses the least energy" in second["summary"]
    assert "Validity: caution. Untrained weights." in second["summary"]
    assert second["author"] == "The authors of the study tiny"
    root = ET.fromstring(feed.content)
    assert root.findtext(f"{ATOM}updated") == "2026-02-01T12:00:00Z"
    assert root.findtext(f"{ATOM}title") == "Ours"
    links = {link.attrib["rel"]: link.attrib["href"] for link in root.findall(f"{ATOM}link")}
    assert links == {"self": f"{ADDRESS}feed.xml", "alternate": ADDRESS}
    assert make_feed([newer, older], SITE) == feed


@pytest.mark.parametrize(
    ("settings", "dates", "why"),
    [(Site(), ("2026-01-01",), "needs the site's address"), (SITE, (), "no study has a run with a date")],
    ids=["no address", "no dates"],
)
def test_there_is_no_feed_without_address_or_dates(settings: Site, dates: tuple[str, ...], why: str) -> None:
    """Relative links and a made-up date would both be wrong; who builds the site is told."""
    feed = make_feed([context("one", *dates)], settings)
    assert feed.content is None
    assert why in feed.remark


def test_studies_without_dates_are_left_out_and_told() -> None:
    """The others stay."""
    feed = make_feed([context("one", "2026-01-01"), context("two")], SITE)
    assert feed.content is not None
    assert [entry["id"] for entry in entries(feed.content)] == [f"{ADDRESS}s/one/"]
    assert feed.remark == "feed.xml leaves out 1 study without dated runs"


def test_hostile_texts_stay_text() -> None:
    """Titles, authors and licences cannot open an element or break the document."""
    nasty = HOSTILE + "]]>\x0b\ufffe&amp;"
    feed = make_feed([context("one", "2026-01-01", title=nasty, authors=({"name": nasty},), license=nasty)], SITE)
    assert feed.content is not None
    (entry,) = entries(feed.content)
    for name in ("title", "author", "rights"):
        assert "<script>alert(1)</script>" in entry[name]
        assert entry[name].endswith("]]>&amp;")


def test_the_built_site_names_its_feed(built: Path, addressed: Path, site: Path, command: Command) -> None:
    """Every page links it and the first page says so; without an address there is neither file nor link, and the build says why."""
    assert entries((addressed / "feed.xml").read_bytes())[0]["id"] == f"{ADDRESS}s/tiny/"
    for page in addressed.rglob("index.html"):
        up = "../" * (len(page.relative_to(addressed).parts) - 1)
        assert f'<link rel="alternate" type="application/atom+xml" href="{up}feed.xml"' in page.read_text(encoding="utf-8")
    assert '<a href="feed.xml">' in (addressed / "index.html").read_text(encoding="utf-8")
    assert not (built / "site" / "feed.xml").exists()
    assert "feed.xml" not in (built / "site" / "index.html").read_text(encoding="utf-8")
    assert site.is_dir()
    assert "feed.xml is left out: a feed needs the site's address" in command("build").stdout
