"""Tests of published results that are damaged: a sentence for their study, and the other studies stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenreport.errors import StoreError
from greenreport.results import load, locate_all
from tests.attack.made_results import GOOD, STUDY, published_beside


def test_damaged_results_stop_no_other_study(tmp_path: Path) -> None:
    """All studies of a folder are listed; the damaged one says what is wrong when it is read, the other is read."""
    results = published_beside(tmp_path)
    (results / "runs.parquet").write_bytes((results / "runs.parquet").read_bytes()[:100])
    located = {item.name: item for item in locate_all(tmp_path / "studies", tmp_path / "cache", None)}
    assert set(located) == {GOOD, STUDY}
    assert located[GOOD].read().dataset.study.study == GOOD
    for ask in (located[STUDY].read, lambda: load(tmp_path / "studies" / f"{STUDY}.yaml", tmp_path / "cache")):
        with pytest.raises(StoreError, match=r"the results in .*results cannot be read: .*; export or fetch them again"):
            ask()
