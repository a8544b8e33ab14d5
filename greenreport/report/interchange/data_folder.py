"""The published folder of a study, as the site has it: tables, findings, citations, and their description for catalogues of data."""

from __future__ import annotations

from pathlib import Path

from greenreport.report.exports.data_dictionary import Download
from greenreport.report.exports.downloads import offered
from greenreport.report.interchange.study_export import Files, StudyExport


def data_folder(study: StudyExport) -> Files:
    """Return the files: observations as CSV, runs as Parquet, ``datapackage.json`` (Frictionless) and ``croissant.json``."""
    return {file.name: content for file, content in described_folder(study)}


def described_folder(study: StudyExport) -> list[tuple[Download, bytes | Path]]:
    """Return each file with its description; not the archive, which holds the same files once more."""
    small, copies, offers = offered([study.data], [study.context], study.settings, study.cache)
    contents: dict[str, bytes | Path] = {**small, **{path: source for source, path in copies}}
    folder, archive = f"{study.context.root}data/", f"{study.context.slug}.zip"
    return [(file, contents[f"{folder}{file.name}"]) for file in offers[study.context.slug] if file.name != archive]
