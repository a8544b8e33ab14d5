"""Tests of published results that are damaged: a sentence for their study, and the other studies stay."""

from __future__ import annotations

from pathlib import Path

import duckdb
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


def test_results_that_describe_no_machine_stop_no_other_study(tmp_path: Path) -> None:
    """Their cells have no history, since what their hardware was is not known."""
    results = published_beside(tmp_path)
    table = results / "environments.parquet"
    duckdb.sql(f"SELECT * FROM read_parquet('{table}') WHERE false").write_parquet(str(tmp_path / "none.parquet"))
    (tmp_path / "none.parquet").replace(table)
    located = {item.name: item for item in locate_all(tmp_path / "studies", tmp_path / "cache", None)}
    assert located[GOOD].read().dataset.study.study == GOOD
    with pytest.raises(StoreError, match="environment"):
        located[STUDY].read()
