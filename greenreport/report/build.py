"""Build the site: find studies, read their runs, analyse, render, write."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from greenreport.analysis.analyse import analyse
from greenreport.report.context import study_context
from greenreport.report.exports.card import card_files
from greenreport.report.exports.downloads import offered
from greenreport.report.exports.embed import embed_pages
from greenreport.report.exports.label import label_files
from greenreport.report.exports.single_file import single_file
from greenreport.report.feed import FEED, make_feed
from greenreport.report.incremental import Kept, key_of, program_digest, read_memory, write_memory
from greenreport.report.pages import comparison_links, comparison_pages, measured_elsewhere, site_pages, study_pages
from greenreport.report.render import Renderer, templates_folder
from greenreport.report.search import entries, index_files
from greenreport.report.site_writer import SiteFolder, replacing
from greenreport.report.summary import Summary, newest_first, summarise
from greenreport.results import Located, counterparts, groups, locate_all
from greenreport.study import Site, load_site
from greenreport.units import counted, safe_slug

SETTINGS = "site.yaml"


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
    return f"built {counted(pages, 'page')} of {counted(len(located), 'study', 'studies')}{same} into {site}; open {site / 'index.html'}{remark}"


@dataclass(frozen=True, slots=True)
class Made:
    """Everything made for one study, or for studies whose pages speak of each other."""

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
        for page in study_pages(c, item.text, links.get(c.root, ()), renderer.settings, measured_elsewhere(c, contexts))
    ]
    pages += compared
    files, copies, downloads = offered(found, contexts, renderer.settings, cache)
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
