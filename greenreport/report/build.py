"""Build the site: find studies, read their runs, analyse, render, write."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from greenreport.analysis.analyse import analyse
from greenreport.analysis.document import document
from greenreport.record import Outcome
from greenreport.report.card import card_files
from greenreport.report.context import Download, StudyContext, study_context
from greenreport.report.embed import embed_pages
from greenreport.report.feed import FEED, make_feed
from greenreport.report.label import label_files
from greenreport.report.observations import observations_csv
from greenreport.report.pages import comparison_links, comparison_pages, site_pages, study_pages
from greenreport.report.render import render_site, templates_folder, write_site
from greenreport.report.share import badge_svg, citation_cff, citation_ris
from greenreport.report.single import single_file
from greenreport.results import Found, counterparts, find_all
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
    """Build the site; return a sentence.

    Args:
        base_url: address the site will have, instead of that in ``site.yaml``.

    Raises:
        SpecError: a study file or ``site.yaml`` is wrong.
        BuildError: a page could not be rendered or the folder is not a site.
    """
    settings = site_settings(studies, base_url)
    found = find_all(studies, cache, weights)
    contexts: list[StudyContext] = []
    slugs: list[str] = []
    for item in found:
        slugs.append(safe_slug(item.name, slugs))
        contexts.append(study_context(slugs[-1], analyse(item.dataset)))
    compared = comparison_pages(contexts, counterparts(found, cache, weights))
    links = comparison_links(compared)
    pages = [page for item, c in zip(found, contexts, strict=True) for page in study_pages(c, item.text, links.get(c.root, ()))]
    pages += compared
    folders = [folder for folder in (studies / "templates", templates_folder()) if folder.is_dir()]
    files, copies, downloads = _downloads(found, contexts)
    shown = sorted(contexts, key=lambda c: (c.dataset.outcomes[Outcome.OK] == 0, c.dates == "", c.slug))
    feed = make_feed(shown, settings)
    files |= {} if feed.content is None else {FEED: feed.content}
    every = [*site_pages(shown), *pages, *embed_pages(pages)]
    rendered = render_site(every, downloads, folders, cache / "figures", settings, feed=feed.content is not None)
    style = next(content for path, content in rendered.items() if path.startswith("assets/site.") and path.endswith(".css"))
    for context in contexts:
        files |= card_files(context, settings.title, cache / "figures")
        files |= label_files(context, cache / "figures")
        mine = [page for page in pages if page.study is context]
        files[f"{context.root}report.html"] = single_file(context, mine, rendered, style)
    write_site(rendered | files, copies, site)
    remark = f"\n{feed.remark}" if feed.remark else ""
    return f"built {len(pages)} pages of {len(found)} studies into {site}; open {site / 'index.html'}{remark}"


def site_settings(studies: Path, base_url: str | None) -> Site:
    """Return the settings of the site: those of ``site.yaml`` beside the folder of studies, and the address given instead of its own."""
    settings = load_site(Path(os.path.relpath(studies.resolve().parent / SETTINGS)))
    return settings if base_url is None else settings.model_copy(update={"base_url": base_url})


def _downloads(
    found: Sequence[Found], contexts: Sequence[StudyContext]
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
            ("CITATION.cff", citation_cff(context), "citation for repositories", None),
            ("citation.ris", citation_ris(context), "citation for reference managers", None),
        ):
            if rows or name == "study.yaml":
                files[f"{context.root}data/{name}"] = content
                offer.append(Download(name, text, number, len(content), hashlib.sha256(content).hexdigest()))
        for path, rows_of_table in item.parquet:
            copies.append((path, f"{context.root}data/{path.name}"))
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            offer.append(Download(path.name, PARQUET[path.stem], rows_of_table, path.stat().st_size, digest))
    return files, copies, offers
