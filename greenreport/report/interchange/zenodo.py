"""One archive for Zenodo or any other repository: data, study file, pages, environment, citation, metadata and checksums."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from typing import Any

from greenreport import __version__
from greenreport.report.drawing.safe_text import on_one_line, visible_parts
from greenreport.report.exports.archive import bundle
from greenreport.report.exports.citation import address_of, citation
from greenreport.report.exports.scholarly_metadata import description
from greenreport.report.interchange.ro_crate import METADATA, crate_of
from greenreport.report.interchange.study_export import Files, StudyExport
from greenreport.report.interchange.whole_study import Part, whole_study
from greenreport.report.site_writer import MANIFEST

ZENODO, README = ".zenodo.json", "README.md"


def zenodo_archive(study: StudyExport) -> Files:
    """Return the archive; the same runs give the same bytes."""
    parts = whole_study(study)
    contents = crate_of(study, parts) | {ZENODO: _metadata(study), README: _readme(study, parts)}
    return {f"{study.slug}.zip": bundle(study.slug, contents, study.cache)}


def _metadata(study: StudyExport) -> bytes:
    """Return what Zenodo fills its form with."""
    spec, context = study.dataset.study, study.context
    address = address_of(context, study.settings)
    creators: list[dict[str, Any]] = [
        {"name": a.name, **({"affiliation": a.affiliation} if a.affiliation else {}), **({"orcid": a.orcid} if a.orcid else {})}
        for a in spec.authors
    ]
    remarks = "".join(
        f"<p><strong>{escape(remark.capitalize())}</strong>: {escape(meaning)}</p>" for remark, meaning in study.meanings
    )
    content = {
        "upload_type": "dataset",
        "access_right": "open",
        "title": spec.title,
        "creators": creators or [{"name": f"The authors of the study {spec.study}"}],
        "description": f"<p>{escape(description(context))}</p>{remarks}",
        "license": spec.license.lower(),
        "keywords": ["energy", "language models", "serving", *spec.tags, *study.remarks],
        **({"publication_date": context.dates[-10:]} if context.dates else {}),
        **({"references": list(spec.cites)} if spec.cites else {}),
        **(
            {"related_identifiers": [{"identifier": address, "relation": "isDocumentedBy", "scheme": "url"}]} if address else {}
        ),
        "notes": f"Made with greenreport {__version__}. {context.source}",
    }
    return (json.dumps(visible_parts(content), indent=1, ensure_ascii=False) + "\n").encode()


def _readme(study: StudyExport, parts: Sequence[Part]) -> bytes:
    """Return what the archive holds, for people."""
    spec, context = study.dataset.study, study.context
    sentence, _ = citation(context, study.settings)
    files = {file.name: file.content for file, _ in parts} | {
        METADATA: "the same files described as a research object (RO-Crate 1.1)",
        ZENODO: "metadata for Zenodo",
        MANIFEST: f"SHA-256 of every file: `sha256sum --check {MANIFEST}`",
    }
    lines = [
        f"# {escape(on_one_line(spec.title), quote=False)}",
        "",
        escape(on_one_line(description(context)), quote=False),
        *(f"\n**{remark.capitalize()}**: {meaning}" for remark, meaning in study.meanings),
        "",
        f"Licence: {escape(on_one_line(spec.license), quote=False)}. Cite as: {escape(on_one_line(sentence), quote=False)}",
        "",
        "| file | what it is |",
        "|---|---|",
        *(f"| `{name}` | {text} |" for name, text in files.items()),
        "",
        "`greenreport import FOLDER` takes the Parquet files into a store; `greenreport import observations.csv --study NAME` the table of text.",
        "",
    ]
    return "\n".join(lines).encode()
