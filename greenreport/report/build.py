"""Build the site: find the studies, read and analyse their runs, render the pages, write the files."""

from __future__ import annotations

import os
import traceback
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path

from altair.utils.schemapi import debug_mode

from greenreport.analysis.analyse import analyse
from greenreport.errors import DISK_REMEDIES, BuildError, GreenReportError
from greenreport.report.built_site import SETTINGS, BuildInput, BuiltSite, StudyFailure, remember, state_of
from greenreport.report.context import study_context
from greenreport.report.drawing.checked_files import sweep
from greenreport.report.drawing.png import Picture
from greenreport.report.drawing.vega import Drawings
from greenreport.report.exports.card import card_pictures
from greenreport.report.exports.downloads import offered
from greenreport.report.exports.label import label_pictures
from greenreport.report.exports.single_file import single_file
from greenreport.report.feed import FEED, make_feed
from greenreport.report.incremental import Kept, key_of, read_memory, write_memory
from greenreport.report.page import Page
from greenreport.report.pages import (
    PageContent,
    comparison_links,
    comparison_pages,
    embed_pages,
    explorer_files,
    related_studies,
    site_pages,
    study_pages,
)
from greenreport.report.render import Renderer
from greenreport.report.search import index_files
from greenreport.report.site_writer import SiteFolder, replacing
from greenreport.report.summary import Summary, newest_first, summarise
from greenreport.report.templates import template_folders
from greenreport.results import Located, counterparts, groups, locate_all
from greenreport.study import load_site
from greenreport.units import safe_slug, slugs_of


def build(studies: Path, cache: Path, site: Path, weights: str | None, base_url: str | None = None) -> BuiltSite:
    """Build the site; pages of a study are rendered again only if something they are made from has changed.

    A study that cannot be analysed or drawn is left out and returned as a failure; the others are built all the same.

    Args:
        studies: folder of study files.
        cache: folder of the store, of drawn figures and of what earlier builds left.
        site: folder to write; an earlier site in it is replaced.
        weights: ``hub`` or ``untrained``, for every model.
        base_url: address the site will have, instead of that in ``site.yaml``.

    Raises:
        SpecError: a study file or ``site.yaml`` is wrong.
        BuildError: no study could be built, a page of the whole site could not be rendered, or the folder is not a site.
    """
    wanted = BuildInput(studies, cache, site, weights, base_url)
    state = wanted.state()
    settings = load_site(Path(os.path.relpath(studies.resolve().parent / SETTINGS)))
    if base_url is not None:
        settings = settings.model_copy(update={"base_url": base_url})
    located = locate_all(studies, cache, weights)
    named = sorted({path for item in located for path in item.named})
    there = state_of(named)
    names = slugs_of(item.name for item in located)
    slugs: dict[Located, str] = {}
    for item in located:
        slugs[item] = safe_slug(names[item.name], list(slugs.values()))
    folders = template_folders(studies)
    feed = settings.address("index.html") is not None and any(item.dated for item in located)
    for kept in ("bundles", "export", "figures"):
        sweep(cache / kept)
    with (
        replacing(site) as folder,
        debug_mode(False),
    ):  # tests check the parts of charts as they are made; it takes a tenth of a build
        renderer = Renderer(folders, cache / "figures", settings, feed=feed)
        builder = _Builder(folder, renderer, slugs, cache, weights, wanted.program, read_memory(cache, site))
        for group in groups(located):
            builder.build_group(group)
        if builder.failures and not builder.memory:
            raise BuildError("no study could be built:\n" + "\n".join(map(str, builder.failures)))
        feed_remark = _write_shared(folder, renderer, [s for kept in builder.memory.values() for s in kept.summaries])
    write_memory(cache, site, builder.memory)
    pages = sum(kept.pages for kept in builder.memory.values())
    number = len(located) - len(builder.failures)
    built = BuiltSite(pages, number, builder.unchanged, feed_remark, tuple(builder.failures))
    remember(wanted, built, state, named, there)
    return built


