"""The fast studentized range against scipy's slow one and against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from greenreport.analysis.stats import studentized_range_sf

QUANTILES = np.array([0.0, 0.1, 1.0, 2.5, 4.0, 6.0, 10.0, 25.0, 300.0])


@pytest.mark.parametrize("groups", [2, 3, 5, 10, 20, 35, 50])
def test_agrees_with_scipy(groups: int) -> None:
    """The difference to scipy stays below 1e-6 for 2 to 50 groups and 2 to 1000 degrees of freedom."""
    for df in (2.0, 3.7, 9.0, 40.0, 1000.0):
        wanted = stats.studentized_range.sf(QUANTILES, groups, df)
        assert np.abs(studentized_range_sf(QUANTILES, groups, df) - wanted).max() < 1e-6


@pytest.mark.parametrize("df", [1.0, 2.0, 5.5, 30.0, 1000.0])
def test_two_groups_are_student(df: float) -> None:
    """With two groups P(q) = 2 P(t > q/√2): relative error below 1e-7 from p = 1 down to 1e-12."""
    t = -stats.t.ppf(np.array([0.5, 0.1, 1e-3, 1e-6, 1e-9, 5e-13]), df)
    assert studentized_range_sf(t * np.sqrt(2), 2, df) == pytest.approx(2 * stats.t.sf(t, df), rel=1e-7)


def test_range_of_three_normals() -> None:
    """With many degrees of freedom it is the range of normal values: P(range of 3 > 3.314493) = 0.05."""
    assert studentized_range_sf(3.314493, 3, 1e7) == pytest.approx(0.05, abs=1e-6)


def test_shapes_broadcast() -> None:
    """A row of statistics and a column of degrees of freedom give a table, decreasing along the row."""
    found = studentized_range_sf(QUANTILES[None, :], 4, np.array([[3.0], [30.0]]))
    assert found.shape == (2, 9)
    assert (np.diff(found, axis=1) <= 0).all()
    assert found[:, 0].tolist() == [1.0, 1.0]
