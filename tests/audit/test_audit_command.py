"""`greenreport audit`: files, studies and imported tables; words, JSON and exit codes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from random import Random

import pytest

from greenreport.results import load_dataset, runs_table
from greenreport.units import THIN
from tests.commands import greenreport
from tests.conftest import ROOT

WRAPPED = 12


@pytest.fixture
def run_table(tmp_path: Path) -> Path:
    """A run table of experiment-runner in which one of 40 energies holds a counter wrap."""
    lines = ["__run_id,__done,engine,duration,energy_J,cpu_usage"]
    random = Random(1)
    for row in range(40):
        energy = random.gauss(1000, 10) * (1 + row // 20)
        value = 65_536 - energy if row == WRAPPED else energy
        lines.append(
            f"run_{row // 20}_repetition_{row % 20},DONE,{'ab'[row // 20]},{20 + row % 7 / 10},{value:.4f},{50 + row * 7 % 11}"
        )
    file = tmp_path / "run_table.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def test_a_file_with_a_wrap(run_table: Path) -> None:
    """The finding names the line, the counter, both answers and what to do; the exit code is 1."""
    done = greenreport(run_table.parent, "audit", "run_table.csv")
    assert (done.returncode, done.stderr) == (1, "")
    text = done.stdout.replace(THIN, " ")
    assert text.startswith("run_table.csv: 40 rows in 2 groups, looked at by ")
    assert "[changes the result] Counter wraps (counter-wrap)" in text and f"  Line {WRAPPED + 2}.\n" in text
    assert "The counter begins again after 65,536 J" in text
    assert "as the file has it: b is better than a by a factor of " in text
    assert (
        "without this row: a is better than b by a factor of 2.00" in text
        and "with the wraps undone: a is better than b" in text
    )
    assert "What to do: Leave the rows out, or declare the counter's range" in text


def test_the_same_as_json(run_table: Path) -> None:
    """Numbers, lines and answers are values, none of them NaN."""
    done = greenreport(run_table.parent, "audit", "run_table.csv", "--json")
    document = json.loads(done.stdout, parse_constant=pytest.fail)
    (wrap,) = [finding for finding in document["findings"] if finding["rule"] == "counter-wrap"]
    assert (wrap["severity"], wrap["lines"], wrap["columns"]) == ("changes the result", [WRAPPED + 2], ["energy_J"])
    assert {item["name"]: item["value"] for item in wrap["evidence"]}["counter range"] == 65_536
    assert (wrap["effect"]["as_is"]["best"], [answer["best"] for answer in wrap["effect"]["instead"]]) == ("b", ["a", "a"])
    assert "littles-law" in document["idle"] and "counter-wrap" in document["applied"]


def test_a_clean_file_ends_with_0(run_table: Path) -> None:
    """Nothing changes the result, and the rules that had nothing to look at are named."""
    lines = run_table.read_text(encoding="utf-8").splitlines()
    del lines[WRAPPED + 1]
    run_table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = greenreport(run_table.parent, "audit", "run_table.csv")
    assert done.returncode == 0 and "changes the result]" not in done.stdout and "rules had nothing to look at" in done.stdout


def test_a_study_is_audited_by_its_runs(tmp_path: Path) -> None:
    """Rows are named by what tells runs apart."""
    for name in ("precision-cpu.yaml", "precision-cpu", "code-slm-cpu.yaml", "prompts"):
        source = ROOT / "studies" / name
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, tmp_path / name)
    done = greenreport(tmp_path, "audit", "precision-cpu.yaml", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["rows"], document["groups"]) == (35, 7)
    (missing,) = [finding for finding in document["findings"] if finding["columns"] == ["Prefill energy"]]
    assert len(missing["runs"]) == 30 and "repetition 1" in missing["runs"][0]
    table = runs_table(load_dataset(tmp_path / "precision-cpu.yaml", tmp_path / "cache"))
    assert table.metric("energy_j") is not None and table.metric("output_tokens") is not None


@pytest.mark.parametrize(
    ("source", "words"),
    [("none.csv", "cannot be read"), ("nothing", "nothing"), ("text.csv", "text.csv"), ("none.yaml", "none.yaml")],
)
def test_what_cannot_be_audited_is_refused(tmp_path: Path, source: str, words: str) -> None:
    """A missing file, an unknown study and a file without columns end with 2 and a sentence."""
    (tmp_path / "text.csv").write_text("no table\n", encoding="utf-8")
    done = greenreport(tmp_path, "audit", source)
    assert done.returncode == 2 and words in done.stderr, done


def test_a_table_in_which_nothing_is_a_metric_says_how_to_name_one(tmp_path: Path) -> None:
    """“No finding” alone would read as praise."""
    (tmp_path / "t.csv").write_text("a,b\n1,x\n", encoding="utf-8")
    done = greenreport(tmp_path, "audit", "t.csv")
    assert done.returncode == 0
    assert "No column is known as a metric" in done.stdout and "--suggest" in done.stdout
    refused = greenreport(tmp_path, "import", "t.csv", "--study", "x")
    assert refused.returncode == 2 and "--suggest > mapping.yaml" in refused.stderr
