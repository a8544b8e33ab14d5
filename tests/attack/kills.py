"""SIGKILL at any moment: of `run` and of each process it starts, of `build`, `publish` and `import`; and `run` suspended.

No stored record is lost or repeated, no process is left behind, the next command succeeds, and the site is whole. What the kills
meet is made once for each process of the attack: a study on the fake engine with its first runs, and a site of it.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import duckdb
import yaml

from greenreport.report.check import check_site
from greenreport.workspace import open_store
from tests.attack.trial import COMMAND, Attack, Defeat, Ending, run
from tests.commands import greenreport
from tests.conftest import minimal_study

MARK = "GREENREPORT_ATTACK"
ORPHANS_S = 20.0
TRIALS = 100


@cache
def prepared() -> Path:
    """Return a folder with a study of two runs, one of them stored, its export, and its site."""
    folder = Path(mkdtemp(prefix="attack-kills-"))
    (folder / "studies").mkdir()
    changes = {"configurations": minimal_study()["configurations"][:1]}
    (folder / "studies" / "tiny.yaml").write_text(yaml.safe_dump(minimal_study(**changes), sort_keys=False), encoding="utf-8")
    run(("run", "studies/tiny.yaml", "--repetitions", "1"), folder)
    for arguments in (("export", "studies/tiny.yaml"), ("build", "--quiet")):
        succeed(folder, *arguments)
    shutil.move(folder / "studies" / "tiny" / "results", folder / "exported")
    return folder


def attempt(number: int, folder: Path) -> None:
    """Kill one command, or one of its processes, and look at what is left."""
    shutil.copytree(prepared(), folder, dirs_exist_ok=True)
    chance = random.Random(f"kills:{number}")
    KINDS[number * len(KINDS) // TRIALS](folder, chance)
    wait_for_no_process(folder)
    check_store(folder)
    finish(folder)


def kill_run(folder: Path, chance: random.Random) -> None:
    """Kill `run` itself."""
    process = started(folder, "run", "studies/tiny.yaml", "--repetitions", "3")
    ended_within(process, chance.uniform(0.2, 4.0))
    process.kill()
    process.wait()


def kill_child(folder: Path, chance: random.Random) -> None:
    """Kill one of the processes that `run` has started; the run it belonged to becomes a record, and the others go on."""
    process = started(folder, "run", "studies/tiny.yaml", "--repetitions", "3")
    ended_within(process, chance.uniform(0.2, 4.0))
    children = [pid for pid in marked(folder) if pid != process.pid]
    if children:
        with suppress(ProcessLookupError):
            os.kill(chance.choice(children), signal.SIGKILL)
    try:
        process.wait(40)
    except subprocess.TimeoutExpired:
        process.kill()
        raise Defeat(Ending.HANG, "run went on for 40 s after one of its processes was killed") from None


def suspend_run(folder: Path, chance: random.Random) -> None:
    """Stop `run` for some seconds, as Ctrl-Z does; the processes that measure go on, and so does `run` afterwards."""
    process = started(folder, "run", "studies/tiny.yaml", "--repetitions", "3")
    if not ended_within(process, chance.uniform(0.2, 4.0)):
        process.send_signal(signal.SIGSTOP)
        time.sleep(chance.uniform(0.5, 3.0))
        process.send_signal(signal.SIGCONT)
    if not ended_within(process, 60.0):
        process.kill()
        raise Defeat(Ending.HANG, "run did not end after it was suspended and continued")


def kill_build(folder: Path, chance: random.Random) -> None:
    """Kill `build` while it makes everything again, figures too."""
    shutil.rmtree(folder / "cache" / "figures")
    (folder / "site.yaml").write_text("title: Another\n", encoding="utf-8")
    (folder / "site" / "CNAME").write_text("example.org", encoding="utf-8")
    killed(folder, chance.uniform(0.1, 12.0), "build")


def kill_publish(folder: Path, chance: random.Random) -> None:
    """Kill `publish` while it replaces an earlier copy."""
    shutil.copytree(folder / "site", folder / "public")
    for file in (folder / "public").rglob("*.html"):
        file.write_text("an earlier copy", encoding="utf-8")
    (folder / "public" / "CNAME").write_text("example.org", encoding="utf-8")
    killed(folder, chance.uniform(0.3, 1.5), "publish", "--target", "public")
    succeed(folder, "publish", "--target", "public")
    whole(folder / "public", "public")


def kill_import(folder: Path, chance: random.Random) -> None:
    """Kill `import` of runs that are not in the store yet."""
    (folder / "cache" / "greenreport.duckdb").unlink()
    killed(folder, chance.uniform(0.2, 1.5), "import", "exported")
    succeed(folder, "import", "exported")
    succeed(folder, "import", "exported")


KINDS: tuple[Callable[[Path, random.Random], None], ...] = (
    kill_run,
    kill_child,
    suspend_run,
    kill_build,
    kill_publish,
    kill_import,
)


def succeed(folder: Path, *arguments: str) -> None:
    """Run a command; defeat unless it succeeds."""
    done = greenreport(folder, *arguments, process=True)
    if done.returncode:
        raise Defeat(Ending.LOST, f"greenreport {' '.join(arguments)}: exit {done.returncode}: {done.stderr[-400:]}")


def started(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a command whose processes can be found by a mark in their environment."""
    return subprocess.Popen(
        [*COMMAND, *arguments], cwd=folder, env={**os.environ, MARK: str(folder)}, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def ended_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Give a command some seconds; return whether it ended by itself."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def killed(folder: Path, seconds: float, *arguments: str) -> None:
    """Start a command and kill it after some seconds, unless it has ended."""
    process = started(folder, *arguments)
    ended_within(process, seconds)
    process.kill()
    process.wait()


def marked(folder: Path) -> list[int]:
    """Return the processes that `started` began, and those they began."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={folder}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:  # it has ended, or is somebody else's
            continue
    return found


def wait_for_no_process(folder: Path) -> None:
    """Wait until every process has ended by itself; one that stays is an orphan."""
    deadline = time.monotonic() + ORPHANS_S
    while orphans := marked(folder):
        if time.monotonic() > deadline:
            for orphan in orphans:
                os.kill(orphan, signal.SIGKILL)
            raise Defeat(Ending.HANG, f"{len(orphans)} processes were left behind")
        time.sleep(0.05)


def repetitions(folder: Path) -> Counter[int]:
    """Return how many ok runs the store has of each repetition."""
    with closing(duckdb.connect(str(folder / "cache" / "greenreport.duckdb"))) as connection:
        rows = connection.execute("SELECT repetition FROM runs WHERE kind = 'run' AND outcome = 'ok'").fetchall()
    return Counter(repetition for (repetition,) in rows)


def check_store(folder: Path) -> None:
    """Defeat where the run that was stored before is gone."""
    if repetitions(folder)[1] != 1:
        raise Defeat(Ending.LOST, f"runs by repetition: {dict(repetitions(folder))}; the first was stored before")


def finish(folder: Path) -> None:
    """Perform what is missing and build; defeat unless every run is there once and the site is whole, with files of the user."""
    own = (folder / "site" / "CNAME").is_file()
    if repetitions(folder) != Counter((1, 2, 3)):
        run(("run", "studies/tiny.yaml", "--repetitions", "3"), folder)
    done = repetitions(folder)
    if set(done) != {1, 2, 3}:
        raise Defeat(Ending.LOST, f"after the next run there are {dict(done)}")
    if done.total() > 3:
        raise Defeat(Ending.REPEATED, f"after the next run there are {dict(done)}")
    succeed(folder, "build", "--quiet")
    whole(folder / "site", "site")
    if own and not (folder / "site" / "CNAME").is_file():
        raise Defeat(Ending.LOST, "a file of the user is gone from the site")
    logs = {log.name[:32] for log in (folder / "cache" / "logs").glob("*.log")}
    if dead := logs - open_store(folder / "cache").ids():
        raise Defeat(Ending.LOST, f"{len(dead)} logs without a run were left behind")
    left = [
        path.name
        for path in (*folder.iterdir(), *(folder / "cache" / "figures").iterdir())
        if path.suffix in (".new", ".old", ".part")
    ]
    if left:
        raise Defeat(Ending.LOST, f"left behind: {', '.join(left)}")


def whole(site: Path, name: str) -> None:
    """Defeat where a site is not in order."""
    if problems := check_site(site):
        raise Defeat(Ending.LOST, f"{name}: {problems[0]} and {len(problems) - 1} more")


ATTACK = Attack("kills", TRIALS, attempt, longest_s=300.0)
