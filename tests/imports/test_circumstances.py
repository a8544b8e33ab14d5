"""Tests of the quantities that tools report beside their metrics."""

from __future__ import annotations

from greenreport.catalog import CIRCUMSTANCES, METRICS


def test_a_circumstance_is_no_metric() -> None:
    """A key of both would be ranked on pages and judged by itself."""
    assert CIRCUMSTANCES.keys().isdisjoint(METRICS)
    assert all(row.unit and row.meaning for row in CIRCUMSTANCES.values())
