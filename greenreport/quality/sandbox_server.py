"""The sandbox's own process: it has imported what programs need, and forks two locked processes for each answer.

::

    greenreport ── job ─→ server ──fork─→ tests' process ── asks ─→ program's process
                ←verdict─        ←verdict─                 ←values─

Started without site packages and with an empty environment, it holds nothing of the process that started it. Its own system calls are
not restricted; it runs nothing of an answer. Children die with it, and it ends when its pipe does.
"""

from __future__ import annotations

import ctypes
import gc
import json
import math
import os
import random
import resource
import select
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any

from greenreport.quality import program_process, system_calls, tests_process
from greenreport.quality.value_exchange import Disconnected, Wire
from greenreport.record import VerdictCode

Verdict = tuple[VerdictCode, str | None]
#: What programs may import: nothing else can be, since no file can be opened.
MODULES = (
    "__future__", "_strptime", "abc", "argparse", "array", "ast", "asyncio", "base64", "binascii", "bisect", "calendar", "cmath", "codecs",
    "collections", "collections.abc", "colorsys", "concurrent.futures", "contextlib", "contextvars", "copy", "copyreg", "csv",
    "ctypes", "dataclasses", "datetime", "decimal", "difflib", "doctest", "email", "encodings.ascii", "encodings.hex_codec", "encodings.idna",
    "encodings.latin_1", "encodings.punycode", "encodings.rot_13", "encodings.utf_16", "encodings.utf_32", "enum", "errno", "fnmatch", "fractions", "functools",
    "gc", "getpass", "glob", "graphlib", "hashlib", "heapq", "hmac", "html", "inspect", "io", "ipaddress", "itertools", "json", "keyword",
    "locale", "logging", "marshal", "math", "multiprocessing", "numbers", "operator", "os", "os.path", "pathlib", "pickle", "platform", "pprint", "queue", "random", "re",
    "sched", "secrets", "select", "shlex", "shutil", "signal", "socket", "statistics", "string", "struct", "subprocess", "sys", "tempfile",
    "textwrap", "threading", "time", "timeit", "token", "tokenize", "traceback", "types", "typing", "unicodedata", "unittest", "urllib.parse", "urllib.request",
    "uuid", "warnings", "weakref", "xml.etree.ElementTree", "zlib", "zoneinfo",
)  # fmt: skip
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG
MOST_REPORT_BYTES = 4096  # what a pipe takes at once


def main() -> None:
    """Answer jobs from standard input on standard output until it closes."""
    jobs = os.dup(0)
    wire = Wire(jobs, os.dup(1))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    for name in MODULES:
        import_module(name)
    sys.path.clear()
    sys.meta_path[:] = [
        finder for finder in sys.meta_path if getattr(finder, "__name__", "") in ("BuiltinImporter", "FrozenImporter")
    ]
    gc.freeze()
    with suppress(Disconnected):
        while True:
            job = json.loads(wire.receive())
            code, detail = conduct(job, jobs)
            wire.send(json.dumps([code, detail]).encode())


def conduct(job: dict[str, Any], jobs: int) -> Verdict:
    """Judge one answer in new processes, and leave none behind.

    Args:
        jobs: file descriptor of the pipe that jobs come from.

    Raises:
        Disconnected: whoever wants the verdict has gone.
    """
    reading, reporting = os.pipe()
    children: list[int] = []
    try:
        if job["test"] is None:
            children.append(
                _forked(
                    job, {reporting}, lambda: _report(reporting, tests_process.judge_by_pattern(job["pattern"], job["answer"]))
                )
            )
        else:
            questions, asking = os.pipe()
            values, giving = os.pipe()
            try:
                program, tests = Wire(questions, giving), Wire(values, asking)
                children.append(
                    _forked(
                        job,
                        {questions, giving},
                        lambda: program_process.serve(
                            program, job["prompt"], job["answer"], job["entry_point"], chat=job["chat"]
                        ),
                    )
                )
                children.append(
                    _forked(
                        job,
                        {values, asking, reporting},
                        lambda: _report(reporting, tests_process.judge_by_tests(tests, job["test"], job["entry_point"])),
                    )
                )
            finally:
                for descriptor in (questions, asking, values, giving):
                    os.close(descriptor)
        os.close(reporting)
        reporting = -1
        return _awaited(reading, jobs, children, job["time_limit_s"])
    finally:
        for child in children:
            _end(child)
        os.close(reading)
        if reporting >= 0:
            os.close(reporting)


