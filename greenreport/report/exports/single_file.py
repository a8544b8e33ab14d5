"""``report.html``: a study in one file that can be mailed, with its style, drawings and tables, and without scripts."""

from __future__ import annotations

import base64
import hashlib
import posixpath
import re
from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import urlsplit

from greenreport.report.context import StudyContext
from greenreport.report.drawing.safe_text import visible
from greenreport.report.exports.citation import citation
from greenreport.report.page import Page
from greenreport.study import Site

LEFT_OUT = ("cells/", "models/", "configs/", "data", "outputs")
_MAIN = re.compile(r"<main\b[^>]*>(.*)</main>", re.DOTALL)
_DROPPED = re.compile(r"<script\b.*?</script>|<nav class=\"gr-dl\".*?</nav>|<section class=\"helper\".*?</section>", re.DOTALL)


def single_file(
    study: StudyContext, pages: Sequence[Page[object]], files: Mapping[str, bytes], css: bytes, settings: Site
) -> bytes:
    """Return the file.

    Args:
        pages: pages of the study.
        files: rendered pages by path.
        settings: those of the site.
    """
    chosen = [page for page in pages if not page.section.startswith(LEFT_OUT)]
    names = {page.path: f"p{number}" for number, page in enumerate(chosen)}
    parts = [_part(page, names, files[page.path].decode()) for page in chosen]
    contents = "".join(f'<li><a href="#{names[page.path]}">{_safe(page.title)}</a></li>' for page in chosen)
    contents += '<li><a href="#cite">Cite</a></li>'
    style = css.decode()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; font-src data:; base-uri 'none'; form-action 'none'"
    )
    title = _safe(study.dataset.study.title)
    sentence, entry = citation(study, settings)  # a mailed file has no data page beside it
    licence = f"Licence of the results: {_safe(study.dataset.study.license)}."
    cite = f'<section id="cite"><h2>Cite</h2><p>{_safe(sentence)}</p><pre>{_safe(entry)}</pre><p>{licence}</p></section>\n'
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{title}</title>\n<style>{style}</style>\n</head>\n'
        f'<body>\n<header class="frame"><p class="brand">{_safe(settings.title)}</p><nav aria-label="Contents"><ul>{contents}</ul></nav></header>\n'
        f'<main class="frame">\n{"".join(parts)}{cite}</main>\n'
        f'<footer class="frame"><p>{_safe(study.source)}</p></footer>\n</body>\n</html>\n'
    ).encode()


def _safe(text: str) -> str:
    return escape(str(visible(text)))


def _part(page: Page[object], names: Mapping[str, str], text: str) -> str:
    """Return the content of a page as a section: ids made unique, links turned into anchors of this file or removed."""
    name = names[page.path]
    main = _MAIN.search(text)
    content = _DROPPED.sub("", main[1] if main else "")
    content = re.sub(r'(\s(?:id|aria-labelledby|aria-describedby|for)=")([^"]+)"', rf'\1{name}-\2"', content)
    content = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", content)

    def link(match: re.Match[str]) -> str:
        parts = urlsplit(match[1])
        if parts.scheme:
            return match[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(page.path), parts.path)) if parts.path else page.path
        if path not in names:
            return ""
        return f' href="#{names[path]}{"-" + parts.fragment if parts.fragment else ""}"'

    content = re.sub(r' href="([^"]*)"', link, content)
    if name != "p0":  # one main heading per file
        content = re.sub(r"<(/?)h1\b", r"<\1h2", content)
    return f'<section id="{name}" aria-label="{_safe(page.title)}">{content}</section>\n'
