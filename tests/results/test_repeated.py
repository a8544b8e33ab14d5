"""Tests of studies that are measured again: their times are found in the store, compared by a command, and shown on a page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from greenreport.plan import Plan
from greenreport.pooling import key_of
from greenreport.record import Environment, Outcome
from greenreport.results import read_study
from greenreport.store import Store
from greenreport.study import Overrides
from greenreport.workspace import open_plan
from tests.commands import Done, greenreport
from tests.conftest import minimal_study
from tests.records import ENVIRONMENT, counter, record

OLD = replace(ENVIRONMENT, key=key_of(ENVIRONMENT))


def changed(**changes: object) -> Environment:
    """Return the environment after a change."""
    made = replace(OLD, **changes)  # type: ignore[arg-type]
    return replace(made, key=key_of(made))


def times(folder: Path, *measured: tuple[str, Environment, float], runs: int = 5) -> Plan:
    """Write a study and a store in which it was measured at these times: (day, environment, factor of the energy)."""
    file = folder / "studies" / "tiny.yaml"
    file.parent.mkdir()
    protocol = minimal_study()["protocol"] | {"repetitions": runs}
    hypotheses = [{"id": "H1.0", "question": "RQ1", "metric": "energy_j"}]
    file.write_text(yaml.safe_dump(minimal_study(protocol=protocol, hypotheses=hypotheses)), encoding="utf-8")
    plan, store = open_plan(file, Overrides()).plan, Store(folder / "cache" / "greenreport.duckdb")
    for day, environment, factor in measured:
        store.append(
            record(
                run_id=f"{day}-{environment.key}-{cell.key}-{repetition}",
                key=cell.key,
                fingerprint=cell.fingerprint,
                repetition=repetition,
                environment=environment,
                started_at=f"{day}T10:00:0{repetition}Z",
                traces=(counter("package-0", 10 * factor * (1 + 0.002 * repetition)),),
            )
            for cell in plan.cells
            for repetition in range(1, runs + 1)
        )
    return plan


def compare(folder: Path, *arguments: str) -> Done:
    """Run the command on the study of a folder."""
    return greenreport(folder, "compare", "studies/tiny.yaml", *arguments)


def test_a_study_measured_again_is_compared_with_itself(tmp_path: Path) -> None:
    """A rise of a tenth is a regression with its own exit code; a bound above it is not; what changed around it is named."""
    times(tmp_path, ("2026-02-01", OLD, 1.0), ("2026-03-01", OLD, 1.0), ("2026-04-01", OLD, 1.1))
    ended = compare(tmp_path, "--since", "previous", "--fail-if", "energy_j > 5 %")
    assert ended.returncode == 5, ended
    assert "2026-03-01 → 2026-04-01" in ended.stdout
    assert "worse: 10 % more energy" in ended.stdout.replace("\u202f", " ").replace("\u2009", " ")
    assert "energy_j > 5 %: 2 regressions in 2 cells" in ended.stdout
    assert compare(tmp_path, "--since", "2026-02-15", "--fail-if", "energy_j > 20 %").returncode == 0
    assert compare(tmp_path, "--since", "previous").returncode == 0


def test_earlier_times_keep_no_traces(tmp_path: Path) -> None:
    """Only the runs that are shown are drawn; a hundred studies of the same cells took most of their time for traces of all the others."""
    times(tmp_path, ("2026-02-01", OLD, 1.0), ("2026-03-01", OLD, 1.0))
    data = read_study(tmp_path / "studies" / "tiny.yaml", tmp_path / "cache")
    assert all(run.rails for cell in data.dataset.cells for run in cell.ok)
    earlier = [run for course in data.courses for period in course.periods for run in period.cell.ok]
    assert len(earlier) == 2 * 2 * 5
    assert not any(run.rails for run in earlier)
    assert {metric for run in earlier for metric in run.observations} >= {"energy_j", "duration_s"}


def test_other_libraries_and_later_runs_are_times_of_their_own(tmp_path: Path) -> None:
    """Equal machines share one time; other hardware is not compared; a failed run and a single one are no time."""
    newer = changed(libraries=(("torch", "2.14.0"),), python="3.12.1")
    plan = times(
        tmp_path, ("2026-02-01", OLD, 1.0), ("2026-03-01", newer, 0.9), ("2026-05-01", changed(cpu_model="Other"), 2.0)
    )
    store = Store(tmp_path / "cache" / "greenreport.duckdb")
    cell = plan.cells[0]
    again = record(key=cell.key, fingerprint=cell.fingerprint, environment=newer, started_at="2026-06-01T10:00:00Z")
    store.append([again, replace(again, run_id="failed", outcome=Outcome.FAILED)])
    courses = read_study(tmp_path / "studies" / "tiny.yaml", tmp_path / "cache").courses
    assert [course.names for course in courses] == [("2026-02-01", "2026-03-01")] * 2
    printed = compare(tmp_path, "--since", "previous")
    assert "changed around it: python 3.11.0 → 3.12.1" in printed.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "nothing to compare with"),
        (("--since", "yesterday"), 2, "write a day such as"),
        (("--since", "2026-13-45"), 2, "write a day such as"),
        (("--since", "2026-03-01", "--fail-if", "joules > 5 %"), 2, "unknown metric"),
        (("studies/tiny.yaml", "--since", "previous"), 2, "leave out the second study"),
        (("--since", "previous"), 3, "no cell of studies/tiny.yaml was measured more than once"),
        (("--since", "2026-01-01"), 3, "before 2026-01-01 and again since"),
        (("studies/tiny.yaml", "--fail-if", "gpu_memory_used_b > 5 %"), 3, "no cell has values"),
    ],
)
def test_what_cannot_be_compared_is_told(tmp_path: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    """A wrong argument is one thing, a study without two times another; neither passes as no regression."""
    times(tmp_path, ("2026-02-01", OLD, 1.0))
    ended = compare(tmp_path, *arguments)
    assert ended.returncode == code, ended
    assert said in ended.stdout + ended.stderr


def test_exported_results_are_what_it_was_before(tmp_path: Path) -> None:
    """A folder of results in the place of the earlier time: as in a repository whose tests measure; other hardware is refused."""
    times(tmp_path, ("2026-02-01", OLD, 1.0))
    assert greenreport(tmp_path, "export", "studies/tiny.yaml").returncode == 0
    exported = tmp_path / "studies" / "tiny" / "results"
    exported.rename(tmp_path / "before")
    (tmp_path / "cache" / "greenreport.duckdb").unlink()
    (tmp_path / "studies" / "tiny.yaml").unlink()
    exported.parent.rmdir()
    (tmp_path / "studies").rmdir()
    times(tmp_path, ("2026-03-01", changed(kernel="6.9"), 1.2))
    ended = compare(tmp_path, "before", "--fail-if", "energy_j > 10 %")
    assert ended.returncode == 5, ended
    assert "kernel 6.1 → 6.9" in ended.stdout
    (tmp_path / "cache" / "greenreport.duckdb").unlink()
    (tmp_path / "studies" / "tiny.yaml").unlink()
    (tmp_path / "studies").rmdir()
    times(tmp_path, ("2026-03-01", changed(cpu_model="Other"), 1.2))
    refused = compare(tmp_path, "before", "--fail-if", "energy_j > 10 %")
    assert refused.returncode == 3
    assert "different hardware" in refused.stderr + refused.stdout


def test_the_page_shows_the_course(tmp_path: Path) -> None:
    """A study measured again has a page with a figure for each metric; a study measured once has none."""
    times(tmp_path, ("2026-02-01", OLD, 1.0), ("2026-03-01", OLD, 1.1))
    assert greenreport(tmp_path, "build", "--base-url", "https://example.org/").returncode == 0
    feed = (tmp_path / "site" / "feed.xml").read_text(encoding="utf-8")
    assert feed.count("energy is worse") == 2
    assert "s/tiny/history/#fig-history-energy-j" in feed
    page = (tmp_path / "site" / "s" / "tiny" / "history" / "index.html").read_text(encoding="utf-8")
    assert "2026-02-01" in page
    assert 'id="fig-history-energy-j"' in page
    assert greenreport(tmp_path, "check").returncode == 0
