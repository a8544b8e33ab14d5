"""Start a command that serves, with its placeholders filled in; no shell reads it. A keeper process holds it (see `command_keeper`)."""

from __future__ import annotations

import contextlib
import math
import shutil
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from greenreport.engines.base import EngineJob
from greenreport.errors import EngineMissing, EngineUnavailable, RunError, WorkerCrashed
from greenreport.execute.assignment import RunContext
from greenreport.execute.command_keeper import GRACE_S, Answering, CommandJob, keeper_main
from greenreport.execute.host import redact
from greenreport.execute.processes import Child, receive_each
from greenreport.execute.serving import (
    LOADING,
    ExternalServer,
    Serving,
    agreed,
    covering,
    facts_of,
    log_of,
    name_of,
    server_of,
    with_sharing,
)
from greenreport.study import Configuration, Model, Server
from greenreport.workloads.exchanges import authorisation

KEEPER_STOP_S = GRACE_S + 4.0
GPU_SHARE = 0.9  # of its memory, for all replicas together
_REMEDIES = {
    "vllm": "pip install vllm",
    "llama-server": "it is part of llama.cpp",
    "ollama": "install Ollama",
    "text-generation-launcher": "it is part of Text Generation Inference",
}


class CommandServer(ExternalServer):
    """Starts a command, waits until it answers, and ends all of it afterwards."""

    def serve(self, stack: ExitStack, context: RunContext, model: Model, log: Path, others: Sequence[Child]) -> Serving:
        configuration = self.job.configuration
        server, replicas = server_of(configuration), configuration.replicas
        name = server.model or model.id
        headers = authorisation(server.api_key_env)  # a key that is not set ends the run before anything starts
        # Beyond the user's variables a command gets the number of threads, where the study sets one.
        shared = configuration.threads is not None or replicas > 1
        environment = {"OMP_NUM_THREADS": str(self.job.threads)} if shared else {}
        children, urls, ready = list[Child](), list[str](), list[Answering]()
        # One after the other: servers that measure the free memory of a GPU while they start would count each other's.
        for number in range(1, replicas + 1):
            job = command_job(self.job, context.folder)
            file = log_of(log, number)
            title = name_of(number, replicas)
            child = context.launcher.start(title, context.launcher.forked, keeper_main, job, file, environment)
            child.log, child.stop_s = file, KEEPER_STOP_S
            stack.callback(child.stop)
            before = [*others, *children]
            children.append(child)
            urls.append(job.url)
            try:
                ready += receive_each([child], Answering, context.study.protocol.load_timeout_s, before, LOADING)
            except WorkerCrashed as error:
                raise WorkerCrashed(f"{error}{_last_words(children)}") from None
        patience_s = context.study.protocol.load_timeout_s
        facts = agreed([facts_of(url, headers, name, patience_s) for url in urls])
        marks = covering([item.marks for item in ready])
        pids = tuple(item.pid for item in ready)
        return Serving(tuple(urls), name, headers, pids, tuple(children), with_sharing(facts, self.job), marks)


def command_job(job: EngineJob, folder: Path) -> CommandJob:
    """Return the command to start, on a port that is free now.

    Raises:
        RunError: something answers at the address already and would be measured instead.
    """
    configuration, server = job.configuration, server_of(job.configuration)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    values = {
        "port": str(port),
        "threads": str(job.threads),
        "dtype": configuration.dtype,
        "max_batch": str(configuration.max_batch),
        "share": f"{math.floor(100 * GPU_SHARE / configuration.replicas) / 100:g}",
    }
    url = _filled(server.url or "http://127.0.0.1:{port}", values)
    parts = urlsplit(url)
    with contextlib.suppress(OSError), socket.create_connection((parts.hostname or "", parts.port or 80), timeout=2):
        raise RunError(f"something answers at {url} already; stop it, or write '{{port}}' for a free port")
    program, *arguments = (_filled(argument, values) for argument in server.command)
    command = (program_of(server, folder) or program, *arguments)
    return CommandJob(command, folder.resolve(), url, server, time.monotonic_ns())


def _filled(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text


def program_of(server: Server, folder: Path) -> str | None:
    """Return the program a command would start, or None; a name with a slash is a path relative to the study file."""
    name = server.command[0]  # a path is not resolved: a virtual environment is recognised by its link
    return shutil.which(str((folder / name).absolute()) if "/" in name else name)


def not_installed(configuration: Configuration, folder: Path) -> EngineUnavailable | None:
    """Return why the command of a configuration cannot be started, with what to do, or None."""
    server = server_of(configuration)
    if program_of(server, folder) is not None:
        return None
    remedy = _REMEDIES.get(server.program, "install it, or write its full path")
    return EngineMissing(f"the command {server.command[0]!r} is not installed", f"{remedy}, then run again")


def _last_words(children: Sequence[Child]) -> str:
    """Return the last line printed by a command that ended, to close the reason with."""
    ended = [child for child in children if child.process.exitcode is not None]
    lines = [line for child in ended for line in child.log_tail().splitlines() if line.strip()]
    return f": {redact(lines[-1].strip())[:200]}" if lines else ""
