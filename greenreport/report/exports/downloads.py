"""The downloads of a study: tables, findings, citations, Parquet files, and an archive of all of them."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from greenreport.analysis.findings_json.document import document
from greenreport.report.context import StudyContext
from greenreport.report.exports.archive import bundle
from greenreport.report.exports.badge import badge_svg
from greenreport.report.exports.citation import citation_cff, citation_ris
from greenreport.report.exports.croissant import CROISSANT, croissant
from greenreport.report.exports.data_dictionary import Download
from greenreport.report.exports.data_package import DATA_PACKAGE, data_package
from greenreport.report.exports.observations_csv import observations_csv
from greenreport.results import StudyData
from greenreport.study import Site
from greenreport.workspace import digest_of

LARGEST_ARCHIVE = 50_000_000  # bytes; a larger one would double the size of the site for little use
PARQUET = {
    "runs": "one row per run: cell, outcome, reason, flags, parameters as executed",
    "marks": "phases of each run",
    "requests": "requests with client and server times",
    "outputs": "texts and token ids, once each",
    "prompts": "the texts that were asked",
    "verdicts": "whether each answer is right",
    "traces": "raw samples of every meter",
    "environments": "machines and library versions",
}


def offered(
    studies: Sequence[StudyData], contexts: Sequence[StudyContext], settings: Site, cache: Path
) -> tuple[dict[str, bytes], list[tuple[Path, str]], dict[str, list[Download]]]:
    """Return the downloads of some studies.

    Returns:
        Path in the site → content of small files; (source, path in the site) of large ones; slug of a study → its downloads, the
        archive first.
    """
    files: dict[str, bytes] = {}
    copies: list[tuple[Path, str]] = []
    offers: dict[str, list[Download]] = {}
    for item, context in zip(studies, contexts, strict=True):
        small, rows = _small(item, context, settings)
        offer = [
            Download(
                name, text, rows if name == "observations.csv" else None, len(content), hashlib.sha256(content).hexdigest()
            )
            for name, (content, text) in small.items()
        ]
        folder = f"{context.root}data/"
        files |= {f"{folder}{name}": content for name, (content, _) in small.items()}
        for path, number in item.parquet:
            copies.append((path, f"{folder}{path.name}"))
            offer.append(Download(path.name, PARQUET[path.stem], number, path.stat().st_size, digest_of(path)))
        described = descriptions(context, settings, offer) if rows else {}
        files |= {f"{folder}{name}": content for name, (content, _) in described.items()}
        offer += [
            Download(name, text, None, len(content), hashlib.sha256(content).hexdigest())
            for name, (content, text) in described.items()
        ]
        if rows and not context.large and sum(download.size for download in offer) <= LARGEST_ARCHIVE:
            contents = {name: content for name, (content, _) in (small | described).items()} | {
                path.name: path for path, _ in item.parquet
            }
            archive, name = bundle(context.slug, contents, cache), f"{context.slug}.zip"
            copies.append((archive, f"{folder}{name}"))
            text = "all the files below, with their digests in a manifest"
            offer.insert(0, Download(name, text, None, archive.stat().st_size, digest_of(archive)))
        offers[context.slug] = offer
    return files, copies, offers


def descriptions(context: StudyContext, settings: Site, offer: Sequence[Download]) -> dict[str, tuple[bytes, str]]:
    """Return the files that describe the others to catalogues of data: name → (content, description)."""
    return {
        DATA_PACKAGE: (data_package(context, settings, offer), "the files and their columns as a Frictionless data package"),
        CROISSANT: (
            croissant(context, settings, offer),
            "the same in Croissant, which catalogues of data sets for machine learning read",
        ),
    }


def _small(item: StudyData, context: StudyContext, settings: Site) -> tuple[dict[str, tuple[bytes, str]], int]:
    """Return name → (content, description) of files made for the site, and the number of observations; only the study file if none."""
    table, rows = observations_csv(context.dataset)
    study = (item.text.encode(), "the study file as it was read")
    if not rows:
        return {"study.yaml": study}, 0
    name, findings = _findings(context)
    return {
        "observations.csv": (table, "every observation: one row per run and metric, with unit, boundary and method"),
        name: (findings, "all tests, effect sizes, claims, answers and guidelines with their numbers"),
        "study.yaml": study,
        "badge.svg": (badge_svg(context), "a badge with the study's first claim"),
        "CITATION.cff": (citation_cff(context, settings), "citation for repositories"),
        "citation.ris": (citation_ris(context, settings), "citation for reference managers"),
    }, rows


def _findings(context: StudyContext) -> tuple[str, bytes]:
    """Return name and content of the findings; those of a large study are compressed, since they would be half of the site."""
    indent = None if context.large else 1
    content = (json.dumps(document(context.analysis), indent=indent, ensure_ascii=False) + "\n").encode()
    return ("findings.json.gz", gzip.compress(content, mtime=0)) if context.large else ("findings.json", content)
