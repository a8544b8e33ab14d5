"""Tests of what catalogues and archives read: validated by their own programs, complete, the same bytes again, and honest."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest

from greenreport.report.site_writer import MANIFEST
from greenreport.results import load_dataset
from tests.commands import greenreport

STUDY = "studies/judged.yaml"
#: In a process of its own: these programs warn of what is none of ours. Prints what each found.
VALIDATORS = """
import json, logging, sys
from frictionless import Package, validate
import mlcroissant
from rocrate.rocrate import ROCrate
folder = sys.argv[1]
report = validate(f"{folder}/datapackage.json")
rows = Package(f"{folder}/datapackage.json").get_resource("observations").read_rows()
dataset = mlcroissant.Dataset(jsonld=f"{folder}/croissant.json")
records = list(dataset.records("observations"))
crate = ROCrate(folder)
print(json.dumps({
    "frictionless": [[task.name, task.type, task.errors and task.errors[0].message] for task in report.tasks],
    "errors": [error.message for error in report.errors],
    "rows": [[row["run_id"], row["metric"], float(row["value"])] for row in rows],
    "issues": [str(issue) for issue in (*dataset.metadata.issues.errors, *dataset.metadata.issues.warnings)],
    "records": [[r["observations/run_id"].decode(), r["observations/metric"].decode(), r["observations/value"]] for r in records],
    "fields": {s.id: len(s.fields) for s in dataset.metadata.record_sets},
    "crate": [crate.name, crate.license.id, sorted(entity.id for entity in crate.data_entities)],
    "people": [crate.get(reference.id)["name"] for reference in crate.root_dataset["author"]],
}))
"""


@pytest.fixture(scope="module")
def deposited(measured: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder that the archive for Zenodo of the measured study unpacks to."""
    target = tmp_path_factory.mktemp("deposit")
    done = greenreport(measured, "export", STUDY, "--as", "zenodo", "--out", str(target / "out"))
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(target / "out" / "judged.zip") as archive:
        archive.extractall(target)
    return target / "judged"


@pytest.mark.acceptance
def test_catalogues_accept_what_is_deposited(measured: Path, deposited: Path) -> None:
    """Frictionless, mlcroissant and rocrate find nothing wrong, and read every value of the store from the tables they describe."""
    missing = [name for name in ("frictionless", "mlcroissant", "rocrate") if find_spec(name) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)} of the extra `test`")
    command = [sys.executable, "-c", VALIDATORS, str(deposited)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "not standard" not in done.stderr
    found = json.loads(done.stdout)
    assert found["errors"] == found["issues"] == [] and all(not wrong for _, _, wrong in found["frictionless"])
    assert found["frictionless"][0][:2] == ["observations", "table"]
    ours = {
        (run.run_id, metric): item.value
        for run in load_dataset(measured / STUDY, measured / "cache").runs
        for metric, item in run.observations.items()
        if item.value is not None
    }
    assert {(run, metric): value for run, metric, value in found["rows"]} == ours
    assert {(run, metric): pytest.approx(value, rel=1e-12) for run, metric, value in found["records"]} == ours
    assert found["fields"]["observations"] == 14 and found["fields"]["requests"] == 19
    name, licence, files = found["crate"]
    assert (
        name == 'A "title", with: <b>marks</b> | and — dashes'
        and licence.endswith("/by/4.0/")
        and found["people"] == ["Ada O'Hara & Co"]
    )
    held = {file.name for file in deposited.iterdir()} - {"ro-crate-metadata.json", ".zenodo.json", "README.md", MANIFEST}
    assert set(files) - {"./"} == held


def test_an_archive_says_what_it_holds(deposited: Path) -> None:
    """Every file has its digest and a line in README; the form of Zenodo is filled, its description escaped; nothing names a host."""
    lines = (deposited / MANIFEST).read_text(encoding="utf-8").splitlines()
    digests = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    assert digests.keys() == {file.name for file in deposited.iterdir()} - {MANIFEST}
    readme = (deposited / "README.md").read_text(encoding="utf-8")
    for name, digest in digests.items():
        assert hashlib.sha256((deposited / name).read_bytes()).hexdigest() == digest
        assert name == "README.md" or f"| `{name}` |" in readme
    form = json.loads((deposited / ".zenodo.json").read_text(encoding="utf-8"))
    assert form["creators"] == [{"name": "Ada O'Hara & Co", "affiliation": "Uni: of {X}", "orcid": "0000-0001-2345-6789"}]
    assert (form["upload_type"], form["license"], form["publication_date"]) == ("dataset", "cc-by-4.0", "2026-01-01")
    assert "<strong>Untrained weights</strong>" in form["description"] and form["references"] == [
        "Doe, J. (2024). A study: of & things. https://example.org/paper"
    ]
    environment = json.loads((deposited / "environment.json").read_text(encoding="utf-8"))
    assert environment["cpu_model"] == "Test CPU" and "host_sha256" not in environment


def test_the_same_runs_give_the_same_bytes(modelled: Path, tmp_path: Path) -> None:
    """Twice, into two folders; and modelled energy is told as such to every catalogue."""
    for name in ("one", "two"):
        assert greenreport(modelled, "export", STUDY, "--as", "croissant", "--out", str(tmp_path / name)).returncode == 0
    files = {file.name: file.read_bytes() for file in (tmp_path / "one").iterdir()}
    assert files == {file.name: file.read_bytes() for file in (tmp_path / "two").iterdir()}
    assert {"datapackage.json", "croissant.json", "observations.csv", "runs.parquet"} <= files.keys()
    package, croissant = json.loads(files["datapackage.json"]), json.loads(files["croissant.json"])
    assert [remark["remark"] for remark in package["greenreport:remarks"]] == ["estimated energy", "untrained weights"]
    assert "Estimated energy." in package["description"] and "Estimated energy." in croissant["description"]
    assert "estimated energy" in croissant["keywords"]


def test_a_package_of_imported_means_says_so(elsewhere: Path, tmp_path: Path) -> None:
    """Its one table keeps the statistic beside every value and the package its source; there are no runs to tell of."""
    assert greenreport(elsewhere, "export", "there", "--as", "frictionless", "--out", str(tmp_path / "out")).returncode == 0
    frame = pd.read_csv(tmp_path / "out" / "observations.csv")
    assert set(frame[frame["metric"] == "energy_j"]["boundary"]) == {"as imported: aggregated, the mean"}
    package = json.loads((tmp_path / "out" / "datapackage.json").read_text(encoding="utf-8"))
    assert [remark["remark"] for remark in package["greenreport:remarks"]] == ["measured elsewhere"]
    assert package["sources"][0]["title"].startswith("t.csv sha256:") and not list((tmp_path / "out").glob("*.parquet"))
