"""Everything that is published of a study as files: its data folder, its pages in one file, and its environment."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from greenreport.report.exports.data_dictionary import Download
from greenreport.report.exports.single_file import single_file
from greenreport.report.interchange.data_folder import described_folder
from greenreport.report.interchange.study_export import StudyExport
from greenreport.report.page import Page
from greenreport.report.pages import PageContent, study_pages
from greenreport.report.render import Renderer
from greenreport.report.templates import template_folders

PAGES, ENVIRONMENT = "report.html", "environment.json"
#: What each file is that the data folder does not describe itself.
CONTENTS = {
    PAGES: "the pages of the study in one file, without scripts",
    ENVIRONMENT: "hardware and versions of libraries the runs were made with",
}
#: Fields that tell machines apart, and are of no use without the machine.
_DIGESTS = ("host_sha256", "uuid_sha256")


#: A file, described, and its content.
Part = tuple[Download, bytes | Path]


def whole_study(study: StudyExport) -> list[Part]:
    """Return every file with its description."""
    folder = described_folder(study)
    parts = [*folder, _part(PAGES, CONTENTS[PAGES], _pages(study, [file for file, _ in folder]))]
    environment = study.dataset.environment
    if environment is None:
        return parts
    facts = asdict(environment) | {"libraries": dict(environment.libraries)}
    told = {name: value for name, value in facts.items() if name not in _DIGESTS}
    told["gpus"] = [{name: value for name, value in gpu.items() if name not in _DIGESTS} for gpu in facts["gpus"]]
    return [*parts, _part(ENVIRONMENT, CONTENTS[ENVIRONMENT], (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode())]


def _part(name: str, text: str, content: bytes) -> Part:
    return Download(name, text, None, len(content), hashlib.sha256(content).hexdigest()), content


def _pages(study: StudyExport, downloads: Sequence[Download]) -> bytes:
    context, settings = study.context, study.settings
    folders = template_folders(study.data.file.parent) if study.data.file is not None else template_folders(study.cache)
    renderer = Renderer(folders, study.cache / "figures", settings)
    pages: list[Page[PageContent]] = [*study_pages(context, study.data.text, (), settings)]
    rendered = renderer.pages(pages, {context.slug: downloads})
    return single_file(context, pages, rendered, renderer.style, settings)
