"""Tests of what is derived from energy: the product, its range, and what it says where something is missing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from greenreport.analysis.analyse import analyse
from greenreport.analysis.findings_json.document import document
from greenreport.analysis.footprint import FootprintAnalysis, derive
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.metrics import Observation
from greenreport.analysis.stats import NotComputable
from greenreport.record import Method
from greenreport.study import Footprint
from tests.datasets import around, dataset

CARBON = {"low": 100, "central": 200, "high": 400, "source": "Grid report", "date": "2025"}
WATER = CARBON | {"low": 1, "central": 2, "high": 3}
PRICE = CARBON | {"low": 0.1, "central": 0.2, "high": 0.3, "currency": "EUR"}
PUE = CARBON | {"low": 1.0, "central": 1.5, "high": 2.0}
KWH = 3.6e6


def declared(**factors: Any) -> Footprint:
    """Return declared factors."""
    return Footprint.model_validate({"location": "Here", **factors})


def measured(values: dict[str, list[float]], footprint: Footprint | None, metric: str = "j_per_request") -> Dataset:
    """Return a dataset of one model whose runs have these joules for a request."""
    data = dataset({"a": values})
    cells = []
    for cell in data.cells:
        runs = tuple(
            replace(run, observations={metric: Observation(metric, joules, "CPU package-0", Method.MEASURED)})
            for run, joules in zip(cell.runs, values[cell.configuration.engine], strict=True)
        )
        cells.append(replace(cell, runs=runs))
    return replace(data, cells=tuple(cells), study=data.study.model_copy(update={"footprint": footprint}))


def derived(data: Dataset) -> FootprintAnalysis:
    """Return what is derived from a dataset that declares factors."""
    found = derive(data, ())
    assert found is not None
    return found


def test_without_declared_factors_nothing_is_derived() -> None:
    """There are no built-in factors."""
    data = measured({"torch": around(3600)}, None)
    assert derive(data, ()) is None
    assert document(analyse(data))["footprint"] is None


def test_a_thousand_requests_of_one_watt_hour_each() -> None:
    """3,600 J a request are 1 kWh for 1,000 requests; carbon, water and cost follow by hand."""
    data = measured(
        {"torch": [3600.0] * 5}, declared(carbon_g_per_kwh=CARBON, water_l_per_kwh=WATER, price_per_kwh=PRICE, pue=PUE)
    )
    found = derived(data)
    [row] = found.tables[0].rows
    assert row.kwh == pytest.approx(1.0)
    carbon, water, cost = row.amounts
    assert (carbon.central, carbon.low, carbon.high) == pytest.approx((300, 100, 800))
    assert (water.central, water.low, water.high) == pytest.approx((3, 1, 6))
    assert (cost.central, cost.low, cost.high) == pytest.approx((0.3, 0.1, 0.6))
    assert [kind.unit for kind in found.impacts] == ["gCO₂e", "L", "EUR"]


def test_the_range_is_that_of_factors_and_energy_together() -> None:
    """Low factors meet the lower end of the energy's interval; with central factors only the interval is left."""
    [row] = (
        derived(measured({"torch": [3600.0, 3500.0, 3700.0, 3400.0, 3800.0]}, declared(carbon_g_per_kwh=CARBON))).tables[0].rows
    )
    low, high = (joules * 1000 / KWH for joules in (3400.0, 3800.0))  # five runs: the interval is their range
    [carbon] = row.amounts
    assert (carbon.low, carbon.high) == pytest.approx((low * 100, high * 400))
    assert (carbon.energy_low, carbon.energy_high) == pytest.approx((low * 200, high * 200))
    assert carbon.low < carbon.energy_low < carbon.central < carbon.energy_high < carbon.high


def test_two_runs_have_no_interval_and_no_invented_one() -> None:
    """The range is that of the factors alone, and the row says why."""
    [row] = derived(measured({"torch": [3600.0, 3600.0]}, declared(carbon_g_per_kwh=CARBON))).tables[0].rows
    assert isinstance(row.kwh_ci, NotComputable)
    assert row.bounds == (None, None)
    [carbon] = row.amounts
    assert (carbon.low, carbon.energy_low, carbon.energy_high, carbon.high) == pytest.approx((100, 200, 200, 400))


def test_an_interval_never_reaches_below_zero() -> None:
    """Three scattered runs have an interval that does; no amount does."""
    [row] = derived(measured({"torch": [100.0, 1000.0, 3000.0]}, declared(carbon_g_per_kwh=CARBON))).tables[0].rows
    assert not isinstance(row.kwh_ci, NotComputable)
    assert row.kwh_ci.low < 0
    assert row.amounts[0].low == 0


def test_cells_without_energy_name_their_reason() -> None:
    """No energy, nothing derived; the other cells stay."""
    data = measured({"torch": around(3600), "onnx": around(1800)}, declared(carbon_g_per_kwh=CARBON))
    first, second = data.cells
    silent = tuple(
        replace(r, observations={"j_per_request": Observation("j_per_request", None, reason="no meter")}) for r in first.runs
    )
    found = derived(replace(data, cells=(replace(first, runs=silent), second)))
    assert [row.configuration.engine for row in found.tables[0].rows] == ["onnx"]
    assert found.tables[0].missing == (("A", "Torch\u00a0·\u00a0CPU", "no meter"),)
    nothing = derived(replace(data, cells=(replace(first, runs=silent),)))
    assert [len(table.rows) for table in nothing.tables] == [0]


def test_findings_keep_derived_amounts_apart_from_claims() -> None:
    """findings.json has factors with their sources and every amount; no claim is made of them."""
    data = measured({"torch": around(3600), "onnx": around(1800)}, declared(carbon_g_per_kwh=CARBON), "j_per_output_token")
    found = json.loads(json.dumps(document(analyse(data)), allow_nan=False))
    assert found["footprint"]["factors"]["carbon_g_per_kwh"]["source"] == "Grid report"
    row = next(r for r in found["footprint"]["derived"] if r["configuration"] == "onnx-cpu")
    assert row["per"] == "one million output tokens"
    assert row["carbon"]["central"] == pytest.approx(500 * 200)
    assert "carbon" not in json.dumps(found["claims"])
