"""The page of the audit, of a study's own runs and of imported ones."""

from __future__ import annotations

from pathlib import Path
from random import Random

from greenreport.audit.run_rows import AuditedRun, as_table, row_names
from greenreport.report.filters import code_html
from tests.commands import greenreport

WRAP_J = 65_536


def imported(folder: Path) -> tuple[str, ...]:
    """Import a table of two engines on two tasks, in which one energy holds a wrap and another is negative; return the page of its audit, and that of a study without runs."""
    random = Random(1)
    lines = ["__run_id,engine,task,duration_s,energy_j,cpu_energy_j"]
    for run, (engine, task) in enumerate((e, t) for e in ("<b>fast</b>", "slow") for t in ("sort", "sum")):
        for repetition in range(8):
            energy = random.gauss(1000, 10) * (1 + (engine == "slow"))
            wrapped, negative = (run, repetition) == (1, 3), (run, repetition) == (2, 5)
            lines.append(f"run_{run}_repetition_{repetition},{engine},{task},{random.gauss(20, 0.2):.3f},{WRAP_J - energy if wrapped else energy:.4f},"
                         f"{-4.25 if negative else 0.5 * energy:.4f}")  # fmt: skip
    (folder / "run_table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = greenreport(folder, "import", "run_table.csv", "--study", "wrapped")
    assert done.returncode == 0, done.stderr
    assert "audit: " in done.stdout and "the result" in done.stdout and "see greenreport audit wrapped" in done.stdout
    (folder / "studies").mkdir()
    assert greenreport(folder, "init", "studies/new.yaml").returncode == 0
    assert greenreport(folder, "build").returncode == 0
    pages = {page.parts[-3]: page.read_text(encoding="utf-8") for page in (folder / "site" / "s").glob("*/audit/index.html")}
    return pages.pop("wrapped"), *pages.values()


def test_pages_show_both_answers(tmp_path: Path) -> None:
    """Wraps and negative values that no answer uses are on that of an imported study, with and without; a study without runs lists the rules."""
    html, unrun = imported(tmp_path)
    assert "There are no runs yet to look at." in unrun and "Counter wraps" in unrun
    assert "findings change a result" in html and "<h3>Counter wraps</h3>" in html and "<h3>Negative values</h3>" in html
    assert (
        "<code>Energy</code>" in html
        and "as the file has it" in html
        and "without this row" in html
        and "with the wraps undone" in html
    )
    assert "<b>fast</b>" not in html and "&lt;b&gt;fast&lt;/b&gt;" in html
    assert 'audit/index.html" aria-current="page">Audit</a>' in html
    done = greenreport(tmp_path, "audit", "wrapped")
    assert done.returncode == 1 and "repetition 4" in done.stdout  # counted from 1 where a table counts from 0


def test_runs_become_rows_that_have_names() -> None:
    """Levels and repetition name a row; two metrics with one label keep their keys."""
    rows = [
        AuditedRun({"model": "m", "configuration": name}, repetition, {"gpu_memory_used_b": 1.0, "gpu_memory_used_pct": 2.0, "energy_j": 3.0})
        for name in ("a", "b") for repetition in (1, 2)
    ]  # fmt: skip
    table = as_table("study", rows)
    assert row_names(table) == {1: "a, repetition 1", 2: "a, repetition 2", 3: "b, repetition 1", 4: "b, repetition 2"}
    assert {"gpu_memory_used_b", "gpu_memory_used_pct", "Energy"} <= {column.name for column in table.columns}


def test_names_in_sentences_are_code() -> None:
    """What stands between backticks becomes code, and stays text."""
    assert code_html("29 rows of `<i>` hold") == "29 rows of <code>&lt;i&gt;</code> hold"
