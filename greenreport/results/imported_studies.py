"""Studies of imported results: as they are, or as a study file asks about them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from greenreport.analysis.measure.imported_dataset import imported_dataset
from greenreport.errors import StoreError
from greenreport.results.located import Located, StudyData
from greenreport.store import Store
from greenreport.store.observations import ObservedRow, observed_studies
from greenreport.study import StudyFile, load_reference
from greenreport.workspace import digest_of


def imported(name: str, source: str, rows: Sequence[ObservedRow]) -> Located:
    """Return imported results as a study of their own."""
    stamp = hashlib.sha256(repr((name, source, list(rows))).encode("utf-8", "surrogatepass")).hexdigest()
    return Located(name, stamp, lambda: StudyData(name, f"# imported: {source}\n", imported_dataset(name, source, rows)))


def asked(file: StudyFile, store: Store) -> Located:
    """Return the study of a file that asks its questions about imported results.

    Raises:
        StoreError: when it is read, and the store has no such results.
    """
    study, name = file.study, file.study.imported or ""
    table = observed_studies(store, name).get(name)
    references = tuple((file.path.parent / path).resolve() for path in study.references)
    digests = [digest_of(path) for path in references if path.is_file()]

    def read() -> StudyData:
        if table is None:
            raise StoreError(
                f"{file.path} asks about the imported results {name}, which the store does not have; `greenreport import FILE --study {name}` takes them in"
            )
        dataset = imported_dataset(study.study, *table, declared=study)
        return StudyData(
            study.study, file.text, replace(dataset, references=tuple(map(load_reference, references))), file=Path(file.path)
        )

    stamp = hashlib.sha256(repr((file.text, digests, table)).encode("utf-8", "surrogatepass")).hexdigest()
    return Located(study.study, stamp, read, file=file.path, references=references, named=references)
