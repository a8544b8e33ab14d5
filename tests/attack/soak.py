"""Measure one small study again and again, building its site each time, and show what grows.

``python -m tests.attack.soak --minutes 30`` exits with 1 when open files, threads, processes or temporary files have grown since
the first round, or memory by more than `MEMORY_MB`.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import psutil
import yaml

from greenreport.cli.measuring import open_session, perform
from greenreport.report.build import build
from greenreport.study import Overrides
from tests.attack.conduct import SPAWN
from tests.conftest import minimal_study

#: What allocators and caches of libraries may keep of the work of hours.
MEMORY_MB = 50.0


@dataclass(frozen=True, slots=True)
class Holdings:
    """What this process and those below it hold after a round; `shared` and `cache_files` are shown, but other programs and new figures add to them."""

    memory_mb: float
    open_files: int
    threads: int
    processes: int
    temporary_files: int
    shared: int
    cache_files: int

    def grown(self, first: Holdings) -> list[str]:
        """Return the names of what has grown since the first round."""
        counted = ("open_files", "threads", "processes", "temporary_files")
        more = [name for name in counted if getattr(self, name) > getattr(first, name)]
        return [*more, *(["memory_mb"] if self.memory_mb > first.memory_mb + MEMORY_MB else [])]


def holdings(folder: Path) -> Holdings:
    """Return what is held now."""
    gc.collect()
    process = psutil.Process()
    return Holdings(
        memory_mb=round(process.memory_info().rss / 1e6, 1),
        open_files=process.num_fds(),
        threads=process.num_threads(),
        processes=len(process.children(recursive=True)),
        temporary_files=sum(len(files) for _, _, files in os.walk(folder / "tmp")),
        shared=len(list(Path("/dev/shm").glob("*"))),
        cache_files=sum(len(files) for _, _, files in os.walk(folder / "cache")),
    )


def soak(folder: Path, minutes: float) -> None:
    """Measure and build until the time is over, in a process of its own; end with 1 if something has grown."""
    study = folder / "studies" / "tiny.yaml"
    study.parent.mkdir()
    study.write_text(yaml.safe_dump(minimal_study(configurations=[{"engine": "fake"}], meters=[])), encoding="utf-8")
    names = [field.name for field in fields(Holdings)]
    print(f"{'round':>6}{'minutes':>9}" + "".join(f"{name:>17}" for name in names), flush=True)
    started, shown, rounds = time.monotonic(), 0.0, 0
    first: Holdings | None = None
    while True:
        session = open_session(study, folder / "cache", {}, Overrides(), force=True)
        perform(session, quiet=True)
        build(folder / "studies", folder / "cache", folder / "site", None)
        rounds += 1
        held = holdings(folder)
        passed = (time.monotonic() - started) / 60
        over = passed >= minutes and rounds >= 3
        if rounds == 2:  # the first round imports and opens what stays
            first = held
        if rounds <= 2 or over or passed - shown >= minutes / 10:
            shown = passed
            print(f"{rounds:>6}{passed:>9.1f}" + "".join(f"{getattr(held, name):>17}" for name in names), flush=True)
        if over and first is not None:
            grown = held.grown(first)
            print(f"grown: {', '.join(grown) or 'nothing'}")
            sys.exit(bool(grown))


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak in an empty folder."""
    parser = argparse.ArgumentParser(prog="python -m tests.attack.soak", description="Measure and build again and again.")
    parser.add_argument("--minutes", type=float, default=30.0)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        folder = Path(name)
        (folder / "tmp").mkdir()
        os.environ["TMPDIR"] = str(folder / "tmp")
        process = SPAWN.Process(target=soak, args=(folder, asked.minutes))
        process.start()
        process.join()
        return process.exitcode or 0


if __name__ == "__main__":
    sys.exit(main())
