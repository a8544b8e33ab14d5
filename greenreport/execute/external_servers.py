"""Servers greenreport did not write: attach to one that runs, or start a command and keep it.

::

    endpoint ─ ask the server ───────────────────────────────────────────▶ Serving
    command ── keeper process ─ command ─ … health 200 ─ ask the server ─▶ Serving
               └ ends when the command ends, or the pipe to the parent closes; then nothing of the command is left

What such a server does not tell is not verified and is recorded as not known. No shell reads a command.
"""

from __future__ import annotations

import contextlib
import ctypes
import ipaddress
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from greenreport.engines.base import EngineJob
from greenreport.errors import EngineUnavailable, MeasurementInvalid, RunError, WorkerCrashed
from greenreport.execute.host import redact
from greenreport.execute.process_entry import isolate
from greenreport.execute.processes import Child, receive_each
from greenreport.execute.run_context import Bench
from greenreport.execute.run_servers import LOADING, Outside, Serving, agreed, covering, log_of, name_of, with_sharing
from greenreport.record import Facts, Mark, Phase
from greenreport.study import Configuration, Model, Server
from greenreport.workloads.server_probe import Told, ask, authorisation, is_ready

LOOK_S = 0.1  # between two looks at a server that loads
GRACE_S = 8.0  # what a command gets to end by itself
KEEPER_STOP_S = GRACE_S + 4.0
GPU_SHARE = 0.9  # of its memory, for all replicas together
NOT_VERIFIED = ("not verified", "type, KV cache and threads: the server does not tell them")
_REMEDIES = {
    "vllm": "pip install vllm",
    "llama-server": "it is part of llama.cpp",
    "ollama": "install Ollama",
    "text-generation-launcher": "it is part of Text Generation Inference",
}
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER


class Endpoint(Outside):
    """Attaches to a server that runs already; nothing is started and nothing is stopped."""

    def serve(self, stack: ExitStack, bench: Bench, model: Model, log: Path, others: Sequence[Child]) -> Serving:
        begun = time.monotonic_ns()
        server = server_of(self.job.configuration)
        url = str(server.url)
        if server.local:
            require_here(url)
        name = server.model or model.id
        facts = facts_of(ask(url, authorisation(server.api_key_env), name), name)
        pids = listeners(url) if server.local else ()
        details = (*facts.details, ("process", _process(server, pids)))
        mark = Mark(Phase.START, begun, time.monotonic_ns(), note="the server ran already")
        return Serving((url,), name, pids, (), replace(facts, details=details), (mark,), server.local)


def _process(server: Server, pids: tuple[int, ...]) -> str:
    if not server.local:
        return "not declared to run on the machine the meters measure; the environment is that of the client"
    return "found by its port" if pids else "not found by its port; load of other programs cannot be told from its own"


class Command(Outside):
    """Starts a command, waits until it answers, and ends all of it afterwards."""

    def serve(self, stack: ExitStack, bench: Bench, model: Model, log: Path, others: Sequence[Child]) -> Serving:
        configuration = self.job.configuration
        server, replicas = server_of(configuration), configuration.replicas
        name = server.model or model.id
        authorisation(server.api_key_env)
        children, urls, ready = list[Child](), list[str](), list[Answering]()
        # One after the other: servers that measure the free memory of a GPU while they start would count each other's.
        for number in range(1, replicas + 1):
            job = command_job(self.job, bench.folder)
            file = log_of(log, number)
            child = bench.launcher.start(
                name_of(number, replicas), bench.launcher.forked, keeper_main, job, file, environment_of(self.job)
            )
            child.log, child.stop_s = file, KEEPER_STOP_S
            stack.callback(child.stop)
            before = [*others, *children]
            children.append(child)
            urls.append(job.url)
            try:
                ready += receive_each([child], Answering, bench.study.protocol.load_timeout_s, before, LOADING)
            except WorkerCrashed as error:
                raise WorkerCrashed(f"{error}{_last_words(children)}") from None
        headers = authorisation(server.api_key_env)
        facts = agreed([facts_of(ask(url, headers, name), name) for url in urls])
        marks = covering([item.marks for item in ready])
        pids = tuple(item.pid for item in ready)
        return Serving(tuple(urls), name, pids, tuple(children), with_sharing(facts, self.job), marks)


def server_of(configuration: Configuration) -> Server:
    """Return the server of a configuration; the checks of study files see to it that there is one."""
    if configuration.server is None:
        raise EngineUnavailable(f"{configuration.engine} needs `server:`, which says how to reach it")
    return configuration.server


def facts_of(told: Told, model: str) -> Facts:
    """Return what a server tells as facts; what it does not tell is None."""
    details = tuple((name, redact(value)) for name, value in told.details)
    return Facts(None, None, None, None, told.parameters, told.weights_b, (*details, NOT_VERIFIED), model)


def require_here(url: str) -> None:
    """Return when an address belongs to this machine.

    Raises:
        MeasurementInvalid: the meters of this machine would measure another one than the server's.
    """
    host = urlsplit(url).hostname or ""
    own = {address.address.partition("%")[0] for found in psutil.net_if_addrs().values() for address in found}
    try:
        leads_to = {str(item[4][0]) for item in socket.getaddrinfo(host, None)}
    except OSError:
        leads_to = set()
    if not any(address in own or ipaddress.ip_address(address.partition("%")[0]).is_loopback for address in leads_to):
        raise MeasurementInvalid(f"`local: true`, but {host!r} is no address of this machine")