@dataclass(slots=True)
class _Builder:
    """Writes the pages of studies, group by group, or keeps those of the last build.

    Attributes:
        previous: what the last build left, by the digest of all it was made from; `memory`: the same of this build.
        unchanged: number of studies whose pages were kept.
    """

    folder: SiteFolder
    renderer: Renderer
    slugs: dict[Located, str]
    cache: Path
    weights: str | None
    program: str
    previous: dict[str, Kept]
    memory: dict[str, Kept] = field(default_factory=dict)
    failures: list[StudyFailure] = field(default_factory=list)
    unchanged: int = 0

    def build_group(self, group: Sequence[Located]) -> None:
        """Write or keep the pages of studies that refer to each other; if that fails, try each study alone."""
        stamps = [(self.slugs[study], study.stamp) for study in group]
        key = key_of(self.program, self.renderer.settings, self.renderer.feed, stamps)
        kept = self.previous.get(key)
        if kept is not None and self.folder.keep(kept.files):
            self.unchanged += len(group)
            self.memory[key] = kept
            return
        try:
            made = self._made(group)
        except Exception as error:  # whatever is wrong with one study, the others are published and the failure is reported
            if isinstance(error, OSError) and error.errno in DISK_REMEDIES:
                raise  # no other study would do better
            if len(group) == 1:
                self.failures.append(self._failure(group[0], error))
            else:
                for study in group:
                    self.build_group([study])
            return
        self.folder.write(made.files)
        self.folder.copy(made.copies)
        written = [*made.files, *(path for _, path in made.copies)]
        self.memory[key] = Kept(made.summaries, made.pages, {path: self.folder.digests[path] for path in written})

    def _failure(self, study: Located, error: Exception) -> StudyFailure:
        """Return the failure; an error greenreport did not raise on purpose is a bug, so its traceback is written down."""
        if isinstance(error, GreenReportError):
            return StudyFailure(study.name, str(error), None)
        file = self.cache / "build-errors" / f"{self.slugs[study]}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
        return StudyFailure(study.name, f"{type(error).__name__}: {error}", file)

    def _made(self, group: Sequence[Located]) -> _Made:
        """Make the pages; once more where a process that draws was killed, since what was drawn is kept."""
        try:
            return self._drawn(group)
        except BrokenProcessPool:
            return self._drawn(group)

    def _drawn(self, group: Sequence[Located]) -> _Made:
        with Drawings() as drawings:
            return self._make(group, drawings)

    def _make(self, group: Sequence[Located], drawings: Drawings) -> _Made:
        renderer, settings = self.renderer, self.renderer.settings
        read = [study.read() for study in group]
        contexts = [study_context(self.slugs[s], analyse(f.dataset), f.courses) for s, f in zip(group, read, strict=True)]
        compared = comparison_pages(contexts, counterparts(read, self.cache, self.weights))
        links = comparison_links(compared)
        pages: list[Page[PageContent]] = []
        for study, c in zip(read, contexts, strict=True):
            for page in study_pages(c, study.text, links.get(c.root, ()), settings, related_studies(c, contexts)):
                drawings.add(renderer.drawings_of(page))  # while the next pages are made
                pages.append(page)
        pages += compared
        cards: dict[str, Picture] = {}
        labels: dict[str, Picture] = {}
        for context in contexts:
            cards |= card_pictures(context, settings.title, renderer.cache)
            labels |= label_pictures(context, renderer.cache)
        drawings.add([*cards.values(), *labels.values()])
        files, copies, downloads = offered(read, contexts, settings, self.cache)
        rendered = renderer.pages([*pages, *embed_pages(pages)], downloads, drawings)
        files |= {path: card.png() for path, card in cards.items()}
        files |= {f"{path}.svg": label.svg.encode() for path, label in labels.items()}
        files |= {f"{path}.png": label.png() for path, label in labels.items()}
        summaries = []
        for context in contexts:
            own = [page for page in pages if page.study is context]
            files[f"{context.root}report.html"] = single_file(context, own, rendered, renderer.style, settings)
            summaries.append(summarise(context, own, links.get(context.root, ())))
        return _Made(tuple(summaries), len(pages), rendered | files, copies)


@dataclass(frozen=True, slots=True)
class _Made:
    """Everything made for one study, or for studies whose pages refer to each other."""

    summaries: tuple[Summary, ...]
    pages: int
    files: dict[str, bytes]
    copies: list[tuple[Path, str]]


def _write_shared(folder: SiteFolder, renderer: Renderer, summaries: Sequence[Summary]) -> str:
    """Write what belongs to no study; return why the feed is missing or incomplete, if it is."""
    shown = newest_first(summaries)
    feed = make_feed(shown, renderer.settings)
    pages = site_pages(shown)
    folder.write(renderer.shared | renderer.pages(pages, {}))
    entries = [entry for page in pages for entry in page.entries] + [entry for study in summaries for entry in study.entries]
    folder.write(index_files(entries) | explorer_files(shown))
    if feed.content is not None:
        folder.write({FEED: feed.content})
    return feed.remark
