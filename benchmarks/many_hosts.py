"""Time of a study on three hosts ÷ on one: 100 runs of 3 s in 25 blocks (aim: at most 0.40; a third is 0.33, and 9 of 25 blocks are 0.36).

The hosts are processes of this machine. Runs of the fake engine sleep, so that three at once do not compete for its CPUs.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from tests.conftest import minimal_study

CELLS, HOSTS = 4, ("a", "b", "c")


def main(*, small: bool = False) -> None:
    repetitions, token_s = (3, 0.001) if small else (25, 0.07)
    configurations = [{"engine": "fake", "options": {"token_s": token_s * (1 + place / 1000)}} for place in range(CELLS)]
    study = minimal_study(configurations=configurations)
    study["protocol"] |= {"repetitions": repetitions}
    times = {}
    with tempfile.TemporaryDirectory() as name:
        for hosts in (HOSTS[:1], HOSTS):
            folder = Path(name) / str(len(hosts))
            folder.mkdir()
            (folder / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
            started = {"hosts": list(hosts), "start": ["env", f"GREENREPORT_HOST={name}-{{host}}"]}
            command = {"command": {**started, "python": sys.executable, "folder": str(folder / "host")}}
            # The three share one machine, so their controls tell nothing.
            (folder / "cluster.yaml").write_text(yaml.safe_dump(command | {"control_drift": None}), encoding="utf-8")
            start = time.perf_counter()
            run = [sys.executable, "-m", "greenreport", "run", "study.yaml", "--cluster", "cluster.yaml", "--quiet"]
            subprocess.run(run, cwd=folder, check=True)
            times[len(hosts)] = time.perf_counter() - start
            print(
                f"{CELLS * repetitions} runs on {len(hosts)} host{'s'[: len(hosts) - 1]}: {times[len(hosts)]:.1f} s", flush=True
            )
    print(f"three hosts ÷ one: ratio {times[3] / times[1]:.2f}")
