"""Disks that are full, read-only or absent, while studies are run, imported, exported and analysed.

Where small file systems cannot be mounted, a limit on the size of files stands for a full disk.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from greenreport.store import Store, published
from greenreport.workspace import STORE_FILE
from tests.attack.made_results import STUDY, made_folder, stored
from tests.attack.trial import Attack, Defeat, Ended, Ending, run

CSV = "model,engine,provider,repetition,metric,value,unit\n"


@dataclass(frozen=True, slots=True)
class Disk:
    """A place that is full beyond some bytes: a small file system, or any folder with a limit on the size of files."""

    folder: Path
    bytes: int

    @contextmanager
    def mounted(self) -> Iterator[bool]:
        """Mount it; give whether that was possible."""
        self.folder.mkdir()
        options = f"size={self.bytes}"
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", self.folder], capture_output=True, check=False)
        try:
            yield done.returncode == 0
        finally:
            if done.returncode == 0:
                subprocess.run(["umount", "-l", self.folder], check=True)


@contextmanager
def limited(size: int, *, active: bool) -> Iterator[None]:
    """Let no file of this process and its children grow beyond a size."""
    if not active:
        yield
        return
    before, ignored = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def full(command: Callable[[Path, Path], Ended], size: int, folder: Path) -> None:
    """Give a command a cache on a disk of some bytes; then the disk has space again, and the same command works."""
    shutil.copytree(made_folder() / "studies", folder / "studies")
    rows = (f"m{model},e,cpu,{repetition},energy_j,1.5,J\n" for model in range(20) for repetition in range(1, 501))
    (folder / "t.csv").write_text(CSV + "".join(rows), encoding="utf-8")
    disk = Disk(folder / "disk", size)
    with disk.mounted() as mounted:
        with limited(size, active=not mounted):
            command(folder, disk.folder / "cache")
        if mounted:
            subprocess.run(["mount", "-o", "remount,size=512m", disk.folder], check=True, capture_output=True)
        kept = len(Store(disk.folder / "cache" / STORE_FILE).index())
        again = command(folder, disk.folder / "cache")
        if again.code != 0 or len(Store(disk.folder / "cache" / STORE_FILE).index()) < kept:
            raise Defeat(Ending.LOST, f"after the disk had space again (exit {again.code}): {again.output[-300:]}")


def performs(folder: Path, cache: Path) -> Ended:
    """Run a study."""
    return run(["run", f"studies/{STUDY}.yaml", "--cache", str(cache)], folder)


def imports(folder: Path, cache: Path) -> Ended:
    """Import exported results."""
    return run(["import", str(made_folder() / "results"), "--cache", str(cache)], folder)


def imports_table(folder: Path, cache: Path) -> Ended:
    """Import a table."""
    return run(["import", "t.csv", "--study", "there", "--cache", str(cache)], folder)


def builds(folder: Path, cache: Path) -> Ended:
    """Build the site of results that are there."""
    if not cache.exists():
        shutil.copytree(made_folder() / "results", folder / "studies" / STUDY / "results")
    return run(["build", "--cache", str(cache)], folder)


def full_export(size: int, folder: Path) -> None:
    """Export to a disk that is full; an export that is there already stays whole."""
    disk = Disk(folder / "disk", size)
    with disk.mounted() as mounted:
        stored(folder)
        shutil.copytree(folder / "studies", disk.folder / "studies")
        results = disk.folder / "studies" / STUDY / "results"
        with limited(size, active=not mounted):
            for _ in range(2):
                run(["export", f"disk/studies/{STUDY}.yaml"], folder)
                if (results / "runs.parquet").is_file() and (found := published(results)) is not None:
                    list(found.records([row.run_id for row in found.index()]))


def read_only(command: str, folder: Path) -> None:
    """Ask for something where nothing can be written."""
    disk = Disk(folder / "disk", 64_000_000)
    with disk.mounted() as mounted:
        if mounted:
            stored(disk.folder)
            subprocess.run(["mount", "-o", "remount,ro", disk.folder], check=True, capture_output=True)
            ended = run([*command.split(), "--cache", "disk/cache"], folder)
            if command.startswith(("plan", "analyse")) and ended.code != 0:
                raise Defeat(Ending.LOST, f"what only reads needs no space: {ended.output[-300:]}")


def in_the_way(kind: str, folder: Path) -> None:
    """Put something in the place of the cache or of a folder in it."""
    shutil.copytree(made_folder() / "studies", folder / "studies")
    cache = folder / "cache"
    if kind == "file":
        cache.touch()
    elif kind == "dangling link":
        cache.symlink_to("nowhere/at/all")
    else:
        cache.mkdir()
        (cache / kind).touch()
    run(["run", f"studies/{STUDY}.yaml"], folder)
    run(["plan", f"studies/{STUDY}.yaml"], folder)


def without(place: str, folder: Path) -> None:
    """Run a study where temporary files, or shared memory, cannot be made."""
    shutil.copytree(made_folder() / "studies", folder / "studies")
    if place == "TMPDIR":
        ended = run(["run", f"studies/{STUDY}.yaml"], folder, environment={"TMPDIR": str(folder / "none")})
    else:
        command = "mount -t tmpfs -o ro none /dev/shm && exec python -m greenreport run"
        mounting = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False)
        if mounting.returncode != 0:
            return
        done = subprocess.run(
            ["unshare", "-m", "bash", "-c", f"{command} studies/{STUDY}.yaml"], cwd=folder, capture_output=True, text=True, check=False,
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        )  # fmt: skip
        ended = Ended(done.returncode, done.stdout + done.stderr, 0.0)
    if ended.code != 0:
        raise Defeat(Ending.LOST, ended.output[-300:])


FAULTS: tuple[Callable[[Path], None], ...] = (
    *(partial(full, performs, size) for size in (16_000, 200_000, 1_000_000, 4_000_000)),
    *(partial(full, imports, size) for size in (16_000, 600_000, 1_000_000, 1_500_000)),
    *(partial(full, imports_table, size) for size in (16_000, 600_000)),
    *(partial(full, builds, size) for size in (16_000, 600_000, 3_000_000)),
    *(partial(full_export, size) for size in (12_000, 60_000)),
    *(partial(read_only, f"{command} disk/studies/{STUDY}.yaml") for command in ("run", "plan", "analyse", "export")),
    *(partial(in_the_way, kind) for kind in ("file", "dangling link", "logs", "run.lock")),
    *(partial(without, place) for place in ("TMPDIR", "/dev/shm")),
)  # fmt: skip


def attempt(number: int, folder: Path) -> None:
    """Make one of the faults."""
    FAULTS[number](folder)


ATTACK = Attack("disks", len(FAULTS), attempt, longest_s=300.0)
