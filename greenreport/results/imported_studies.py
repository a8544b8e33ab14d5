"""Studies of imported results: as they are, or as a study file asks about them."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from greenreport.analysis.measure.imported_dataset import imported_dataset
from greenreport.errors import StoreError
from greenreport.results.importing import import_results
from greenreport.results.located import Located, StudyData
from greenreport.store import Store
from greenreport.store.observations import ObservedRow, observed_studies
from greenreport.study import StudyFile, load_reference
from greenreport.workspace import STORE_FILE, digest_of

#: The mapping of the tables that lie beside a study file.
MAPPING = "mapping.yaml"


def imported(name: str, source: str, rows: Sequence[ObservedRow]) -> Located:
    """Return imported results as a study of their own."""
    stamp = hashlib.sha256(repr((name, source, list(rows))).encode("utf-8", "surrogatepass")).hexdigest()
    return Located(name, stamp, lambda: StudyData(name, f"# imported: {source}\n", imported_dataset(name, source, rows)))


def asked(file: StudyFile, store: Store) -> Located:
    """Return the study of a file that asks its questions about imported results: of the store, else of the files beside it.

    Raises:
        StoreError: when it is read, and there are no such results.
        ImportFileError: when it is read, and the files beside it are wrong.
    """
    study, name = file.study, file.study.imported or ""
    table = observed_studies(store, name).get(name)
    beside = () if table is not None else tables_beside(file)
    references = tuple((file.path.parent / path).resolve() for path in study.references)
    digests = [digest_of(path) for path in references if path.is_file()]

    def read() -> StudyData:
        found = _read_beside(name, beside) if beside else table
        if found is None:
            raise StoreError(
                f"{file.path} asks about the imported results {name}, which the store does not have; `greenreport import FILE --study {name}` takes them in"
            )
        dataset = imported_dataset(study.study, *found, declared=study)
        return StudyData(
            study.study, file.text, replace(dataset, references=tuple(map(load_reference, references))), file=Path(file.path)
        )

    parts = (file.text, digests, table, [digest_of(path) for path in beside])
    stamp = hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()
    return Located(study.study, stamp, read, file=file.path, references=references, named=(*references, *beside))


def tables_beside(file: StudyFile) -> tuple[Path, ...]:
    """Return the files of imported results that lie beside a study: ``<study>/results/*.csv``, and the mapping they need."""
    folder = file.path.parent / file.study.study / "results"
    return (*sorted(folder.glob("*.csv")), *sorted(folder.glob(MAPPING)))


def _read_beside(name: str, files: Sequence[Path]) -> tuple[str, tuple[ObservedRow, ...]] | None:
    """Return the source and the rows of files that are not imported into any store: they are read as an import would read them."""
    tables = [file for file in files if file.name != MAPPING]
    mapping = next((file for file in files if file.name == MAPPING), None)
    with tempfile.TemporaryDirectory(prefix="greenreport-") as folder:
        store = Store(Path(folder) / STORE_FILE)
        import_results(store, tables, name, mapping=mapping)
        return observed_studies(store, name).get(name)
