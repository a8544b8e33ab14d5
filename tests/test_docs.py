"""The documentation is whole: every page has a place in its site, and links lead to pages and headings that exist."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))


def places(entry: object) -> set[str]:
    """Return the files that an entry of the navigation names."""
    match entry:
        case str():
            return {entry}
        case dict():
            return set().union(*map(places, entry.values()))
        case list():
            return set().union(*map(places, entry))
    raise TypeError(entry)


def test_every_page_has_its_place() -> None:
    """The navigation names all of them, and nothing else."""
    settings = yaml.safe_load((ROOT / ".ci" / "mkdocs.yml").read_text(encoding="utf-8"))
    assert places(settings["nav"]) == {str(page.relative_to(DOCS)) for page in PAGES}


def anchors(page: Path) -> set[str]:
    """Return the anchors of the headings of a page."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    plain = (unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode().lower() for heading in headings)
    return {re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", heading).strip()) for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """To a file inside the documentation, and to a heading that it has."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for address in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in address:
            continue
        file, _, anchor = address.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.is_relative_to(DOCS), address
        assert target.is_file(), address
        assert not anchor or anchor in anchors(target), address
