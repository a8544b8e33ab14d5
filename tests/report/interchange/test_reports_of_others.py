"""Tests of reports for llm-d, BoAmps and model cards: what their schemas demand, values equal to the store's, and nothing modelled that passes for measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from huggingface_hub.repocard_data import ModelCardData, model_index_to_eval_results

from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.dataset import Dataset
from greenreport.results import load_dataset
from greenreport.results.importing import import_results
from greenreport.store import Store
from tests.commands import greenreport
from tests.imports.real_files import real

STUDY = "studies/judged.yaml"


def written(folder: Path, kind: str, target: Path, study: str = STUDY) -> list[Path]:
    """Export a study and return the files in order."""
    done = greenreport(folder, "export", study, "--as", kind, "--out", str(target))
    assert done.returncode == 0, done.stderr
    return sorted(target.iterdir())


def cells_of(folder: Path) -> tuple[Dataset, dict[str, CellView]]:
    """Return the data of the study in a folder, and its cells by slug."""
    dataset = load_dataset(folder / STUDY, folder / "cache")
    return dataset, {cell.slug: cell for cell in dataset.cells}


@pytest.fixture(scope="module")
def llm_d(measured: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Give the reports of the measured study for llm-d."""
    return written(measured, "llm-d", tmp_path_factory.mktemp("llm-d") / "out")