def _awaited(reading: int, jobs: int, children: list[int], time_limit_s: float) -> Verdict:
    """Wait for what the tests report, no longer than the limit, and for why where they report nothing."""
    deadline = time.monotonic() + time_limit_s
    late = (VerdictCode.TIMED_OUT, f"no result after {time_limit_s:g} s")
    ready = select.select([reading, jobs], [], [], time_limit_s)[0]
    if jobs in ready:  # there is no other job while this one lasts
        raise Disconnected
    if not ready:
        return late
    report = os.read(reading, MOST_REPORT_BYTES)
    if report:
        verdict = _read(report)
        if verdict is not None:
            return verdict
    who = 0 if report or len(children) == 1 else 1  # the tests say that the program has gone, or have gone themselves
    status = _status(children[who], deadline)
    if status is None:
        return (VerdictCode.ERROR, "it closed the pipe of its tests") if report else late
    code, why = _verdict_on(*status, time_limit_s)
    return code, f"{'its tests' if who else 'it'} {why}"


def _read(report: bytes) -> Verdict | None:
    """Return the verdict in a report; None where it says that the program has gone."""
    try:
        match json.loads(report):
            case None:
                return None
            case [code, (str() | None) as detail]:
                return VerdictCode(code), detail
    except ValueError:
        pass
    return VerdictCode.ERROR, "its tests wrote into the pipe of the verdict"


def _verdict_on(status: int, cpu_s: float, time_limit_s: float) -> tuple[VerdictCode, str]:
    """Return what the end of a process means for its answer.

    Args:
        cpu_s: CPU time that it used.
    """
    if not os.WIFSIGNALED(status):
        return VerdictCode.ERROR, "ended too early"
    killed_by = os.WTERMSIG(status)
    if killed_by == signal.SIGSYS:
        return (
            VerdictCode.REFUSED,
            "made a system call that is not allowed: for a file, a process, the network or another process",
        )
    if killed_by == signal.SIGKILL and cpu_s < time_limit_s:
        return VerdictCode.OUT_OF_MEMORY, "was killed by the system, which had no memory left"
    if killed_by in (signal.SIGXCPU, signal.SIGKILL):
        return VerdictCode.TIMED_OUT, "used all CPU time"
    return VerdictCode.ERROR, f"crashed ({signal.Signals(killed_by).name})"


def _status(child: int, deadline: float) -> tuple[int, float] | None:
    """Return how a process ended and the CPU time it used; None where it has not by the deadline."""
    while True:
        found, status, usage = os.wait4(child, os.WNOHANG)
        if found:
            return status, usage.ru_utime + usage.ru_stime
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.002)


def _end(child: int) -> None:
    """Kill and reap a child, also one that was reaped."""
    with suppress(ChildProcessError):
        if os.waitpid(child, os.WNOHANG)[0] == 0:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _forked(job: dict[str, Any], kept: set[int], act: Callable[[], None]) -> int:
    """Start a locked process that acts and ends; return its number."""
    server = os.getpid()
    child = os.fork()
    if child:
        return child
    try:
        _confine(server, kept, float(job["time_limit_s"]), int(job["memory_limit_mb"]))
        act()
    finally:
        os._exit(0)


def _confine(server: int, kept: set[int], time_limit_s: float, memory_limit_mb: int) -> None:
    """Give up everything but some pipes, and limit what is left."""
    previous = 3
    for descriptor in sorted(kept):
        os.closerange(previous, descriptor)
        previous = descriptor + 1
    os.closerange(previous, 1024)
    with open("/proc/self/statm", encoding="ascii") as stream:  # noqa: PTH123 - no module is imported here
        used = int(stream.read().split()[0]) * resource.getpagesize()
    cpu_s = max(1, math.ceil(time_limit_s))
    memory = used + memory_limit_mb * 1_000_000
    for kind, soft, hard in (
        (resource.RLIMIT_CPU, cpu_s, cpu_s + 1), (resource.RLIMIT_AS, memory, memory), (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_CORE, 0, 0), (resource.RLIMIT_NPROC, 0, 0), (resource.RLIMIT_NOFILE, 16, 16), (resource.RLIMIT_MEMLOCK, 0, 0),
    ):  # fmt: skip
        resource.setrlimit(kind, (soft, hard))
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, ctypes.c_ulong(signal.SIGKILL))
    if os.getppid() != server:
        os._exit(0)
    random.seed(0)  # a program that draws gives the same answer each time; a fork seeds anew
    system_calls.lock()


def _report(descriptor: int, verdict: Verdict | None) -> None:
    """Write a verdict to the server."""
    said = None if verdict is None else [verdict[0], verdict[1] and verdict[1][:300]]
    os.write(descriptor, json.dumps(said).encode()[:MOST_REPORT_BYTES])
