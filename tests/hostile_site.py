"""A study in which every text is an attack, for tests of its site as files and in a browser."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import yaml

from tests import commands
from tests.conftest import minimal_study

#: Markup, a template, a formula of a spreadsheet and a turn of the direction of writing in one short text.
HOSTILE = '"><script>alert(1)</script>{{ 7*7 }}=cmd|\u202e<img src=x onerror=alert(2)>'
MARKUP = '"><script>alert(1)</script><svg onload=alert(2)><img src=x onerror=alert(3)></textarea></title><a href="javascript:alert(4)">x</a>'
COMMENT = "<!--<script>{{ 7*7 }}{% raw %}${alert(5)}</script>\u2028\u202e]]>"
LONG = (MARKUP + "y" * 880) * 100  # more than 100 kB


def load(token_s: float) -> dict[str, float]:
    """Return options of an engine that computes long enough for the kernel to count some CPU time."""
    return {"busy": 1, "token_s": token_s}


def make_hostile_site(folder: Path) -> None:
    """Run the study in a folder, let every model have answered with more than 100 kB of attack, and build the site."""
    base = minimal_study()
    study = minimal_study(
        title=MARKUP,
        description=MARKUP + COMMENT,
        questions={"RQ1": MARKUP},
        models=[base["models"][0] | {"name": MARKUP}],
        configurations=[
            {"engine": "fake", "name": "=" + MARKUP, "options": {"answer": "a"} | load(0.005)},
            {"engine": "fake", "name": COMMENT, "options": {"answer": "b"} | load(0.005)},
            {"engine": "fake", "name": "javascript:alert(6)", "options": {"answer": "a"} | load(0.01)},
        ],
        workload=base["workload"] | {"prompts": {"source": "file", "path": "p.jsonl"}},
        protocol=base["protocol"] | {"repetitions": 3},
        authors=[{"name": MARKUP}],
        cites=[MARKUP],
    )
    (folder / "studies").mkdir()
    (folder / "studies" / "p.jsonl").write_text(json.dumps({"prompt": LONG}) + "\n", encoding="utf-8")
    (folder / "studies" / "hostile.yaml").write_text(yaml.safe_dump(study | {"study": "hostile"}), encoding="utf-8")
    ran = commands.greenreport(folder, "run", "studies/hostile.yaml", "--quiet")
    assert ran.returncode == 0, ran.stderr
    with duckdb.connect(str(folder / "cache" / "greenreport.duckdb")) as connection:
        connection.execute("UPDATE outputs SET text = $1 || sha256", [LONG])
    built = commands.greenreport(folder, "build", "--quiet")
    assert built.returncode == 0, built.stderr
