"""What measuring costs: the sampling process of greenreport, beside codecarbon and zeus on the same machine.

Run from the repository: ``python -m benchmarks.profiler_overhead``. codecarbon and zeus are no dependencies; to have them in
the table, install them into an environment of their own and name its interpreter::

    python -m venv /tmp/tools && /tmp/tools/bin/pip install codecarbon zeus
    python -m benchmarks.profiler_overhead --tools /tmp/tools/bin/python

Two figures for each: the CPU time of the measuring processes as a share of one core, and the slowdown of a program that keeps a
core busy when the tool has to share that core with it, which is the worst case: with a core to spare it is smaller. The second
is paired: each pair runs the same work once with the tool sampling and once with it stopped (SIGSTOP), in random order; the
table has the median over pairs with a percentile bootstrap interval. Where the machine has no GPU or no RAPL, a stand-in is read
in their place (see tests/fake_nvml.py), so that the same code runs; the last lines say so.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import psutil

from greenreport.errors import MeterUnavailable
from greenreport.meters.nvidia_gpus import initialise
from greenreport.meters.rapl import ROOT_VARIABLE, Rapl
from greenreport.meters.sampler import Opened, Recorded, Stop, Watch, sampler_main
from greenreport.study import meter_use

METERS = ("rapl", "nvml", "utilisation")
SETTLE_S = 0.3
SMALL = ("--pairs", "2", "--work-s", "0.05", "--idle-s", "0.5")
CODECARBON = """
import sys
from codecarbon import OfflineEmissionsTracker
options = {{"country_iso_code": "ESP", "save_to_file": False, "log_level": "critical", **{options}}}
tracker = OfflineEmissionsTracker(**options)
tracker.start()
print("sampling", flush=True)
sys.stdin.read()
"""
ZEUS = """
import sys
from zeus.monitor import PowerMonitor
if __name__ == "__main__":
    monitor = PowerMonitor(**{options})
    print("sampling", flush=True)
    sys.stdin.read()
