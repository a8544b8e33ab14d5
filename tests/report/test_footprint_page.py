"""Tests of the page of carbon, water and cost, built by the real command."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from greenreport.report.check import check_site

Command = Callable[..., subprocess.CompletedProcess[str]]

FOOTPRINT = """
footprint:
  location: A place <b>
  carbon_g_per_kwh: {low: 100, central: 200, high: 400, source: "Grid report <script>", date: 2025}
  price_per_kwh: {low: 0.1, central: 0.2, high: 0.3, currency: EUR, source: Tariff sheet, date: 2025-02}
  pue: {low: 1.1, central: 1.2, high: 1.5, source: Facility report, date: 2024-12-31}
"""


@pytest.fixture
def page(site: Path, command: Command, tmp_path: Path) -> str:
    """Give the footprint page of a study that declares factors, rebuilt from runs that were made without."""
    file = tmp_path / "studies" / "tiny.yaml"
    file.write_text(file.read_text(encoding="utf-8") + FOOTPRINT, encoding="utf-8")
    command("build", "--quiet")
    return (site / "s" / "tiny" / "footprint" / "index.html").read_text(encoding="utf-8")


def test_declared_factors_give_a_page_that_keeps_them_apart_from_measurements(page: str, site: Path) -> None:
    """Factors with source and date, amounts marked as derived, the site in order, and findings.json with the same numbers."""
    assert check_site(site) == []
    assert "derived, not measured" in page
    estimated = "estimated energy" in page
    assert ("Energy is estimated from the CPU load, not measured." in page) is estimated
    assert ("Only the energy is measured." in page) is not estimated
    assert ("(measured)" in page) is not estimated
    for text in ("Grid report &lt;script&gt;", "Tariff sheet", "2025-02", "2024-12-31", "gCO₂e/kWh", "EUR/kWh"):
        assert text in page
    assert re.findall(r'<figure id="(fig-[^"]+)"', page) == ["fig-footprint-carbon", "fig-footprint-cost"]
    data = json.loads(re.search(r'class="factors-data">(.*?)</script>', page, re.DOTALL)[1])  # type: ignore[index]
    assert data["factors"] == {"carbon": [100, 200, 400], "cost": [0.1, 0.2, 0.3], "pue": [1.1, 1.2, 1.5]}
    assert [(kind["unit"], kind["prefixed"]) for kind in data["kinds"]] == [("gCO₂e", True), ("EUR", False)]
    found = json.loads((site / "s" / "tiny" / "data" / "findings.json").read_text(encoding="utf-8"))["footprint"]
    row = found["derived"][0]
    assert data["tables"][0][0][0] == row["energy_kwh"]
    assert row["carbon"]["central"] == pytest.approx(row["energy_kwh"] * 1.2 * 200)
    overview = (site / "s" / "tiny" / "index.html").read_text(encoding="utf-8")
    assert 'footprint/index.html">Footprint</a>' in overview
    assert "gCO₂e" not in overview


def test_the_file_for_mailing_has_the_declared_amounts_and_no_inputs(page: str, site: Path) -> None:
    """Nothing can be computed there, so nothing asks for numbers."""
    text = (site / "s" / "tiny" / "report.html").read_text(encoding="utf-8")
    assert page.count("data-end=") == 9
    assert "data-end=" not in text
    assert "Grid report &lt;script&gt;" in text


def test_without_declared_factors_there_is_no_such_page(site: Path) -> None:
    """No built-in factor, no page, no entry in the navigation."""
    assert not (site / "s" / "tiny" / "footprint").exists()
    assert "footprint/" not in (site / "s" / "tiny" / "index.html").read_text(encoding="utf-8")
