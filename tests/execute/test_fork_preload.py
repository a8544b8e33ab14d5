"""Tests of the process that servers are forked from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

#: Prints what a forked process finds in its environment, before and after it is made a worker, and what its parent has.
TELL = """
import os
from pathlib import Path
from greenreport.execute.processes import Launcher
from greenreport.execute.process_entry import isolate

NAME = "PYTORCH_NVML_BASED_CUDA_CHECK"


def tell(connection, log):
    before = os.environ.get(NAME)
    isolate(log, {})
    connection.send([before, os.environ.get(NAME)])


if __name__ == "__main__":
    launcher = Launcher(fork_servers=True, engines=False)
    launcher.warm()
    child = launcher.start("telling", launcher.servers, tell, Path("log"))
    print(child.receive(list, 60.0), os.environ.get(NAME))
    child.stop()
"""


def test_asking_for_gpus_starts_no_cuda_where_others_are_forked_from(tmp_path: Path) -> None:
    """The fork server asks NVML; a worker asks CUDA itself, and so do programs the parent starts."""
    script = tmp_path / "tell.py"
    script.write_text(TELL, encoding="utf-8")
    done = subprocess.run([sys.executable, script.name], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split("\n")[0] == "['1', None] None"
