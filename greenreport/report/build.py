"""Build the site: find studies, read their runs, analyse, render, write."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from greenreport.analysis.analyse import analyse
from greenreport.analysis.document import document
from greenreport.report.card import card_files
from greenreport.report.context import Download, StudyContext, study_context
from greenreport.report.embed import embed_pages
from greenreport.report.feed import FEED, make_feed
from greenreport.report.folder import SiteFolder, digest_of, replacing
from greenreport.report.kept import Kept, key_of, program_digest, read_memory, write_memory
from greenreport.report.label import label_files
from greenreport.report.observations import observations_csv
from greenreport.report.pages import comparison_links, comparison_pages, site_pages, study_pages
from greenreport.report.render import Renderer, templates_folder
from greenreport.report.search import entries, index_files
from greenreport.report.share import badge_svg, citation_cff, citation_ris
from greenreport.report.single import single_file
from greenreport.report.summary import Summary, newest_first, summarise
from greenreport.results import Found, Located, counterparts, groups, locate_all
from greenreport.study import Site, load_site
from greenreport.units import safe_slug

SETTINGS = "site.yaml"
PARQUET = {
    "runs": "one row a run: cell, outcome, reason, flags, parameters as executed",
    "marks": "phases of each run",
    "requests": "requests with client and server times",
    "outputs": "texts and token ids, once each",
    "traces": "raw samples of every meter",
    "environments": "machines and library versions",
}


def build(studies: Path, cache: Path, site: Path, weights: str | None, base_url: str | None = None) -> str:
    """Build the site; return a sentence. Pages of a study are made again only where something they are made from has changed.

    Args:
        base_url: address the site will have, instead of that in ``site.yaml``.

    Raises:
        SpecError: a study file or ``site.yaml`` is wrong.
        BuildError: a page could not be rendered or the folder is not a site.
    """
    settings = site_settings(studies, base_url)
    located = locate_all(studies, cache, weights)
    slugs: dict[Located, str] = {}
    for item in located:
        slugs[item] = safe_slug(item.name, list(slugs.values()))
    folders = [folder for folder in (studies / "templates", templates_folder()) if folder.is_dir()]
    feed = settings.address("index.html") is not None and any(item.dated for item in located)
    renderer = Renderer(folders, cache / "figures", settings, feed=feed)
    program, before = program_digest(folders), read_memory(cache, site)
    memory: dict[str, Kept] = {}
    unchanged = 0
    with replacing(site) as folder:
        for group in groups(located):
            key = key_of(program, settings, feed, [(slugs[item], item.stamp) for item in group])
            kept = before.get(key)
            if kept is not None and folder.keep(kept.files):
                unchanged += len(group)
            else:
                made = _make(group, slugs, renderer, cache, weights)
                folder.write(made.files)
                folder.copy(made.copies)
                written = [*made.files, *(path for _, path in made.copies)]
                kept = Kept(made.summaries, made.pages, {path: folder.digests[path] for path in written})
            memory[key] = kept
        remark = _write_shared(folder, renderer, [summary for kept in memory.values() for summary in kept.summaries])
    write_memory(cache, site, memory)
    pages = sum(kept.pages for kept in memory.values())
    same = f" ({unchanged} unchanged)" if unchanged else ""
    return f"built {pages} pages of {len(located)} studies{same} into {site}; open {site / 'index.html'}{remark}"


@dataclass(frozen=True, slots=True)
class Made:
    """Everything made for one study, or for studies that are compared with each other."""

    summaries: tuple[Summary, ...]
    pages: int
    files: dict[str, bytes]
    copies: list[tuple[Path, str]]


def _make(group: Sequence[Located], slugs: Mapping[Located, str], renderer: Renderer, cache: Path, weights: str | None) -> Made:
    found = [item.read() for item in group]
    contexts = [study_context(slugs[place], analyse(item.dataset)) for place, item in zip(group, found, strict=True)]
    compared = comparison_pages(contexts, counterparts(found, cache, weights))
    links = comparison_links(compared)
    pages = [
        page
        for item, c in zip(found, contexts, strict=True)
        for page in study_pages(c, item.text, links.get(c.root, ()), renderer.settings)
    ]
    pages += compared
    files, copies, downloads = _downloads(found, contexts, renderer.settings)
    rendered = renderer.pages([*pages, *embed_pages(pages)], downloads)
    for context in contexts:
        files |= card_files(context, renderer.settings.title, renderer.cache)
        files |= label_files(context, renderer.cache)
        mine = [page for page in pages if page.study is context]
        files[f"{context.root}report.html"] = single_file(context, mine, rendered, renderer.style, renderer.settings)
    summaries = tuple(
        summarise(context, [page for page in pages if page.study is context], links.get(context.root, ()))
        for context in contexts
    )
    return Made(summaries, len(pages), rendered | files, copies)


def _write_shared(folder: SiteFolder, renderer: Renderer, summaries: Sequence[Summary]) -> str:
    """Write what belongs to no study; return what who builds the site should know of it, on a line of its own."""
    shown = newest_first(summaries)
    feed = make_feed(shown, renderer.settings)
    pages = site_pages(shown)
    folder.write(renderer.shared | renderer.pages(pages, {}))
    folder.write(index_files([*entries(pages), *(entry for study in summaries for entry in study.entries)]))
    if feed.content is not None:
        folder.write({FEED: feed.content})
    return f"\n{feed.remark}" if feed.remark else ""


def site_settings(studies: Path, base_url: str | None) -> Site:
    """Return the settings of the site: those of ``site.yaml`` beside the folder of studies, and the address given instead of its own."""
    settings = load_site(Path(os.path.relpath(studies.resolve().parent / SETTINGS)))
    return settings if base_url is None else settings.model_copy(update={"base_url": base_url})


def _downloads(
    found: Sequence[Found], contexts: Sequence[StudyContext], settings: Site
) -> tuple[dict[str, bytes], list[tuple[Path, str]], dict[str, list[Download]]]:
    """Return small files by content, large files by path, and what each study offers."""
    files: dict[str, bytes] = {}
    copies: list[tuple[Path, str]] = []
    offers: dict[str, list[Download]] = {}
    for item, context in zip(found, contexts, strict=True):
        offer = offers.setdefault(context.slug, [])
        table, rows = observations_csv(context.dataset)
        findings = (json.dumps(document(context.analysis), indent=1, ensure_ascii=False) + "\n").encode()
        for name, content, text, number in (
            ("observations.csv", table, "every observation: one row a run and metric, with unit, boundary and method", rows),
            ("findings.json", findings, "all tests, effect sizes, claims, answers and guidelines with their numbers", None),
            ("study.yaml", item.text.encode(), "the study file as it was read", None),
            ("badge.svg", badge_svg(context), "a badge with the study's first claim", None),
            ("CITATION.cff", citation_cff(context, settings), "citation for repositories", None),
            ("citation.ris", citation_ris(context, settings), "citation for reference managers", None),
        ):
            if rows or name == "study.yaml":
                files[f"{context.root}data/{name}"] = content
                offer.append(Download(name, text, number, len(content), hashlib.sha256(content).hexdigest()))
        for path, rows_of_table in item.parquet:
            copies.append((path, f"{context.root}data/{path.name}"))
            offer.append(Download(path.name, PARQUET[path.stem], rows_of_table, path.stat().st_size, digest_of(path)))
    return files, copies, offers
