"""Runs made invalid on purpose, from the fault to the page that explains it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import greenreport
from greenreport.report.context import study_context
from greenreport.report.pages import study_pages
from greenreport.report.render import Renderer
from greenreport.report.templates import templates_folder
from greenreport.study import Site
from tests.conftest import minimal_study
from tests.sharing import share_drawn

Command = Callable[..., Any]
Write = Callable[..., Path]

STEPS = 400  # of a tenth of a second: longer than any of these runs


def recording(tmp_path: Path, name: str, *, until_s: float = STEPS / 10, clock: list[float] | None = None) -> dict[str, Any]:
    """Write a recording of 20 W (and of the wall clock) and return the meter that plays it."""
    steps = [step / 10 for step in range(int(until_s * 10) + 1)]
    channels: list[dict[str, Any]] = [
        {
            "domain": "package-0",
            "quantity": "energy",
            "kind": "counter",
            "unit": "J",
            "method": "measured",
            "t_s": steps,
            "value": [20 * at for at in steps],
        }
    ]
    if clock is not None:
        channels.append(
            {
                "domain": "machine",
                "quantity": "clock_offset",
                "kind": "gauge",
                "unit": "s",
                "method": "measured",
                "t_s": steps[: len(clock)],
                "value": clock,
            }
        )
    folder = tmp_path / "studies"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps({"greenreport": "recording/1", "channels": channels}))
    return {"replay": {"path": f"{name}.json"}}


def protocol(**changes: Any) -> dict[str, Any]:
    """Return a protocol of one repetition."""
    return minimal_study()["protocol"] | {"repetitions": 1} | changes


def workload(prompts: int) -> dict[str, Any]:
    """Return a workload of so many prompts."""
    return minimal_study()["workload"] | {"prompts": {"source": "builtin", "count": prompts, "seed": 1}}


def fake(token_s: float, **more: Any) -> dict[str, Any]:
    """Return a configuration of the fake engine."""
    return {"engine": "fake", "options": {"token_s": token_s} | more}


def explained(tmp_path: Path, study: str) -> str:
    """Return the text of the study's validity page."""
    analysis = greenreport.load(tmp_path / "studies" / f"{study}.yaml", tmp_path / "cache")
    page = next(page for page in study_pages(study_context(study, analysis), "") if page.section == "validity")
    html = Renderer([templates_folder()], tmp_path / "drawn", Site()).pages([page], {})[page.path].decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_a_meter_that_dies(
    command: Command, write_study: Write, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    """The counter falls silent in the window: invalid, excluded, explained, and pending again."""
    share_drawn(tmp_path_factory, tmp_path)
    meter = recording(tmp_path, "dies", until_s=2.5)
    file = write_study(
        "dies", configurations=[fake(0.03)], protocol=protocol(), workload=workload(12), meters=["utilisation", meter]
    )
    assert "0 of 1 runs ok; 1 invalid" in command("run", str(file), check=1).stdout
    command("build", "--quiet")
    text = explained(tmp_path, "dies")
    assert "an energy meter was silent" in (tmp_path / "site" / "s" / "dies" / "validity" / "index.html").read_text(
        encoding="utf-8"
    )
    assert "1 of 1 runs does not count" in text
    assert "an energy meter was silent for too long, or stopped before the window did" in text
    assert "replay package-0: the samples do not span the window" in text
    assert "failed" in command("plan", str(file)).stdout


def test_a_loaded_machine(command: Command, write_study: Write, tmp_path: Path) -> None:
    """Other programs on every CPU: invalid, with their share; admitted by the study, the same run counts."""
    rules = {"foreign_load": 0.3}
    sections: dict[str, Any] = {"configurations": [fake(0.02)], "protocol": protocol(), "workload": workload(8)}
    file = write_study("loaded", **sections, validity=rules)
    spin = [sys.executable, "-c", "import os\nos.nice(19)  # what the run itself needs, it gets\nwhile True: pass"]
    others = [subprocess.Popen(spin) for _ in range(os.cpu_count() or 1)]
    try:
        command("run", str(file), "--quiet", check=1)
    finally:
        for other in others:
            other.kill()
            other.wait()
    text = explained(tmp_path, "loaded")
    assert "1 of 1 runs does not count" in text
    assert re.search(r"other programs used [\d.]+% of all CPUs during window \(at most 30%\)", text)
    assert "1 pending" in command("plan", str(file)).stdout
    admitted = write_study("loaded", **sections, validity=rules | {"admit": ["foreign_load"]})
    assert "0 pending" in command("plan", str(admitted), "--recheck").stdout
    assert "The run passed every check that can exclude a run" in explained(tmp_path, "loaded")


@pytest.mark.alone
def test_a_clock_that_is_set(command: Command, write_study: Write, tmp_path: Path) -> None:
    """The recorded wall clock jumps by two seconds in the window, so the instrument's samples cannot be placed."""
    meter = recording(tmp_path, "jumps", clock=[0.0] * 15 + [2.0] * 100)
    file = write_study(
        "jumps", configurations=[fake(0.03)], protocol=protocol(), workload=workload(8), meters=["utilisation", meter]
    )
    assert "1 invalid" in command("run", str(file), check=1).stdout
    assert "the wall clock moved by 2.00 s during the run, and replay goes by it" in explained(tmp_path, "jumps")


def test_calibration_runs_four_conditions_and_the_page_tells_what_they_found(
    command: Command, write_study: Write, tmp_path: Path
) -> None:
    """Twelve runs of a kind of their own: the study's own runs and tests do not see them."""
    file = write_study("calm", configurations=[fake(0.005)], protocol=protocol(repetitions=3), workload=workload(6))
    printed = command("calibrate", str(file), "--repetitions", "3", "--quiet").stdout
    assert re.search(r"Cost of the meters: execution time changes by [+−]\d", printed)
    assert "Smallest detectable difference" in printed
    assert "3 pending" in command("plan", str(file)).stdout
    command("run", str(file), "--quiet")
    text = explained(tmp_path, "calm")
    assert "Calibration on this machine" in text
    assert "one/fake-cpu-token_s.0.005, at least 3 runs under each condition" in text
    assert "All 3 runs passed every check that can exclude a run" in text
    command("export", str(file))
    assert "imported 15 runs" in command("import", "studies/calm/results", "--cache", "elsewhere").stdout
