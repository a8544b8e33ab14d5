"""Tests of declared factors: each needs order, source and date, and none changes what is measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenreport.plan import make_plan
from greenreport.study import Study
from tests.conftest import minimal_study
from tests.study.test_load import problems_of

FACTOR = '{low: 1, central: 2, high: 3, source: "Grid report", date: 2025-03}'
STUDY = """\
study: x
title: x
weights: untrained
models:
  - {id: a, architecture: {type: gpt2}}
configurations:
  - {engine: fake}
footprint:
  location: Here
"""


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([f"carbon_g_per_kwh: {FACTOR.replace('low: 1', 'low: 2.5')}"],
         "10: carbon_g_per_kwh: low ≤ central ≤ high is needed, here 2.5, 2, 3"),
        ([f"carbon_g_per_kwh: {FACTOR.replace('low: 1', 'low: -1')}"], "10: low: -1 is not allowed"),
        (["carbon_g_per_kwh: {low: 1, central: 2, high: 3, date: 2025}"], "10: missing key 'source' in footprint.carbon_g_per_kwh"),
        (["water_l_per_kwh: {low: 1, central: 2, high: 3, source: s}"], "10: missing key 'date' in footprint.water_l_per_kwh"),
        ([f"water_l_per_kwh: {FACTOR.replace('2025-03', '2025-13')}"], "10: date: '2025-13' is not a date; write 2025, 2025-03 or 2025-03-31"),
        ([f"water_l_per_kwh: {FACTOR.replace('2025-03', 'soon')}"], "10: date: 'soon' is not a date"),
        ([f"price_per_kwh: {FACTOR}"], "10: missing key 'currency' in footprint.price_per_kwh"),
        ([f"carbon_g_per_kwh: {FACTOR}", f"pue: {FACTOR.replace('low: 1', 'low: 0.9')}"], "11: low: 0.9 is not allowed"),
        ([f"pue: {FACTOR}"], "8: footprint: give at least one of carbon_g_per_kwh, water_l_per_kwh and price_per_kwh"),
        ([f"carbon_per_kwh: {FACTOR}"], "10: unknown key 'carbon_per_kwh', did you mean 'carbon_g_per_kwh'?"),
    ],
    ids=["order", "negative", "no source", "no date", "no such month", "no date at all", "no currency", "small overhead", "nothing", "key"],
)  # fmt: skip
def test_a_factor_without_order_source_or_date_is_a_problem_with_its_line(
    lines: list[str], problem: str, tmp_path: Path
) -> None:
    """Nothing is filled in: the file is refused, with the line and what is missing."""
    found = problems_of(STUDY + "".join(f"  {line}\n" for line in lines), tmp_path)
    assert any(text.startswith(problem) for text in found), found


@pytest.mark.parametrize("date", [2025, "2025", "2025-03", "2024-02-29"])
def test_a_year_a_month_and_a_day_are_dates(date: object) -> None:
    """A year alone is a number in YAML and a date here."""
    factor = {"low": 1, "central": 1, "high": 1, "source": "s", "date": date}
    study = Study.model_validate(minimal_study(footprint={"location": "Here", "carbon_g_per_kwh": factor}))
    assert study.footprint is not None
    assert study.footprint.carbon_g_per_kwh is not None
    assert study.footprint.carbon_g_per_kwh.date == str(date)


def test_factors_change_no_fingerprint() -> None:
    """They are applied when a site is built, so finished runs stay valid."""
    factor = {"low": 1, "central": 2, "high": 3, "source": "s", "date": 2025}
    with_factors = Study.model_validate(minimal_study(footprint={"location": "Here", "carbon_g_per_kwh": factor}))
    without = Study.model_validate(minimal_study())
    assert [c.fingerprint for c in make_plan(with_factors, "d").cells] == [c.fingerprint for c in make_plan(without, "d").cells]
