"""Metadata for search engines: the data set in the terms of schema.org (JSON-LD), and the tags that scholarly indexes read.

Everything stated here is on the pages too. Addresses are absolute if the site has one; otherwise those of files are relative to
the page, and the page has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from greenreport.analysis.findings_json.plain_values import plain_text
from greenreport.analysis.hypotheses.claim_text import plain
from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.catalog import METRICS
from greenreport.report.context import StudyContext
from greenreport.report.exports.citation import address_of
from greenreport.report.exports.data_dictionary import Download
from greenreport.study import Author, Site
from greenreport.units import counted

FORMATS = {
    "csv": "text/csv",
    "json": "application/json",
    "gz": "application/gzip",
    "yaml": "application/yaml",
    "parquet": "application/vnd.apache.parquet",
}
DATA = "#data"
_CREATIVE_COMMONS = re.compile(r"CC-(BY(?:-NC)?(?:-SA|-ND)?)-([0-9]\.[0-9])")

Linked = dict[str, Any]


def linked_data(study: StudyContext, settings: Site, downloads: Sequence[Download]) -> Linked | None:
    """Return a study as linked data: its data set, and its pages as an article if it names authors; None without runs."""
    if not study.dataset.outcomes.total():
        return None
    graph = [_dataset(study, settings, downloads)]
    if study.dataset.study.authors and any(part.standing for answer in study.analysis.answers for part in answer.answers):
        graph.append(_article(study, settings))
    return {"@context": "https://schema.org", "@graph": graph}


def _dataset(study: StudyContext, settings: Site, downloads: Sequence[Download]) -> Linked:
    dataset = study.dataset
    metrics = [info for name, info in METRICS.items() if dataset.has(name)]
    labels = [plain_text(label_of(configuration)) for configuration in dataset.configurations]
    labels += [model.label for model in dataset.models]
    return {
        "@type": "Dataset",
        "@id": _identity(study, settings),
        "name": dataset.study.title,
        "identifier": dataset.study.study,
        "description": description(study),
        "isAccessibleForFree": True,
        "keywords": ["energy", "language models", "serving", *dataset.study.tags, *labels],
        "measurementTechnique": _technique(study),
        "variableMeasured": [
            {
                "@type": "PropertyValue",
                "propertyID": i.id,
                "name": i.label,
                "unitText": i.unit,
                "description": i.meaning(imported=dataset.imported),
            }
            for i in metrics
        ],
        "distribution": list(_distribution(study, settings, downloads)),
        **_common(study, settings),
        **({"temporalCoverage": study.dates.replace(" to ", "/")} if study.dates else {}),
    }


def _article(study: StudyContext, settings: Site) -> Linked:
    return {
        "@type": "ScholarlyArticle",
        "headline": study.dataset.study.title,
        "abstract": description(study),
        "inLanguage": "en",
        "about": {"@id": _identity(study, settings)},
        **_common(study, settings),
    }


def _common(study: StudyContext, settings: Site) -> Linked:
    """Return the fields that the data set and the article share."""
    spec = study.dataset.study
    people = [_person(author) for author in spec.authors]
    address = address_of(study, settings)
    return {
        "license": licence(spec.license),
        **({"creator": people, "author": people} if people else {}),
        **({"datePublished": study.dates[-10:]} if study.dates else {}),
        **({"url": address} if address else {}),
        **({"citation": list(spec.cites)} if spec.cites else {}),
    }


def _identity(study: StudyContext, settings: Site) -> str:
    return (address_of(study, settings) or "") + DATA


def _person(author: Author) -> Linked:
    return {
        "@type": "Person",
        "name": author.name,
        **({"affiliation": {"@type": "Organization", "name": author.affiliation}} if author.affiliation else {}),
        **({"sameAs": f"https://orcid.org/{author.orcid}"} if author.orcid else {}),
    }


def description(study: StudyContext) -> str:
    """Return the headline, the size of the study, its description, and every remark on its numbers."""
    dataset = study.dataset
    size = f"{dataset.subject.counted(len(dataset.models))} in {counted(len(dataset.configurations), 'serving configuration')} on {study.machine}."
    remarks = [f"{band.capitalize()}." for band in study.bands]
    parts = [plain_text(plain(study.analysis.headline)), size, dataset.study.description or "", *remarks]
    return " ".join(parts).replace("  ", " ")


def _technique(study: StudyContext) -> str:
    if study.dataset.imported:
        return "not known: the values were measured elsewhere"
    boundaries = study.dataset.boundaries("energy_j")
    if study.dataset.estimated:
        return f"energy estimated by a power model from the CPU load; boundary: {'; '.join(boundaries)}"
    return (
        f"energy measured; boundary: {'; '.join(boundaries)}" if boundaries else "time and memory measured; energy not measured"
    )


def _distribution(study: StudyContext, settings: Site, downloads: Sequence[Download]) -> Iterator[Linked]:
    for file in downloads:
        kind = FORMATS.get(file.name.rpartition(".")[2])
        if kind is not None:
            yield {
                "@type": "DataDownload",
                "name": file.name,
                "description": file.content,
                "contentUrl": settings.address(f"{study.root}data/{file.name}") or f"data/{file.name}",
                "encodingFormat": kind,
            }


def licence(name: str) -> str:
    """Return the address of a Creative Commons licence; any other licence is returned as it is."""
    if name == "CC0-1.0":
        return "https://creativecommons.org/publicdomain/zero/1.0/"
    match = _CREATIVE_COMMONS.fullmatch(name)
    return f"https://creativecommons.org/licenses/{match[1].lower()}/{match[2]}/" if match else name


def citation_tags(study: StudyContext, settings: Site) -> tuple[tuple[str, str], ...]:
    """Return (name, value) of the tags that scholarly indexes read (Highwire Press)."""
    spec = study.dataset.study
    tags = [("citation_title", spec.title), ("citation_language", "en")]
    for author in spec.authors:
        tags.append(("citation_author", author.name))
        tags += [("citation_author_institution", author.affiliation)] if author.affiliation else []
        tags += [("citation_author_orcid", f"https://orcid.org/{author.orcid}")] if author.orcid else []
    if study.dates:
        tags.append(("citation_publication_date", study.dates[-10:].replace("-", "/")))
    for name, path in (("citation_abstract_html_url", "index.html"), ("citation_fulltext_html_url", "report.html")):
        address = settings.address(f"{study.root}{path}")
        tags += [(name, address)] if address else []
    return tuple(tags)
