"""The published study's medians give its printed tables, and its quoted percentages with their true scope.

The reference data of Durán et al. (arXiv 2412.15441) stay outside the repository; without them these tests are skipped.
"""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace
from functools import cache

import pytest

from greenreport.analysis.hypotheses.aggregates import aggregates
from greenreport.analysis.hypotheses.claims import Claim, compare
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.imported_dataset import imported_dataset
from greenreport.store.observations import ObservedRow
from greenreport.study import Configuration, load_reference
from tests.conftest import ROOT

FOLDER = ROOT.parent / "shared" / "reference" / "duran-2024"
METRICS = {
    "energy_global": "energy_j",
    "execution_time": "duration_s",
    "energy_cpu": "cpu_energy_j",
    "energy_gpu": "gpu_energy_j",
}
ENGINES = {"TORCH": "torch", "ONNX": "onnx", "OV": "openvino"}

pytestmark = pytest.mark.skipif(
    not (FOLDER / "per_model_medians.csv").exists(), reason="needs the reference data of Durán et al. beside the repository"
)


def table(name: str) -> list[dict[str, str]]:
    """Return the rows of a reference file."""
    with (FOLDER / f"{name}.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _metric(row: dict[str, str]) -> str:
    """Return our name: of CPU configurations the paper's energy is that of the CPU."""
    return "energy_j" if (row["provider"], row["metric"]) == ("CPU", "energy_cpu") else METRICS[row["metric"]]


@cache
def published() -> Dataset:
    """Return the published medians as an imported study: one value a cell, the median over ten runs."""
    rows = [
        ObservedRow(
            row["model"], row["size_category"], ENGINES[row["engine"]], row["provider"].lower(), 1, _metric(row),
            float(row["value"]), row["unit"], None,
        )
        for row in table("per_model_medians")
        if row["campaign"] == "nov2024" and row["statistic"] == "median_of_10_runs"
        and row["engine"] in ENGINES and row["metric"] in METRICS
    ]  # fmt: skip
    return imported_dataset("duran-2024", "the replication package", rows)


def only(provider: str) -> Dataset:
    """Return the published study on one provider."""
    data = published()
    return replace(data, cells=tuple(cell for cell in data.cells if cell.configuration.provider == provider))


def configuration(engine: str, provider: str) -> Configuration:
    """Return a configuration of the published study."""
    return next(c for c in published().configurations if (c.engine, c.provider) == (engine, provider))


def test_the_published_tables_follow_from_its_medians() -> None:
    """All 56 printed figures: arithmetic mean over the models of a category of the medians over runs, to a unit of the second decimal."""
    reference = load_reference(ROOT / "studies" / "references" / "duran-2024.yaml")
    found = {}
    for metric in METRICS.values():
        for provider in ("cpu", "cuda"):
            for item in aggregates(only(provider), metric, ()):
                category = "all" if item.category == "all models" else int(item.category.split()[-1])
                for row in item.rows:
                    found[row.label.replace("\u00a0", " "), metric, category] = row.mean
    matched = [
        p for p in reference.values if found[f"{p.engine} · {p.provider}", p.metric, p.size_category] == pytest.approx(p.value, abs=0.01)
    ]  # fmt: skip
    assert len(matched) == 56


def savings(metric: str, first: tuple[str, str], second: tuple[str, str]) -> dict[str, float]:
    """Return model → saving in % of the first configuration against the second, from claims."""
    result = {}
    for model in published().models:
        claim = compare(published(), metric, configuration(*first), configuration(*second), [model])
        assert isinstance(claim, Claim)
        result[model.label] = (1 - claim.value) * 100
    return result


def test_the_quoted_savings_are_those_of_one_pair() -> None:
    """37.99–89.16 % of energy and 47.84–89.74 % of time: Torch against ONNX Runtime on CUDA, model by model."""
    energy = savings("energy_j", ("torch", "cuda"), ("onnx", "cuda"))
    time = savings("duration_s", ("torch", "cuda"), ("onnx", "cuda"))
    assert (round(min(energy.values()), 2), round(max(energy.values()), 2)) == (37.99, 89.16)
    assert (round(min(time.values()), 2), round(max(time.values()), 2)) == (47.84, 89.74)
    expected = {row["model"]: row for row in table("derived_savings_per_model")}
    for model, value in energy.items():
        assert value == pytest.approx(float(expected[model]["cuda_energy_saving_torch_vs_onnx_pct"]), abs=1e-3)
        assert time[model] == pytest.approx(float(expected[model]["cuda_time_saving_torch_vs_onnx_pct"]), abs=1e-3)


def test_winners_on_the_cpu_are_counted_and_the_fastest_is_not_the_greenest() -> None:
    """Energy: ONNX Runtime 7, OpenVINO 4, Torch 1 of 12; time: OpenVINO 12 of 12. Best against worst on each model."""
    expected = {row["model"]: row for row in table("derived_savings_per_model")}
    for metric, wins, column in (
        ("energy_j", {"onnx": 7, "openvino": 4, "torch": 1}, "cpu_energy_saving_best_vs_worst_pct"),
        ("duration_s", {"openvino": 12}, "cpu_time_saving_best_vs_worst_pct"),
    ):
        [everything] = [item for item in aggregates(only("cpu"), metric, ()) if item.category == "all models"]
        counted = Counter({row.label.split("\u00a0")[0]: row.wins for row in everything.rows})
        assert +counted == Counter(wins)
        medians = {row.label: dict(row.medians) for row in everything.rows}
        for model, row in expected.items():
            values = [values[model] for values in medians.values()]
            assert (1 - min(values) / max(values)) * 100 == pytest.approx(float(row[column]), abs=1e-3)
