"""Tests of what happens when standard output or error cannot be written: words are lost, and no run is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from greenreport.cli import measuring
from greenreport.study.analysis_spec import Validity
from tests.commands import greenreport
from tests.conftest import minimal_study

Write = Callable[..., Path]
ROOT = Path(__file__).resolve().parents[1]


def shell(folder: Path, line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of shell, in which `greenreport` is the command line."""
    script = f'greenreport() {{ "{sys.executable}" -m greenreport "$@"; }}\nset -o pipefail\n{line}\n'
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True, timeout=300, check=False, env=env)


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("greenreport validate studies/tiny.yaml > /dev/full", 3, "part of the output could not be written: No space left"),
        ("greenreport schema > /dev/full", 3, "part of the output could not be written: No space left"),
        ("greenreport validate gone.yaml 2> /dev/full", 2, ""),
        ("greenreport schema | head -c 1", 0, ""),
        ("greenreport schema >&-", 0, ""),
        ("greenreport validate gone.yaml 2>&-", 2, ""),
        ("greenreport validate studies/tiny.yaml <&- >&- 2>&-", 0, ""),
        ("greenreport validate studies/tiny.yaml", 0, "valid; 2 cells ? 2 repetitions"),
    ],
    ids=["full", "much and full", "full for errors", "no reader", "closed", "closed for errors", "all closed", "ASCII"],
)
def test_output_that_cannot_be_written_is_no_traceback(
    line: str, code: int, said: str, write_study: Write, tmp_path: Path
) -> None:
    """A full disk is said where it can be; a reader that has gone is no error; ASCII shows a question mark for what it lacks."""
    write_study()
    done = shell(tmp_path, line, PYTHONIOENCODING="ascii")
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert done.returncode == code


@pytest.mark.parametrize(
    "redirect", ["> /dev/full 2> /dev/full", ">&- 2>&- <&-", "| true"], ids=["full", "closed", "no reader"]
)
def test_output_never_ends_a_run(redirect: str, write_study: Write, tmp_path: Path) -> None:
    """All runs are performed and stored; a closed stream's number goes to no other file."""
    write_study(configurations=minimal_study()["configurations"][:1])
    shell(tmp_path, f"greenreport run studies/tiny.yaml {redirect}", PYTHONIOENCODING="ascii")
    done = shell(tmp_path, "greenreport run studies/tiny.yaml")
    assert "nothing to do: all 2 runs are done and ok" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("command", ["doctor", "run studies/tiny.yaml"])
def test_a_package_that_is_not_installed_is_named(command: str, write_study: Write, tmp_path: Path) -> None:
    """Without the extras nothing is measured, and the sentence says what to install."""
    write_study()
    program = (
        f"import sys; sys.modules['httpx'] = None; sys.argv[1:] = {command.split()!r}; from greenreport.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert "error: this needs the package httpx, which is not installed; pip install 'greenreport[all]'" in done.stderr


def test_build_says_that_it_takes_no_study(write_study: Write, tmp_path: Path) -> None:
    """It is the first thing many try."""
    write_study()
    done = greenreport(tmp_path, "build", "studies/tiny.yaml")
    assert done.returncode == 2
    assert "build takes no study file: it makes one site from all studies in a folder" in done.stderr


def test_a_busy_machine_is_named_before_anything_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With how much other programs use, and how much the study allows."""
    monkeypatch.setattr(measuring, "busy_share", lambda seconds: 0.88)
    measuring.warn_of_load(Validity())
    assert "warning: other programs use 88" in (said := capsys.readouterr().err)
    assert "this study allows only 10" in said
    assert "or runs will not count" in said
    measuring.warn_of_load(Validity(admit=("foreign_load",)))
    assert "or the study will answer nothing" in capsys.readouterr().err
    measuring.warn_of_load(Validity(foreign_load=0.9))
    assert capsys.readouterr().err == ""
