"""A research object (RO-Crate 1.1): data, study file, pages and environment of a study, described in ``ro-crate-metadata.json``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from greenreport import __version__
from greenreport.report.drawing.safe_text import visible_parts
from greenreport.report.exports.citation import address_of
from greenreport.report.exports.data_dictionary import Download
from greenreport.report.exports.scholarly_metadata import FORMATS, description, licence
from greenreport.report.interchange.study_export import Files, StudyExport
from greenreport.report.interchange.whole_study import Part, whole_study
from greenreport.study import Author

METADATA = "ro-crate-metadata.json"
_FORMATS = FORMATS | {
    "html": "text/html",
    "svg": "image/svg+xml",
    "cff": "application/yaml",
    "ris": "application/x-research-info-systems",
}
_SOFTWARE, _MACHINE, _ACTION = "#greenreport", "#machine", "#measurement"
Entity = dict[str, Any]


def ro_crate(study: StudyExport) -> Files:
    """Return the files of the crate."""
    return crate_of(study, whole_study(study))


def crate_of(study: StudyExport, parts: Sequence[Part]) -> dict[str, Any]:
    """Return some files of a study with the metadata that make them a crate."""
    graph = {"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": list(_graph(study, [file for file, _ in parts]))}
    content = (json.dumps(visible_parts(graph), indent=1, ensure_ascii=False) + "\n").encode()
    return {METADATA: content, **{file.name: content for file, content in parts}}


def _graph(study: StudyExport, files: Sequence[Download]) -> Iterator[Entity]:
    spec, context = study.dataset.study, study.context
    people = [_person(author, number) for number, author in enumerate(spec.authors, start=1)]
    address = address_of(context, study.settings)
    yield {
        "@id": METADATA, "@type": "CreativeWork", "about": {"@id": "./"}, "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
    }  # fmt: skip
    yield {
        "@id": "./", "@type": "Dataset", "name": spec.title, "identifier": spec.study, "description": description(context),
        **({"datePublished": context.dates[-10:]} if context.dates else {}), "license": _reference(licence(spec.license)),
        **({"author": [{"@id": person["@id"]} for person in people]} if people else {}),
        **({"citation": list(spec.cites)} if spec.cites else {}), **({"url": address} if address else {}),
        "keywords": ["energy", "language models", "serving", *spec.tags, *study.remarks],
        "hasPart": [{"@id": file.name} for file in files], "mentions": [{"@id": _ACTION}],
    }  # fmt: skip
    for file in files:
        kind = _FORMATS.get(file.name.rpartition(".")[2])
        yield {
            "@id": file.name, "@type": "File", "name": file.name, "description": file.content, "contentSize": str(file.size), "sha256": file.sha256,
            **({"encodingFormat": kind} if kind else {}),
        }  # fmt: skip
    yield from people
    if (address := licence(spec.license)) != spec.license:
        yield {"@id": address, "@type": "CreativeWork", "name": spec.license, "identifier": spec.license}
    yield {
        "@id": _SOFTWARE,
        "@type": "SoftwareApplication",
        "name": "greenreport",
        "version": __version__,
        "softwareVersion": __version__,
    }
    yield from _measurement(study)


def _measurement(study: StudyExport) -> Iterator[Entity]:
    """Yield how the data came about: the runs as an action, and the machine they were made on."""
    context, environment = study.context, study.dataset.environment
    days = sorted(run.started_at[:10] for run in study.dataset.runs if run.started_at)
    remarks = " ".join(f"{remark.capitalize()}: {meaning}" for remark, meaning in study.meanings)
    what = "Import of results that others measured" if study.dataset.imported else "Runs of the study"
    yield {
        "@id": _ACTION, "@type": "CreateAction", "name": what, **({"description": remarks} if remarks else {}),
        "instrument": [{"@id": _SOFTWARE}, *([{"@id": _MACHINE}] if environment else [])], "result": {"@id": "observations.csv"},
        "object": {"@id": "study.yaml"}, **({"startTime": days[0], "endTime": days[-1]} if days else {}),
    }  # fmt: skip
    if environment is not None:
        yield {
            "@id": _MACHINE, "@type": "Thing", "name": context.machine,
            "description": f"{environment.os}, {environment.memory_b / 1e9:.0f} GB of memory; libraries in environment.json",
        }  # fmt: skip


def _person(author: Author, number: int) -> Entity:
    identity = f"https://orcid.org/{author.orcid}" if author.orcid else f"#author-{number}"
    return {
        "@id": identity,
        "@type": "Person",
        "name": author.name,
        **({"affiliation": author.affiliation} if author.affiliation else {}),
    }


def _reference(name: str) -> Any:
    """Return the address of a licence as a reference; the name of one without an address as it is."""
    return {"@id": name} if "://" in name else name