#: Programs that hand connections on, and what makes the server itself listen.
_RELAYS = {
    **dict.fromkeys(
        ("docker-proxy", "rootlessport", "rootlesskit", "slirp4netns", "pasta", "gvproxy"),
        "start the container with `--network host`, so that the server itself listens on this machine",
    ),
    **dict.fromkeys(
        ("ssh", "sshd", "sshd-session", "kubectl"),
        "the server runs somewhere else: leave `local` out, or run greenreport on its machine",
    ),
}


def listeners(url: str) -> tuple[int, ...]:
    """Return the processes that listen on the port of an address, as far as this user may see them.

    Raises:
        MeasurementInvalid: what listens only hands connections on; its memory and CPU time would be taken for the server's.
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        connections = psutil.net_connections("tcp")
    except (psutil.Error, OSError):
        return ()
    found = {c.pid for c in connections if c.status == psutil.CONN_LISTEN and c.laddr and c.laddr.port == port and c.pid}
    pids = tuple(sorted(pid for pid in found if pid is not None))
    for pid in pids:
        name = ""
        with contextlib.suppress(psutil.Error):
            name = psutil.Process(pid).name()
        if name in _RELAYS:
            raise MeasurementInvalid(f"`local: true`, but what listens at {url} is {name!r}, not the server; {_RELAYS[name]}")
    return pids


# --- commands ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CommandJob:
    """Start a command and wait until it answers.

    Attributes:
        arguments: program and arguments with every placeholder filled in.
        folder: working folder: that of the study file.
        launched_ns: when the parent started the keeper; the phase `start` begins then.
    """

    arguments: tuple[str, ...]
    folder: Path
    url: str
    health: str
    api_key_env: str | None
    launched_ns: int


@dataclass(frozen=True, slots=True)
class Answering:
    """The server of a command answers."""

    pid: int
    marks: tuple[Mark, ...]


def command_job(job: EngineJob, folder: Path) -> CommandJob:
    """Return what to start, on a port that is free now.

    Raises:
        RunError: something answers at the address already, so it could not be told whom is measured.
    """
    server = server_of(job.configuration)
    configuration = job.configuration
    values = {
        "port": str(_free_port()),
        "threads": str(job.threads),
        "dtype": configuration.dtype,
        "max_batch": str(configuration.max_batch),
        "share": f"{math.floor(100 * GPU_SHARE / configuration.replicas) / 100:g}",
    }
    url = _filled(server.url or "http://127.0.0.1:{port}", values)
    parts = urlsplit(url)
    with contextlib.suppress(OSError), socket.create_connection((parts.hostname or "", parts.port or 80), timeout=2):
        raise RunError(f"something answers at {url} already; stop it, or write '{{port}}' for a free port")
    arguments = tuple(_filled(argument, values) for argument in server.command)
    program = program_of(server, folder)
    return CommandJob(
        (program or arguments[0], *arguments[1:]), folder.resolve(), url, server.health, server.api_key_env, time.monotonic_ns()
    )


def _filled(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def environment_of(job: EngineJob) -> dict[str, str]:
    """Return the variables a command gets besides those of the user: the number of threads, where the study gives one."""
    if job.configuration.threads is None and job.configuration.replicas == 1:
        return {}
    return {"OMP_NUM_THREADS": str(job.threads)}


def program_of(server: Server, folder: Path) -> str | None:
    """Return the program a command would start, or None; a path with a stroke is relative to the study file."""
    name = server.command[0]
    return shutil.which(str((folder / name).absolute()) if "/" in name else name)  # not resolved: a venv is its link


def not_installed(configuration: Configuration, folder: Path) -> EngineUnavailable | None:
    """Return why the command of a configuration cannot be started, with what to do, or None."""
    server = server_of(configuration)
    if program_of(server, folder) is not None:
        return None
    remedy = _REMEDIES.get(server.program, "install it, or write its full path")
    return EngineUnavailable(f"the command {server.command[0]!r} is not installed", f"{remedy}, then run again with --force")


def keeper_main(connection: Connection, job: CommandJob, log: Path, environment: dict[str, str]) -> None:
    """Entry of the process that keeps a command: it ends with the command, and the command ends with it."""
    isolate(log, environment)
    with contextlib.suppress(OSError, AttributeError):  # processes whose parent is gone become children of this one
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    headers = authorisation(job.api_key_env)
    try:
        process = subprocess.Popen(job.arguments, cwd=job.folder, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise EngineUnavailable(f"{job.arguments[0]} cannot be started: {error.strerror}") from None
    started = time.monotonic_ns()
    threading.Thread(target=_end_with_parent, args=(connection,), daemon=True).start()
    while process.poll() is None:
        if is_ready(job.url, job.health, headers):
            marks = (Mark(Phase.START, job.launched_ns, started), Mark(Phase.LOAD, started, time.monotonic_ns()))
            connection.send(Answering(process.pid, marks))
            break
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(LOOK_S)
    code = process.wait()
    _end_family()
    if code < 0:  # end in the same way, so that the reason of the run is the true one
        with contextlib.suppress(OSError):  # SIGKILL has no handler to set back
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)


def _end_with_parent(connection: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        connection.recv()
    _end_family()
    os._exit(0)


def _end_family() -> None:
    """End every descendant: ask first, then kill."""
    for number, wait_s in ((signal.SIGTERM, GRACE_S), (signal.SIGKILL, 2.0)):
        family = psutil.Process().children(recursive=True)
        for process in family:
            with contextlib.suppress(psutil.Error):
                process.send_signal(number)
        psutil.wait_procs(family, wait_s)


def _last_words(children: Sequence[Child]) -> str:
    """Return the last line that a command which ended printed, as the end of a reason."""
    ended = [child for child in children if child.process.exitcode is not None]
    lines = [line for child in ended for line in child.log_tail().splitlines() if line.strip()]
    return f": {redact(lines[-1].strip())[:200]}" if lines else ""