def test_reports_for_llm_d_follow_its_schema(llm_d: list[Path]) -> None:
    """Every file is valid by the published JSON Schema, and a report that lacks what it demands is not."""
    schema = json.loads(real("llm-d_benchmark_report_0.2.1.schema.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    documents = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in llm_d]
    assert len(documents) == 9
    for document in documents:
        assert list(validator.iter_errors(document)) == []
    del documents[0]["run"]["uid"]
    assert list(validator.iter_errors(documents[0]))


def test_reports_for_llm_d_hold_the_values_of_the_store(measured: Path, llm_d: list[Path], tmp_path: Path) -> None:
    """Medians are those of the metrics, energy stands beside with its boundary, and the importer reads all of it again."""
    dataset, _ = cells_of(measured)
    runs = {run.run_id: run for run in dataset.runs}
    for file in llm_d:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        run = runs[document["run"]["uid"]]
        assert document["results"]["request_performance"]["aggregate"]["latency"]["request_latency"]["p50"] == run.value(
            "latency_s"
        )
        told = document["results"]["observability"]["greenreport"]["metrics"]
        assert {name: entry["value"] for name, entry in told.items()} == {
            name: item.value for name, item in run.observations.items() if item.value is not None
        }
        assert (told["energy_j"]["method"], told["energy_j"]["boundary"]) == ("measured", "CPU package-0")
    import_results(Store(tmp_path / "greenreport.duckdb"), llm_d, "again")
    again = load_dataset("again", tmp_path)
    for metric in ("energy_j", "duration_s", "latency_s", "throughput_tokens_per_s", "ttft_s"):
        ours = sorted(value for run in dataset.runs if (value := run.value(metric)) is not None)
        theirs = sorted(value for run in again.runs if (value := run.value(metric)) is not None)
        assert theirs == ours, metric


def boamps_problems(report: dict[str, Any]) -> list[str]:
    """Return what BoAmps' data model demands of a report and this one lacks: required fields, types and enumerations of its schemas of 0.1."""
    needed: tuple[tuple[Any, str, type | tuple[type, ...]], ...] = (
        (report["header"], "reportDatetime", str), (report["header"]["publisher"], "confidentialityLevel", str),
        (report["task"], "taskStage", str), (report["task"], "taskFamily", str), (report["task"], "algorithms", list), (report["task"], "dataset", list),
        (report["task"], "nbRequest", (int, float)), (report["infrastructure"], "infraType", str), (report["infrastructure"], "components", list),
        (report["system"], "os", str), (report["software"], "language", str),
        *((item, "dataUsage", str) for item in report["task"]["dataset"]), *((item, "dataType", str) for item in report["task"]["dataset"]),
        *((item, "measurementMethod", str) for item in report["measures"]), *((item, "powerConsumption", float) for item in report["measures"]),
        *((item, "componentType", str) for item in report["infrastructure"]["components"]),
        *((item, "nbComponent", int) for item in report["infrastructure"]["components"]),
    )  # fmt: skip
    wrong = [name for block, name, kind in needed if not isinstance(block.get(name), kind)]
    allowed = (
        (report["header"]["reportStatus"], {"draft", "final", "corrective", "other"}),
        (report["header"]["publisher"]["confidentialityLevel"], {"public", "internal", "confidential", "secret"}),
        (report["infrastructure"]["infraType"], {"publicCloud", "privateCloud", "onPremise", "other"}),
        (report.get("quality", "low"), {"high", "medium", "low"}),
    )
    sections = {"header", "task", "measures", "system", "software", "infrastructure", "environment", "quality"}
    return wrong + [value for value, among in allowed if value not in among] + sorted(report.keys() - sections)


def test_energy_reports_follow_the_model_of_boamps(measured: Path, tmp_path: Path) -> None:
    """One for each cell, a measure for each run in kWh, with the meter that read it and its idle baseline."""
    _, cells = cells_of(measured)
    files = written(measured, "boamps", tmp_path / "out")
    assert [file.name for file in files] == sorted(f"energy-report-{slug}.json" for slug in cells)
    for file in files:
        report = json.loads(file.read_text(encoding="utf-8"))
        cell = cells[file.stem.removeprefix("energy-report-")]
        assert boamps_problems(report) == []
        joules = [measure["powerConsumption"] * 3.6e6 for measure in report["measures"]]
        assert joules == pytest.approx([run.value("energy_j") for run in cell.ok], rel=1e-12)
        assert {(m["measurementMethod"], m["cpuTrackingMode"]) for m in report["measures"]} == {("RAPL", "rapl")}
        assert report["task"]["nbRequest"] == sum(len(run.requests) for run in cell.ok)
        assert report["measures"][0]["durationCalibrationMeasurement"] == pytest.approx(1.99)


def test_energy_of_a_power_model_is_an_estimation(modelled: Path, tmp_path: Path) -> None:
    """BoAmps and llm-d say so of every value, and its quality is low; the card has it in the table alone, where each value is marked."""
    for file in written(modelled, "boamps", tmp_path / "boamps"):
        report = json.loads(file.read_text(encoding="utf-8"))
        assert {measure["measurementMethod"] for measure in report["measures"]} == {"estimation"}
        assert report["quality"] == "low" and "Estimated energy." in report["task"]["taskDescription"]
    document = yaml.safe_load(written(modelled, "llm-d", tmp_path / "llm-d")[0].read_text(encoding="utf-8"))
    assert document["results"]["observability"]["greenreport"]["metrics"]["energy_j"]["method"] == "estimated"
    assert "estimated energy" in document["run"]["keywords"] and "Estimated energy." in document["run"]["description"]
    (card,) = written(modelled, "model-card", tmp_path / "card")
    _, head, text = card.read_text(encoding="utf-8").split("---\n", 2)
    assert "j_per_request" not in head and "latency_p95_s" in head
    assert text.count("(estimated)") == 6 and "**Estimated energy**" in text


def test_a_card_is_read_by_the_hub(measured: Path, tmp_path: Path) -> None:
    """Its metadata become evaluation results with the medians of the store; titles of others break neither YAML nor the table."""
    dataset, cells = cells_of(measured)
    (card,) = written(measured, "model-card", tmp_path / "out")
    _, head, text = card.read_text(encoding="utf-8").split("---\n", 2)
    name, results = model_index_to_eval_results(yaml.safe_load(head)["model-index"])
    assert name == dataset.models[0].label
    values = {(r.metric_type, r.metric_name): r.metric_value for r in results}
    assert all(r.verified is False and r.task_type == "text-generation" for r in results)
    assert {r.dataset_name for r in results} == {"greenreport study judged (untrained weights)"}
    energy = [value for (kind, _), value in values.items() if kind == "j_per_request"]
    assert energy == [cell.median("j_per_request") for cell in cells.values()]
    assert ModelCardData(model_name=name, eval_results=results).to_yaml()
    assert 'A "title", with: &lt;b&gt;marks&lt;/b&gt; \\| and — dashes' in text
    rows = [line.replace("\\|", "") for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in rows}) == 1 and len(rows) == 2 + len(cells)


@pytest.mark.parametrize("kind", ["llm-d", "boamps", "model-card"])
def test_what_an_import_does_not_know_is_refused(elsewhere: Path, tmp_path: Path, kind: str) -> None:
    """Requests, meters and versions are not made up: the command says so and writes nothing."""
    done = greenreport(elsewhere, "export", "there", "--as", kind, "--out", str(tmp_path / "out"))
    assert done.returncode == 2 and "imported results do not tell" in done.stderr and not (tmp_path / "out").exists()


def test_nothing_tells_whose_machine_it_was(measured: Path, tmp_path: Path) -> None:
    """Neither the host's digest nor a path of it stands in any report."""
    for kind in ("llm-d", "boamps", "model-card"):
        for file in written(measured, kind, tmp_path / kind):
            text = file.read_text(encoding="utf-8")
            assert "abc" not in text and str(measured) not in text, file.name
