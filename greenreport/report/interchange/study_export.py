"""A study that is written in a format of others, and the folder it is written to."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from greenreport.analysis.analyse import analyse
from greenreport.analysis.measure.dataset import Dataset
from greenreport.catalog import INTERCHANGE, load_target
from greenreport.errors import StoreError, UsageError
from greenreport.report.built_site import SETTINGS
from greenreport.report.context import MEANINGS, StudyContext, bands_of, study_context
from greenreport.report.exports.observations_csv import has_values
from greenreport.results import StudyData, read_study
from greenreport.study import Site, load_site
from greenreport.units import safe_slug

#: Content of files by their names; what is large stays where it lies.
Files = Mapping[str, bytes | Path]


@dataclass(frozen=True)
class StudyExport:
    """A study with its data.

    Attributes:
        settings: those of its site, for addresses.
        cache: folder for what is drawn and packed on the way.
    """

    data: StudyData
    settings: Site
    cache: Path

    @property
    def dataset(self) -> Dataset:
        """Its data."""
        return self.data.dataset

    @property
    def slug(self) -> str:
        """Its name as that of a file."""
        return safe_slug(self.dataset.study.study)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What every number carries: that an engine is simulated, energy estimated, weights untrained, values imported."""
        return bands_of(self.dataset)

    @property
    def meanings(self) -> tuple[tuple[str, str], ...]:
        """Each remark with its explanation for readers."""
        return tuple((remark, MEANINGS[remark]) for remark in self.remarks)

    @cached_property
    def context(self) -> StudyContext:
        """The study, analysed."""
        return study_context(self.slug, analyse(self.dataset))


def export_as(
    kind: str, study: Path, cache: Path, weights: str | None, folder: Path | None, *, force: bool
) -> tuple[Path, int]:
    """Write a study in a format of others; return the folder and the number of files.

    Args:
        kind: a name in `catalog.INTERCHANGE`.
        folder: where to; ``exports/<study>/<format>`` when absent.
        force: write into a folder that holds something already; files of the same names are replaced, all others stay.

    Raises:
        UsageError: there is no such format, the study cannot be told in it, or the folder holds something already.
        StoreError: the study has no results.
    """
    if kind not in INTERCHANGE:
        raise UsageError(f"--as {kind!r}: there is no such format; choose one of {', '.join(INTERCHANGE)}")
    data = read_study(study, cache, weights, cache / "export")
    if not has_values(data.dataset):
        raise StoreError(f"{study} has no results yet; `greenreport run {study}` makes them")
    settings = load_site(data.file.resolve().parent.parent / SETTINGS) if data.file is not None else Site()
    export = StudyExport(data, settings, cache)
    target = folder or Path("exports") / export.slug / kind
    if not force and target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"{target} exists already; write to another folder with --out, or into this one with --force")
    files: Files = load_target(INTERCHANGE[kind].target)(export)
    for name, content in files.items():
        file = target / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            file.write_bytes(content)
        else:
            shutil.copyfile(content, file)
    return target, len(files)
