"""Tests of the process that servers are forked from."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

#: Prints what a forked process finds in its environment, before and after it is made a worker, and what its parent has.
TELL = """
import os
from pathlib import Path
from greenreport.execute.processes import Launcher
from greenreport.execute.process_entry import isolate
from greenreport.study import field_types

NAME = "PYTORCH_NVML_BASED_CUDA_CHECK"


def tell(connection, log):
    before = os.environ.get(NAME)
    isolate(log, {})
    connection.send([before, os.environ.get(NAME), field_types.HANDED_STUDIES])


if __name__ == "__main__":
    launcher = Launcher(fork_servers=True, engines=False)
    launcher.warm()
    child = launcher.start("telling", launcher.servers, tell, Path("log"))
    print(child.receive(list, 60.0), os.environ.get(NAME), field_types.HANDED_STUDIES)
    child.stop()
"""


def test_asking_for_gpus_starts_no_cuda_where_others_are_forked_from(tmp_path: Path) -> None:
    """The fork server asks NVML; a worker asks CUDA itself, and so do programs the parent starts. Only the parent checks studies."""
    script = tmp_path / "tell.py"
    script.write_text(TELL, encoding="utf-8")
    done = subprocess.run([sys.executable, script.name], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split("\n")[0] == "['1', None, True] None False"


STARTS = """
import os
from greenreport.execute.processes import Launcher

def told(connection):
    connection.send(os.environ.get("PYTHONSAFEPATH"))

if __name__ == "__main__":
    launcher = Launcher(fork_servers=False, engines=False)
    launcher.warm()
    for context in (launcher.forked, launcher.servers):
        child = launcher.start("test", context, told)
        print(child.connection.recv(), flush=True)
        child.process.join()
"""


def test_processes_of_a_run_import_nothing_from_the_current_folder(tmp_path: Path) -> None:
    """It may hold somebody's files; programs that a process starts later look where they always do."""
    (tmp_path / "starts.py").write_text(STARTS, encoding="utf-8")
    hostile = tmp_path / "hostile"
    hostile.mkdir()
    for name in ("multiprocessing", "socket", "signal", "pickle"):
        (hostile / f"{name}.py").write_text("import pathlib; pathlib.Path('ran').touch()", encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    done = subprocess.run(
        [sys.executable, str(tmp_path / "starts.py")], cwd=hostile, capture_output=True, text=True, check=False, timeout=120,
        env=environment | {"PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "None\nNone\n"), done.stderr
    assert not (hostile / "ran").exists()
