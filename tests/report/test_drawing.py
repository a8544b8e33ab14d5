"""Processes that draw charts: they end with the command, however it ends, and one that is killed ends one study alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import psutil
import pytest

from greenreport.report.drawing.vega import FEW, Drawing, Drawings, _processes

SPEC = json.dumps({"data": {"values": [{"a": 1}]}, "mark": "point", "encoding": {"x": {"field": "a", "type": "quantitative"}}})

DRAWS_AND_IS_KILLED = """
import os, signal, sys
from pathlib import Path
from tests.report.test_drawing import charts, draw_all
import psutil
if __name__ == "__main__":
    draw_all(charts(Path(sys.argv[1])))
    print(*(child.pid for child in psutil.Process().children() if "spawn_main" in " ".join(child.cmdline())), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def charts(folder: Path) -> list[Drawing]:
    """Return more charts than one process draws."""
    return [Drawing(SPEC, None, folder / f"{number}") for number in range(FEW + 1)]


def draw_all(drawings: list[Drawing]) -> None:
    """Draw charts, one after the other as pages give them."""
    wanted = Drawings()
    for drawing in drawings:
        wanted.add([drawing])
    wanted.finish()


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one processor draws in one process")
def test_processes_that_draw_end_when_their_command_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "draws.py"
    script.write_text(DRAWS_AND_IS_KILLED, encoding="utf-8")
    paths = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, str(script), str(tmp_path / "figures")]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=False, timeout=120, env={**os.environ, "PYTHONPATH": paths}
    )
    assert done.returncode == -signal.SIGKILL
    pids = [int(pid) for pid in done.stdout.split()]
    assert pids
    assert all((tmp_path / "figures" / f"{number}.svg").is_file() for number in range(FEW + 1))
    left = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    _, alive = psutil.wait_procs(left, timeout=30)
    assert alive == []


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one processor draws in one process")
def test_processes_that_draw_run_nothing_of_the_current_folder(tmp_path: Path) -> None:
    """A folder of somebody's studies may hold a `socket.py`; processes that begin with ``-c`` would import it."""
    script, hostile = tmp_path / "draws.py", tmp_path / "hostile"
    script.write_text(DRAWS_AND_IS_KILLED.partition("    print(")[0], encoding="utf-8")
    hostile.mkdir()
    for name in ("multiprocessing", "socket", "signal", "pickle"):
        (hostile / f"{name}.py").write_text("import pathlib; pathlib.Path('ran').touch()", encoding="utf-8")
    paths = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "figures")], cwd=hostile, capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not (hostile / "ran").exists()


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one processor draws in one process")
def test_an_interrupt_from_the_terminal_is_the_command_s_affair(tmp_path: Path) -> None:
    """It reaches every process of the terminal; those that draw printed a traceback each and were gone."""
    draw_all(charts(tmp_path / "first"))
    for process in _processes()._processes.values():
        os.kill(process.pid, signal.SIGINT)
    draw_all(charts(tmp_path / "second"))
    assert all(drawing.complete for drawing in charts(tmp_path / "second"))


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one processor draws in one process")
def test_charts_of_a_study_that_failed_are_not_begun(tmp_path: Path) -> None:
    drawings = [Drawing(SPEC, None, tmp_path / f"{number}") for number in range(300)]
    with Drawings() as wanted:  # nobody waits for them
        wanted.add(drawings)
    _processes().submit(int).result(timeout=60)
    assert sum(drawing.complete for drawing in drawings) < 100


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one processor draws in one process")
def test_a_process_that_was_killed_is_replaced_for_the_next_study(tmp_path: Path) -> None:
    draw_all(charts(tmp_path / "first"))
    for process in list(_processes()._processes.values()):
        process.kill()
        process.join()
    with pytest.raises(BrokenProcessPool):
        draw_all(charts(tmp_path / "second"))
    draw_all(charts(tmp_path / "second"))
    assert all(drawing.complete for drawing in charts(tmp_path / "second"))


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one processor draws in one process")
def test_charts_lie_where_they_are_asked_for_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes stay for the next site, which may lie elsewhere; paths of its cache are relative."""
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        draw_all(charts(Path("figures")))
        assert all((tmp_path / name / "figures" / f"{number}.svg").is_file() for number in range(FEW + 1))


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one processor draws in one process")
def test_a_command_that_drew_ends_without_a_word(tmp_path: Path) -> None:
    script = tmp_path / "draws.py"
    script.write_text(DRAWS_AND_IS_KILLED.partition("    print(")[0], encoding="utf-8")
    paths = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "figures")], capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