"""


@contextmanager
def our_sampler(interval_s: float) -> Iterator[int]:
    """Run the sampling process as the runner does; yield its process id."""
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe()
    uses = tuple(meter_use(name=name) for name in METERS)
    process = context.Process(target=sampler_main, args=(theirs, uses, interval_s))
    process.start()
    theirs.close()
    opened = ours.recv()
    assert isinstance(opened, Opened)
    assert not opened.missing, opened.missing
    ours.send(Watch((os.getpid(),)))
    try:
        yield int(process.pid or 0)
    finally:
        ours.send(Stop())
        recorded = ours.recv()
        assert isinstance(recorded, Recorded)
        assert recorded.traces
        process.join()


@contextmanager
def other_tool(python: str, script: str) -> Iterator[int]:
    """Run another tool in a process of its own; yield its process id."""
    with tempfile.NamedTemporaryFile("w", suffix=".py") as file:
        file.write(script)
        file.flush()
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            [python, file.name], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, start_new_session=True
        )
        assert process.stdout is not None
        try:
            if "sampling\n" not in iter(process.stdout.readline, ""):
                raise RuntimeError("did not start")
            yield process.pid
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def tree(pid: int) -> list[psutil.Process]:
    """Return a process and its descendants."""
    return [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]


def cpu_share_pct(pid: int, seconds: float) -> float:
    """Return the CPU time of a process tree in percent of one core."""

    def spent() -> float:
        return sum(sum(process.cpu_times()[:2]) for process in tree(pid))

    before, begun = spent(), time.perf_counter()
    time.sleep(seconds)
    return 100 * (spent() - before) / (time.perf_counter() - begun)


def work(blocks: int) -> float:
    """Keep a core busy with a fixed amount of work; return how long it took in seconds."""
    data = bytes(1 << 16)
    begun = time.perf_counter()
    for _ in range(blocks):
        hashlib.sha256(data).digest()
    return time.perf_counter() - begun


def calibrated(seconds: float) -> int:
    """Return the number of blocks that take about so long."""
    work(1000)
    return max(1, round(1000 * seconds / min(work(1000) for _ in range(5))))


def slowdowns(pid: int, pairs: int, blocks: int, dice: random.Random) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return for each pair how much longer the work took with the tool sampling, as a fraction."""

    def timed(sampling: bool) -> float:
        for process in tree(pid):
            process.send_signal(signal.SIGCONT if sampling else signal.SIGSTOP)
        time.sleep(SETTLE_S)
        return work(blocks)

    ratios = []
    allowed = os.sched_getaffinity(0)
    core = max(allowed)
    for process in tree(pid):
        for thread in Path(f"/proc/{process.pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {core})
    os.sched_setaffinity(0, {core})
    for _ in range(pairs):
        order = [True, False]
        dice.shuffle(order)
        took = {sampling: timed(sampling) for sampling in order}
        ratios.append(took[True] / took[False] - 1)
    os.sched_setaffinity(0, allowed)
    for process in tree(pid):
        process.send_signal(signal.SIGCONT)
    return np.array(ratios)


def measured(pid: int, arguments: argparse.Namespace, blocks: int) -> str:
    """Return both figures of a tool that is sampling, as cells of the table."""
    time.sleep(2)
    share = cpu_share_pct(pid, arguments.idle_s)
    ratios = 100 * slowdowns(pid, arguments.pairs, blocks, random.Random(1))
    samples = np.random.default_rng(1).choice(ratios, (10_000, len(ratios)))
    low, high = np.percentile(np.median(samples, axis=1), [2.5, 97.5])
    return f"{share:.2f} % | {np.median(ratios):+.2f} % ({low:+.2f} … {high:+.2f})"


def stand_ins(stack: ExitStack) -> list[str]:
    """Put a stand-in where the machine lacks a sensor, for this process and its children; say which."""
    notes = []
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    try:
        meter = Rapl(meter_use(name="rapl"))
        meter.open()
        meter.close()
    except MeterUnavailable:
        for number, name in enumerate(("package-0", "dram")):
            zone = folder / f"intel-rapl:0{':0' * number}"
            zone.mkdir()
            for file, content in (("name", name), ("energy_uj", "1000000"), ("max_energy_range_uj", "262143328850")):
                (zone / file).write_text(content)
        os.environ[ROOT_VARIABLE] = str(folder)
        notes.append("no RAPL here: greenreport reads two files in its place, codecarbon its estimate from CPU load")
    try:
        initialise().nvmlShutdown()
    except MeterUnavailable:
        from tests.fake_nvml import environment, write_control

        write_control(folder / "gpus", gpus=1)
        os.environ.update(environment(folder / "gpus"))
        notes.append("no GPU here: all tools read a stand-in for NVIDIA's library, whose calls cost a few microseconds")
    return notes


Start = Callable[[], AbstractContextManager[int]]


def candidates(tools: str | None) -> Iterator[tuple[str, str, Start]]:
    """Yield (tool, setting, how to start it) of everything that can be measured."""
    for setting, interval_s in (("default (97 ms)", 0.097), ("10 Hz", 0.1), ("50 Hz", 0.02)):
        yield "greenreport", setting, partial(our_sampler, interval_s)
    if tools is not None:
        for tool, script, option, default in (
            ("codecarbon", CODECARBON, "measure_power_secs", "default (15 s)"),
            ("zeus PowerMonitor", ZEUS, "update_period", "default (inferred)"),
        ):
            for setting, options in ((default, {}), ("10 Hz", {option: 0.1})):
                yield tool, setting, partial(other_tool, tools, script.format(options=options))


def main(options: Sequence[str] = (), *, small: bool = False) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tools", help="interpreter of an environment with codecarbon and zeus")
    parser.add_argument("--pairs", type=int, default=40, help="pairs of runs with and without sampling")
    parser.add_argument("--work-s", type=float, default=0.8, help="length of the paired work")
    parser.add_argument("--idle-s", type=float, default=15.0, help="time over which CPU time is counted")
    arguments = parser.parse_args(SMALL if small else options)
    with ExitStack() as stack:
        notes = stand_ins(stack)
        multiprocessing.set_forkserver_preload(["greenreport.meters.sampler"])
        blocks = calibrated(arguments.work_s)
        print("| tool | sampling | CPU of its processes (of one core) | slowdown of work on the same core (95 % CI) |")
        print("|---|---|---|---|")
        for tool, setting, start in candidates(arguments.tools):
            try:
                with start() as pid:
                    print(f"| {tool} | {setting} | {measured(pid, arguments, blocks)} |", flush=True)
            except RuntimeError as error:
                print(f"| {tool} | {setting} | {error} | |", flush=True)
    print(f"\n{psutil.cpu_count()} CPUs, Python {sys.version.split()[0]}, {arguments.pairs} pairs of {arguments.work_s:g} s")
    print(*notes, sep="\n")
    if not arguments.tools:
        print("codecarbon and zeus: not asked for, see --tools")


if __name__ == "__main__":
    main(sys.argv[1:])
