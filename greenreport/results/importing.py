"""Takes the results of other tools into the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from greenreport.errors import SpecError, UsageError
from greenreport.imports.mapping import Mapping
from greenreport.imports.observed_values import ObservedValues
from greenreport.imports.reading import read_results
from greenreport.imports.results_table import ResultsTable
from greenreport.imports.study_names import checked_name
from greenreport.store import Store
from greenreport.store.observations import add_observations
from greenreport.study import load_study


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import took in.

    Attributes:
        values: how many values the store holds of the study now.
        table: what the files say.
        observed: what of it belongs to the study.
    """

    values: int
    table: ResultsTable
    observed: ObservedValues


def import_results(
    store: Store,
    paths: Sequence[Path],
    study: str,
    *,
    kind: str | None = None,
    mapping: Mapping | Path | None = None,
    host: str | None = None,
    replace: bool = False,
    studies: Path | None = None,
) -> Imported:
    """Read files of other tools and store them as a study; nothing is stored where anything is wrong.

    Args:
        kind: name of the format; recognised when absent.
        host: take the rows of this machine alone.
        replace: put them in the place of an earlier import of the same name.
        studies: folder of study files, none of which may have the name.

    Raises:
        ImportFileError: naming every problem, up to 20, with its line.
        UsageError: no study can have this name, or a file declares one that has.
        StoreError: the study is imported already, or the store cannot be written.
    """
    name = checked_name(study)
    if (file := _declared(name, studies)) is not None:
        raise UsageError(
            f"{file} declares a study {name} already, whose runs would hide what is imported; give another name with --study"
        )
    table = read_results(paths, kind, mapping, runs=True)
    if host is not None:
        table = table.of_host(host)
    observed = ObservedValues(table, str(paths[0]) if len(paths) == 1 else table.source)
    source = f"{table.source} sha256:{table.digest}"
    return Imported(add_observations(store, name, source, observed.batches(), replace=replace), table, observed)


def _declared(name: str, studies: Path | None) -> Path | None:
    """Return the file of a folder that declares a study of this name and is not about imported results itself."""
    for file in sorted(studies.glob("*.yaml")) if studies is not None and studies.is_dir() else ():
        try:
            declared = load_study(file).study
        except SpecError:
            continue  # `validate` and `build` say what is wrong with it
        if declared.study == name and declared.imported != name:
            return file
    return None
