"""Tests that CONTRIBUTING's steps are true: another package adds one of each kind, and greenreport takes it up."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.commands import greenreport
from tests.conftest import ROOT, minimal_study
from tests.sharing import share_drawn

ROWS = """
from greenreport.catalog import Better, EngineInfo, MeterInfo, MetricInfo, PageInfo, ScorerInfo

ENGINE = EngineInfo("echo", "Echo", "acme.engine:Echo", ("cpu",), ("float32",), (), "", "answers at once", weights=False)
METER = MeterInfo("battery", "Battery", "acme.meter:Battery", "what the battery gives")
METRIC = MetricInfo(
    "characters_per_s", "Characters", "1/s", Better.HIGHER, "rate of characters", "Four characters a token ÷ execution time.",
    target="acme.metric:characters_per_s",
)
PAGE = PageInfo("counts", "Counts", "acme.page:counts_page")
SCORER = ScorerInfo("politeness", "politeness", "answers", "acme.scorer:politeness")
"""
MODULES = {
    "__init__": "",
    "rows": ROWS,
    "engine": '''
from greenreport.engines.fake import Fake

class Echo(Fake):
    """Another package's engine."""
''',
    "meter": '''
from greenreport.meters.base import Channel, Meter
from greenreport.record import Method, TraceKind

class Battery(Meter):
    """Gives 12 W."""

    def open(self):
        return (Channel("package-0", "power", TraceKind.GAUGE, "W", Method.MEASURED),)

    def read(self):
        return (12.0,)
''',
    "metric": '''
from greenreport.analysis.measure.observation import Observation
from greenreport.record import Phase

def characters_per_s(record):
    window = record.mark(Phase.WINDOW)
    return Observation("characters_per_s", 4 * sum(r.output_tokens for r in record.requests) / window.duration_s)
''',
    "scorer": '''
from greenreport.quality.sandbox import Score
from greenreport.record import VerdictCode

def politeness(case, sandbox):
    return Score(VerdictCode.PASSED if case.task.answers[0] in case.prompt else VerdictCode.WRONG)
''',
    "page": '''
from greenreport.report.figure import Figure, make_table
from greenreport.report.page import study_page

def counts_page(study):
    return study_page(study, "counts", "counts.html", "Counts", "Runs of each cell", [counts_figure(study)])

def counts_figure(study):
    rows = [(cell.key, len(cell.runs)) for cell in study.dataset.cells]
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json", "usermeta": {}, "mark": "bar",
        "data": {"values": [{"cell": key, "runs": runs} for key, runs in rows]},
        "encoding": {"x": {"field": "runs", "type": "quantitative"}, "y": {"field": "cell", "type": "nominal"}},
    }
    table = make_table("Runs", ["cell", ("runs", "")], rows)
    return Figure("counts", "Every cell has as many runs", "Number of runs.", "Bars, one for each cell.", spec, table)
