"""Which studies are compared or refer to each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from greenreport.analysis.measure.dataset import Dataset
from greenreport.errors import StoreError
from greenreport.results.located import Located, StudyData
from greenreport.results.sources import find, load_published
from greenreport.study import load_study
from greenreport.workspace import open_store


@dataclass(frozen=True, slots=True)
class Counterpart:
    """What a study is compared with.

    Attributes:
        first: name of the study that asks for it.
        second: name of the other study, or the folder of results as it was written.
        known: whether the second is one of the studies found, too.
    """

    first: str
    second: str
    dataset: Dataset
    known: bool


def groups(located: Sequence[Located]) -> list[list[Located]]:
    """Return the studies in groups: those whose pages speak of each other belong together, the others stand alone.

    Compared studies do, and a study without runs with those that asked the question of the same publication elsewhere.
    """
    related: list[list[Located]] = []
    for item in located:
        near = [group for group in related if any(_related(item, other) for other in group)]
        related = [group for group in related if group not in near]
        related.append([*(other for group in near for other in group), item])
    return [sorted(group, key=located.index) for group in related]


def _related(first: Located, second: Located) -> bool:
    if any(a.file is not None and a.file.resolve() in b.compared for a, b in ((first, second), (second, first))):
        return True
    return first.measured != second.measured and not set(first.references).isdisjoint(second.references)


def counterparts(studies: Sequence[StudyData], cache: Path, weights: str | None) -> tuple[Counterpart, ...]:
    """Return what the studies are to be compared with (`compare:`), each pair once, with its data.

    Raises:
        StoreError: a study names itself, or a folder holds no run of the study.
    """
    by_file = {item.file.resolve(): item for item in studies if item.file is not None}
    pairs: dict[frozenset[str], Counterpart] = {}
    for item in by_file.values():
        for path in item.dataset.study.compare:
            other = _counterpart(item, path, by_file, cache, weights)
            pairs.setdefault(frozenset((item.name, other.second)), other)
    return tuple(pairs.values())


def _counterpart(
    item: StudyData, path: str, by_file: Mapping[Path, StudyData], cache: Path, weights: str | None
) -> Counterpart:
    assert item.file is not None
    target = (item.file.parent / path).resolve()
    if target == item.file.resolve():
        raise StoreError(f"{item.file}: `compare:` names the study itself; name another study file or a folder of results")
    if target.is_dir():
        shown = item.dataset.study.weights  # untrained runs may stand in for a study whose file says hub
        used = weights or (None if shown is load_study(item.file).study.weights else shown.value)
        return Counterpart(item.name, path, load_published(item.file, target, used), known=False)
    other = by_file.get(target) or find(target, open_store(cache), weights, None)
    return Counterpart(item.name, other.name, other.dataset, known=target in by_file)
