"""The search index: studies, questions and other pages, models, configurations, cells, findings of figures, metrics and words of the glossary.

A page may not ask a server, and opened from disk it may not even read a file, so the index is a script that sets one variable. It
is loaded when somebody begins to search; ``search-index.json`` holds the same for other programs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from urllib.parse import quote

from greenreport.analysis.findings_json.plain_values import plain_text
from greenreport.report.drawing.inline_json import embedded_json
from greenreport.report.drawing.safe_text import visible

INDEX = "search-index.json"
SCRIPT = "assets/search-index.js"  # no digest in its name, so that pages need not change with the index
VARIABLE = "greenreportSearch"
KINDS = ("Study", "Question", "Page", "Model", "Configuration", "Cell", "Figure", "Metric", "Word")


@dataclass(frozen=True, slots=True)
class Entry:
    """A result of a search.

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


def index_files(entries: Sequence[Entry]) -> dict[str, bytes]:
    """Return the index as files of the site, studies first: for other programs, and as a script that any page can load."""
    ordered = sorted(entries, key=lambda entry: KINDS.index(entry.kind))
    index = embedded_json([asdict(entry) for entry in ordered])
    return {INDEX: f"{index}\n".encode(), SCRIPT: f"window.{VARIABLE} = {index};\n".encode()}


def entry(title: str, kind: str, where: str, path: str, words: str, anchor: str = "") -> Entry:
    """Return an entry for a page, with texts of a study made plain and safe.

    Args:
        path: file of the page in the site; `anchor`: a part of it.
    """
    title, where, words = (plain_text(str(visible(text))) for text in (title, where, words))
    return Entry(title, kind, where, f"{quote(path)}#{quote(anchor)}" if anchor else quote(path), words)