''',
}  # fmt: skip
TEMPLATE = """{% extends "study/base.html" %}
{% block main %}<h1 class="headline">{{ page.content }}</h1>
{% for figure in page.figures %}{{ m.figure(figure, study, 2) }}{% endfor %}{% endblock %}
"""
ENTRY_POINTS = """
[greenreport.engines]
echo = acme.rows:ENGINE
[greenreport.meters]
battery = acme.rows:METER
[greenreport.metrics]
characters_per_s = acme.rows:METRIC
[greenreport.pages]
counts = acme.rows:PAGE
[greenreport.scorers]
politeness = acme.rows:SCORER
"""


def package(folder: Path, entry_points: str = ENTRY_POINTS) -> dict[str, str]:
    """Install a package named acme into a folder; return the environment of processes that see it."""
    (folder / "acme" / "templates" / "study").mkdir(parents=True)
    (folder / "acme" / "templates" / "study" / "counts.html").write_text(TEMPLATE, encoding="utf-8")
    for name, text in MODULES.items():
        (folder / "acme" / f"{name}.py").write_text(text, encoding="utf-8")
    information = folder / "acme-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n", encoding="utf-8")
    (information / "entry_points.txt").write_text(entry_points, encoding="utf-8")
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}


def write(folder: Path, **changes: Any) -> Path:
    """Write a study file, which is YAML since it is JSON."""
    (folder / "studies").mkdir(exist_ok=True)
    file = folder / "studies" / "extended.yaml"
    file.write_text(json.dumps(minimal_study(study="extended", **changes)), encoding="utf-8")
    return file


def test_a_package_adds_an_engine_a_meter_a_metric_and_a_page_with_a_figure(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    """A study runs on its engine, reads its meter and asks for its metric; its page is in the navigation, with its figure."""
    share_drawn(tmp_path_factory, tmp_path)
    environment = package(tmp_path / "packages")
    options = [{"token_s": 0.001}, {"token_s": 0.003}]
    file = write(
        tmp_path,
        configurations=[{"engine": "echo", "options": option} for option in options],
        meters=["battery"],
        hypotheses=[{"id": "H1.0", "question": "RQ1", "metric": "characters_per_s"}],
    )
    done = greenreport(tmp_path, "run", str(file), env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    done = greenreport(tmp_path, "build", env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    study = tmp_path / "site" / "s" / "extended"
    cell = (study / "cells" / "one--echo-cpu-token_s.0.001" / "index.html").read_text(encoding="utf-8")
    assert re.search(r'<th scope="row">Energy</th>\s*<td class="num">[\d.]+<span class="u">\Wm?J<', cell)
    assert "Echo" in cell
    assert '<th scope="row">Characters</th>' in cell
    overview = (study / "index.html").read_text(encoding="utf-8")
    assert "rate of characters" in overview
    assert re.search(r'<a href="[^"]*counts/index.html">Counts</a>', overview)
    page = (study / "counts" / "index.html").read_text(encoding="utf-8")
    assert "Runs of each cell" in page
    assert "Every cell has as many runs" in page
    assert (study / "figures" / "counts.svg").is_file()
    assert greenreport(tmp_path, "check", "site", env=environment).returncode == 0


def test_an_entry_point_that_names_no_row_is_an_error(tmp_path: Path) -> None:
    """It says which one, and what to do; nothing is left out silently."""
    environment = package(tmp_path / "packages", "[greenreport.meters]\nbattery = acme.rows:ENGINE\n")
    done = greenreport(tmp_path, "validate", str(write(tmp_path)), env=environment)
    assert done.returncode != 0
    assert "the entry point 'battery' of greenreport.meters names acme.rows:ENGINE, which is no MeterInfo" in done.stderr


def test_a_row_and_a_field_add_a_load_factor(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> None:
    """With what executes it left out: ids, the plan, sweeps, exclusions, tidy tables and pages take it up."""
    share_drawn(tmp_path_factory, tmp_path)
    tree = tmp_path / "tree"
    for part in ("greenreport", "templates", "studies/prompts"):
        shutil.copytree(ROOT / part, tree / part, ignore=shutil.ignore_patterns("__pycache__"))
    for name, before, added in (
        ("catalog/load_factors.py", "_ROWS = (\n", '    LoadFactor("beams", FactorKind.REQUESTS, "k{:g}", "{:g} beam{s}", "number of beams", "beams (logarithmic)"),\n'),
        ("study/cells.py", '    replicas: Positive = Field(1,', "    beams: Positive = Field(1)\n"),
    ):  # fmt: skip
        file = tree / "greenreport" / name
        text = file.read_text(encoding="utf-8")
        place = text.index(before) + (len(before) if before.endswith("\n") else 0)
        file.write_text(text[:place] + added + text[place:], encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(tree)}
    study = write(
        tmp_path, configurations=[{"engine": "fake"}], sweep={"beams": [1, 2, 4, 8]}, exclude=[{"beams": 8, "reason": "r"}]
    )
    planned = greenreport(tmp_path, "plan", str(study), "--only", "beams=4", env=environment)
    assert "fake-cpu-k4" in planned.stdout, planned.stderr
    assert "fake-cpu-k2" not in planned.stdout
    columns = "model,engine,provider,repetition,metric,value,unit,beams\n"
    rows = [
        f"m,e,cpu,{run},throughput_tokens_per_s,{100 * beams + run},tokens/s,{beams}"
        for beams in (1, 2, 4)
        for run in (1, 2, 3)
    ]
    (tmp_path / "beams.csv").write_text(columns + "\n".join(rows), encoding="utf-8")
    for arguments in (("import", "beams.csv", "--study", "beams"), ("build",)):
        done = greenreport(tmp_path, *arguments, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
    frontier = (tmp_path / "site" / "s" / "beams" / "frontier" / "index.html").read_text(encoding="utf-8")
    assert "m over number of beams" in frontier
    assert "4 beams" in frontier
    assert "beams (logarithmic)" in frontier


def test_a_package_adds_a_scorer(tmp_path: Path) -> None:
    """A study names it, and its answers are judged by it."""
    environment = package(tmp_path / "packages")
    rows = [{"prompt": "Please add.", "answer": "Please"}, {"prompt": "Add!", "answer": "Please"}]
    workload = {"prompts": {"source": "file", "path": "p.jsonl"}, "generation": {"output_tokens": 4}}
    file = write(
        tmp_path,
        workload=workload,
        quality={"scorer": "politeness"},
        protocol={"repetitions": 1, "idle_baseline_s": 0, "cooldown": {"until": "none"}},
    )
    (file.parent / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    done = greenreport(tmp_path, "run", str(file), env=environment)
    assert "2 answers judged: 1 right, 1 wrong" in done.stdout, done.stdout + done.stderr
