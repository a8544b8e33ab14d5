"""Tests of the frontier page, on the published sweep imported as a table."""

from __future__ import annotations

import csv
import html
import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from greenreport.analysis.cold_starts import cold_starts
from greenreport.catalog import METRICS
from greenreport.report.pages.matrix_page import MatrixContent
from tests.analysis.test_cold_starts import dataset as started
from tests.analysis.test_frontier import COLUMNS, OPT, REPLICATED
from tests.conftest import minimal_study
from tests.datasets import around

Command = Callable[..., subprocess.CompletedProcess[str]]


def table(file: Path) -> None:
    """Write the published sweep with its replicas as a tidy table."""
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["model", "engine", "provider", "repetition", "metric", "value", "unit", "max_batch", "replicas"])
        rows = [(batch, 1, values) for batch, *values in OPT] + [(batch, n, values) for batch, n, *values in REPLICATED]
        for batch, replicas, values in rows:
            for metric, value in zip(COLUMNS, values, strict=True):
                writer.writerow(["OPT-1.3B", "vLLM", "cuda", 1, metric, value, METRICS[metric].unit, batch, replicas])


def test_an_imported_sweep_has_a_page_that_answers_in_words(command: Command, tmp_path: Path) -> None:
    """What batch, how many replicas, what a token costs; every percentage opens its rows; the site is in order."""
    (tmp_path / "studies").mkdir()
    table(tmp_path / "opt.csv")
    command("import", "opt.csv", "--study", "opt-vllm")
    command("build", "--quiet")
    folder = tmp_path / "site" / "s" / "opt-vllm"
    page = (folder / "frontier" / "index.html").read_text(encoding="utf-8")
    text = html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page)))
    assert (
        "vLLM · cuda at dynamic batches of up to 256 on 2 replicas, the largest load measured there, gives 14,700"
        in text.replace("\xa0", " ")
    )
    assert "Throughput saturates at dynamic batches of up to 256" in text
    assert "GPU usage falls from" in text
    assert "At dynamic batches of up to 96, 4 replicas have" in text
    anchors = set(re.findall(r'claims/index\.html#([^"]+)"', page))
    claims = (folder / "claims" / "index.html").read_text(encoding="utf-8")
    assert anchors
    assert all(f'id="{anchor}"' in claims for anchor in anchors)
    findings = json.loads((folder / "data" / "findings.json").read_text(encoding="utf-8"))
    single = next(series for series in findings["frontier"] if series["replicas"] == 1)
    assert (single["saturation"], single["peak"], single["least_energy"]) == (256, 640, 256)
    assert "in order" in command("check", "site").stdout


def test_a_study_without_a_sweep_has_no_frontier(site: Path) -> None:
    """No empty page, no link to it."""
    assert not (site / "s" / "tiny" / "frontier").exists()
    assert "frontier/index.html" not in (site / "s" / "tiny" / "index.html").read_text(encoding="utf-8")


def test_every_study_tells_its_cold_starts(site: Path) -> None:
    """Without a sweep too: time, energy, the first request and when a configuration has paid off, on the page of the matrix."""
    page = (site / "s" / "tiny" / "matrix" / "index.html").read_text(encoding="utf-8")
    _, found, cold = page.partition('id="cold"')
    assert found
    text = html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", cold)))
    assert "First request" in text
    assert ("the reference" in text) == ("Energy against" in text)  # energy below resolution has no columns
    assert len(re.findall(r'href="[^"]*cells/', cold)) == 2


def test_cold_starts_whose_energy_is_not_known_have_no_columns_for_it() -> None:
    """A column of nothing but dashes told nothing, five times on a page."""
    data = started({"torch": (around(100, 3), around(10, 3))})
    assert MatrixContent((), "", tuple(cold_starts(data))).cold_energy
    times = {
        cell.key: [replace(run, observations={"cold_start_s": run.observations["cold_start_s"]}) for run in cell.runs]
        for cell in data.cells
    }
    timed = replace(data, cells=tuple(replace(cell, runs=tuple(times[cell.key])) for cell in data.cells))
    content = MatrixContent((), "", tuple(cold_starts(timed)))
    assert content.cold
    assert not content.cold_energy


def test_limits_that_were_looked_for_have_a_page_without_a_sweep(
    command: Command, write_study: Callable[..., Path], tmp_path: Path
) -> None:
    """A study of one load, and what `limit` found: a page with one row for it, and nothing said of curves."""
    configuration = {"engine": "fake", "options": {"token_s": 0.0005, "fits": 3}}
    file = write_study(configurations=[configuration], protocol=minimal_study()["protocol"] | {"repetitions": 1})
    command("run", str(file), "--quiet")
    command("limit", str(file), "--largest", "8", "--quiet")
    command("build", "--quiet")
    page = (tmp_path / "site" / "s" / "tiny" / "frontier" / "index.html").read_text(encoding="utf-8")
    rows = re.findall(r"<tr><th scope=\"row\">one</th>.*?</tr>", page)
    assert len(rows) == 1
    assert "batch 3" in rows[0]
    assert "looked for" in rows[0]
    assert "batch 4 does not work: 4 sequences do not fit, 3 do" in rows[0]
    assert "in order" in command("check", "site").stdout
