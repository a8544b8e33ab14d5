"""What the search box looks through: studies, questions, models, configurations, metrics and words of the glossary.

A page may ask no server, and from disk it may not even read a file, so the index is a script that sets one variable. It is loaded
when somebody begins to search; ``search-index.json`` holds the same for others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from urllib.parse import quote

from greenreport.analysis.findings_json.tests import plain_text
from greenreport.report.context import Page, StudyContext
from greenreport.report.drawing.safe_text import visible
from greenreport.report.figure import embedded_json
from greenreport.report.pages.contents import OverviewContent, QuestionContent, SideContent
from greenreport.report.pages.site_pages import GlossaryContent

INDEX = "search-index.json"
SCRIPT = "assets/search-index.js"  # the same name always: a page need not change because another one did
VARIABLE = "greenreportSearch"
KINDS = ("Study", "Question", "Model", "Configuration", "Metric", "Word")


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to be found.

    Attributes:
        where: title of the study it belongs to, or what it means; shown beside the title.
        address: page and anchor, from the site's folder.
        words: further words that lead to it.
    """

    title: str
    kind: str
    where: str
    address: str
    words: str = ""


def entries(pages: Sequence[Page]) -> tuple[Entry, ...]:
    """Return everything that can be found on some pages."""
    return tuple(entry for page in pages for entry in _entries(page))


def index_files(found: Sequence[Entry]) -> dict[str, bytes]:
    """Return the index as files of the site, studies first."""
    ordered = sorted(found, key=lambda entry: KINDS.index(entry.kind))
    return {INDEX: index_json(ordered), SCRIPT: index_script(ordered)}


def _entries(page: Page) -> Iterator[Entry]:
    address = quote(page.path)
    content = page.content
    if isinstance(content, GlossaryContent):
        yield from (Entry(m.label, "Metric", m.definition, f"{address}#{m.id}", f"{m.id} {m.noun}") for m in content.metrics)
        yield from (Entry(t.word, "Word", t.meaning, f"{address}#{t.anchor}") for t in content.terms)
    if page.study is None:
        return
    title = page.study.dataset.study.title
    if isinstance(content, OverviewContent):
        yield _entry(title, "Study", page.description, address, _about(page.study))
    elif isinstance(content, QuestionContent):
        yield _entry(page.title, "Question", title, address, page.description)
    elif isinstance(content, SideContent):
        words = " ".join(text for _, text in content.facts[:2])
        yield _entry(content.label, content.kind, title, address, f"{page.section.rpartition('/')[2]} {words}")


def _entry(title: str, kind: str, where: str, address: str, words: str) -> Entry:
    title, where, words = (plain_text(str(visible(text))) for text in (title, where, words))
    return Entry(title, kind, where, address, words)


def _about(study: StudyContext) -> str:
    spec = study.dataset.study
    return " ".join([spec.study, *spec.tags, study.machine, *(author.name for author in spec.authors), *study.bands])


def index_json(found: Sequence[Entry]) -> bytes:
    """Return the index for other programs."""
    return f"{embedded_json([asdict(entry) for entry in found])}\n".encode()


def index_script(found: Sequence[Entry]) -> bytes:
    """Return the index as a script that any page can load."""
    return b"window." + VARIABLE.encode() + b" = " + index_json(found).rstrip() + b";\n"
