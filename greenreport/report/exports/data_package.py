"""``datapackage.json``: the published files of a study as a Frictionless data package, with the type, unit and meaning of every column.

Readers of data packages know tables of text; the columns of Parquet files are told too, under a name of our own (`COLUMNS`), since programs that read data
packages take a schema as a promise to read the file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from greenreport.report.context import StudyContext
from greenreport.report.drawing.safe_text import visible_parts
from greenreport.report.exports.citation import address_of
from greenreport.report.exports.data_dictionary import Download, FileColumn, file_columns
from greenreport.report.exports.scholarly_metadata import FORMATS, description, licence
from greenreport.study import Site

DATA_PACKAGE = "datapackage.json"
#: Entry of a Parquet file that says what its columns are.
COLUMNS = "greenreport:columns"
_TYPES = {
    "text": "string", "VARCHAR": "string", "integer": "integer", "INTEGER": "integer", "BIGINT": "integer", "number": "number", "DOUBLE": "number",
    "BOOLEAN": "boolean", "JSON": "object",
}  # fmt: skip
_LICENCE = re.compile(r"[A-Za-z0-9.+-]+")  # as Open Definition and SPDX write ids
Block = dict[str, Any]


def data_package(study: StudyContext, settings: Site, files: Sequence[Download]) -> bytes:
    """Return the data package of some published files."""
    spec = study.dataset.study
    address = address_of(study, settings)
    package: Block = {
        "profile": "data-package",
        "name": study.slug,
        "title": spec.title,
        "description": description(study),
        **({"homepage": address} if address else {}),
        **({"created": f"{study.dates[-10:]}T00:00:00Z"} if study.dates else {}),
        "keywords": ["energy", "language models", "serving", *spec.tags],
        "licenses": [_licence(spec.license)],
        **({"contributors": people} if (people := [dict(_person(study, index)) for index in range(len(spec.authors))]) else {}),
        **({"sources": sources} if (sources := list(_sources(study))) else {}),
        "greenreport:remarks": [{"remark": remark, "meaning": meaning} for remark, meaning in study.remarks],
        "resources": [_resource(file) for file in files],
    }
    return (json.dumps(visible_parts(package), indent=1, ensure_ascii=False) + "\n").encode()


def _licence(name: str) -> Block:
    address = licence(name)
    path = {"path": address} if address != name else {}
    return {"name": name, **path} if _LICENCE.fullmatch(name) else {"name": "other", "title": name, **path}


def _person(study: StudyContext, index: int) -> Iterator[tuple[str, str]]:
    author = study.dataset.study.authors[index]
    yield "title", author.name
    yield "role", "author"
    if author.affiliation:
        yield "organization", author.affiliation
    if author.orcid:
        yield "path", f"https://orcid.org/{author.orcid}"


def _sources(study: StudyContext) -> Iterator[Block]:
    if study.dataset.imported:
        yield {"title": study.dataset.source}
    yield from ({"title": cited} for cited in study.dataset.study.cites)


def _resource(file: Download) -> Block:
    stem, _, ending = file.name.rpartition(".")
    columns = file_columns().get(file.name)
    table = columns is not None and ending == "csv"
    schema = None if columns is None else {"fields": [_field(column) for column in columns], "missingValues": [""]}
    return {
        "name": re.sub(r"[^a-z0-9._-]", "-", file.name.lower() if not table else stem.lower()),
        "path": file.name,
        "profile": "tabular-data-resource" if table else "data-resource",
        "type": "table" if table else "file",
        "description": file.content,
        "format": ending.lower(),
        **({"mediatype": FORMATS[ending]} if ending in FORMATS else {}),
        **({"encoding": "utf-8", "schema": schema} if table else {COLUMNS: schema["fields"]} if schema else {}),
        "bytes": file.size,
        "hash": f"sha256:{file.sha256}",
        **({"greenreport:rows": file.rows} if file.rows is not None else {}),
    }


def _field(column: FileColumn) -> Block:
    kind = "array" if column.type.endswith("[]") else _TYPES[column.type]
    return {"name": column.name, "type": kind, "description": column.meaning, **({"unit": column.unit} if column.unit else {})}
