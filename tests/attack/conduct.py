"""Make the trials of an attack in a process of their own, and count how they end."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from tests.attack.attacks import ATTACKS
from tests.attack.trial import MOST_MEMORY_B, Attack, Ending, attempted, most_memory_b

SPAWN = multiprocessing.get_context("spawn")
#: Seconds between two lines that say how far an attack is.
TOLD_EVERY_S = 60
HEADING = f"{'attack':<12}{'tried':>7}" + "".join(f"{ending:>11}" for ending in Ending) + f"{'memory':>10}{'time':>9}"


def numbers(attack: Attack, share: float) -> list[int]:
    """Return the numbers of a share of the trials, one at least, spread over all."""
    count = max(1, round(attack.trials * share))
    return [index * attack.trials // count for index in range(min(count, attack.trials))]


def conduct(attack: Attack, trials: Sequence[int]) -> bool:
    """Make trials in a process of their own, print a line, and every defeat; return whether all were survived."""
    started = told = time.monotonic()
    endings: Counter[Ending] = Counter()
    defeats: list[str] = []
    memory_b, left = 0.0, list(trials)
    while left:
        ours, theirs = SPAWN.Pipe()
        batch = left[: attack.batch]
        process = SPAWN.Process(target=_attacker, args=(theirs, attack.name, batch))
        process.start()
        theirs.close()
        while batch:
            try:
                answered = ours.poll(attack.longest_s)
                number, ending, detail, used_b = ours.recv() if answered else (batch[0], Ending.HANG, "", 0.0)
            except EOFError:
                number, ending, detail, used_b, answered = batch[0], Ending.LOST, "the process of the trial died", 0.0, False
            batch.remove(number)
            left.remove(number)
            endings[ending] += 1
            if time.monotonic() - told > TOLD_EVERY_S:
                told = time.monotonic()
                print(
                    f"  {attack.name}: {endings.total()} of {len(trials)}, {endings[Ending.SURVIVED]} survived", file=sys.stderr
                )
            memory_b = max(memory_b, used_b)
            if ending is not Ending.SURVIVED:
                defeats.append(f"  {attack.name} --only {number}: {ending}: {detail}")
            if not answered:
                break
        if not answered and process.pid is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        ours.close()
        process.join()
    counts = "".join(f"{endings[ending]:>11}" for ending in Ending)
    print(f"{attack.name:<12}{len(trials):>7}{counts}{memory_b / 1e6:>7.0f} MB{time.monotonic() - started:>7.0f} s", flush=True)
    print("\n".join(defeats[:50]), end="\n" if defeats else "", flush=True)
    return not defeats and memory_b <= MOST_MEMORY_B


def _attacker(connection: Connection, name: str, trials: Sequence[int]) -> None:
    os.setsid()
    for number in trials:
        with tempfile.TemporaryDirectory(prefix=f"attack-{name}-", ignore_cleanup_errors=True) as folder:
            ending, detail = attempted(ATTACKS[name], number, Path(folder))
        connection.send((number, ending, detail, most_memory_b()))
