"""``croissant.json``: the published files of a study in Croissant 1.0, so that catalogues find them and programs load their records."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from greenreport.report.context import StudyContext
from greenreport.report.drawing.safe_text import visible_parts
from greenreport.report.exports.citation import address_of, citation
from greenreport.report.exports.data_dictionary import Download, FileColumn, file_columns
from greenreport.report.exports.scholarly_metadata import FORMATS, description, licence
from greenreport.study import Site

CROISSANT = "croissant.json"
_TYPES = {
    "text": "sc:Text", "VARCHAR": "sc:Text", "JSON": "sc:Text", "integer": "sc:Integer", "INTEGER": "sc:Integer", "BIGINT": "sc:Integer",
    "number": "sc:Float", "DOUBLE": "sc:Float", "BOOLEAN": "sc:Boolean",
}  # fmt: skip
_PARQUET = "application/x-parquet"  # as readers of Croissant name it
#: The terms of Croissant 1.0.
_CONTEXT: dict[str, Any] = {
    "@language": "en", "@vocab": "https://schema.org/", "citeAs": "cr:citeAs", "column": "cr:column", "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/", "rai": "http://mlcommons.org/croissant/RAI/", "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"}, "dct": "http://purl.org/dc/terms/", "equivalentProperty": "cr:equivalentProperty", "samplingRate": "cr:samplingRate",
    "examples": {"@id": "cr:examples", "@type": "@json"}, "extract": "cr:extract", "field": "cr:field", "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject", "fileSet": "cr:fileSet", "format": "cr:format", "includes": "cr:includes", "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath", "key": "cr:key", "md5": "cr:md5", "parentField": "cr:parentField", "path": "cr:path", "recordSet": "cr:recordSet",
    "references": "cr:references", "regex": "cr:regex", "repeated": "cr:repeated", "replace": "cr:replace", "sc": "https://schema.org/",
    "separator": "cr:separator", "source": "cr:source", "subField": "cr:subField", "transform": "cr:transform",
}  # fmt: skip
Block = dict[str, Any]


def croissant(study: StudyContext, settings: Site, files: Sequence[Download]) -> bytes:
    """Return the description of some published files in Croissant."""
    spec = study.dataset.study
    address, (sentence, _) = address_of(study, settings), citation(study, settings)
    document: Block = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": study.slug,
        "alternateName": spec.title,
        "description": description(study),
        "license": licence(spec.license),
        "url": address or f"urn:greenreport:{study.slug}",
        "citeAs": sentence,
        "version": "1.0.0",
        **({"datePublished": study.dates[-10:]} if study.dates else {}),
        "keywords": ["energy", "language models", "serving", *spec.tags, *study.bands],
        **({"creator": people} if (people := [{"@type": "sc:Person", "name": author.name} for author in spec.authors]) else {}),
        "distribution": [_file(study, settings, file) for file in files],
        "recordSet": [_records(file, columns) for file in files if (columns := file_columns().get(file.name)) is not None],
    }
    return (json.dumps(visible_parts(document), indent=1, ensure_ascii=False) + "\n").encode()


def _file(study: StudyContext, settings: Site, file: Download) -> Block:
    ending = file.name.rpartition(".")[2]
    kind = _PARQUET if ending == "parquet" else FORMATS.get(ending, "application/octet-stream")
    return {
        "@type": "cr:FileObject",
        "@id": file.name,
        "name": file.name,
        "description": file.content,
        "contentUrl": settings.address(f"{study.root}data/{file.name}") or file.name,
        "contentSize": f"{file.size} B",
        "encodingFormat": kind,
        "sha256": file.sha256,
    }


def _records(file: Download, columns: Sequence[FileColumn]) -> Block:
    name = file.name.rpartition(".")[0]
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": file.content,
        "field": [_field(file, name, column) for column in columns],
    }


def _field(file: Download, records: str, column: FileColumn) -> Block:
    unit = f" Unit: {column.unit}." if column.unit else ""
    return {
        "@type": "cr:Field",
        "@id": f"{records}/{column.name}",
        "name": f"{records}/{column.name}",
        "description": f"{column.meaning}.{unit}",
        "dataType": _TYPES[column.type.removesuffix("[]")],
        **({"repeated": True} if column.type.endswith("[]") else {}),
        "source": {"fileObject": {"@id": file.name}, "extract": {"column": column.name}},
    }
