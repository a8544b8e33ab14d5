"""How fast and how punctually the load generator sends, beside what a server needs to answer.

The server answers at once (the fake engine without service time), so what is left is HTTP, JSON and the client itself.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from greenreport.engines.base import EngineJob
from greenreport.execute.processes import Launcher
from greenreport.execute.worker import ServeJob, ServerReady, server_main
from greenreport.study import Configuration
from greenreport.workloads.client import Finished, Go, Warmed, WarmUp, client_main
from greenreport.workloads.schedule import arrivals_s
from greenreport.workloads.sender import ClientJob

REQUESTS = 1500
STREAMED_TOKENS = 128  # of each streamed answer


def main() -> None:
    """Print a line for each figure."""
    for line in _lines():
        print(line, flush=True)


def _lines() -> Iterator[str]:
    launcher = Launcher(fork_servers=True, engines=False)
    with TemporaryDirectory() as folder:
        job = EngineJob(Configuration(engine="fake"), 1)
        server = launcher.start(
            "model server", launcher.servers, server_main, ServeJob("one", job, time.monotonic_ns()), Path(folder) / "log", {}
        )
        try:
            url = f"http://127.0.0.1:{server.receive(ServerReady, 60).port}"
            best = 0.0
            for clients in (1, 2, 4, 8):
                finished = _send(launcher, url, clients, None)
                rate = REQUESTS / _length_s(finished)
                best = max(best, rate)
                yield f"closed loop, {clients} clients: {rate:,.0f} requests/s, client CPU {finished.cpu_s / REQUESTS * 1e3:.2f} ms a request"
            streamed = _send(launcher, url, 4, None, STREAMED_TOKENS)
            tokens = sum(len(request.token_ns) for request in streamed.requests)
            yield (
                f"streams, 4 clients: {tokens / _length_s(streamed):,.0f} tokens/s; client CPU {streamed.cpu_s / tokens * 1e6:.0f} µs a token, "
                f"so one client takes at most {tokens / streamed.cpu_s:,.0f} tokens/s"
            )
            if shutil.which("ab") is None:
                yield "ApacheBench is not installed (Debian: apache2-utils): nothing to compare with"
            else:
                yield _ab(url, 1)
                yield _ab(url, 4)
            for share in (0.1, 0.3, 0.5):
                rate = share * best
                late = np.array([seconds for _, seconds in _send(launcher, url, 1, rate).sent]) * 1e3
                yield (
                    f"open loop, Poisson at {rate:,.0f} requests/s ({share:.0%} of the most): late by "
                    f"{np.median(late):.2f} ms (median), {np.percentile(late, 99):.2f} ms (p99), {late.max():.1f} ms (most)"
                )
        finally:
            server.stop()


def _send(launcher: Launcher, url: str, clients: int, rate: float | None, streamed: int = 0) -> Finished:
    """Send requests of one token each, or a tenth as many whose answers of `streamed` tokens come piece by piece."""
    requests = REQUESTS // 10 if streamed else REQUESTS
    due = None if rate is None else arrivals_s(requests, rate, "poisson", 0)
    batches = tuple((f"prompt {index}",) for index in range(requests))
    job = ClientJob(
        urls=(url,),
        model="one",
        batches=batches,
        output_tokens=(streamed or 1,) * requests,
        exact=True,
        stream=bool(streamed),
        timeout_s=30.0,
        concurrency=clients,
        due_s=due,
    )
    client = launcher.start("client", launcher.forked, client_main, job)
    try:
        client.send(WarmUp(5))
        client.receive(Warmed, 30)
        client.send(Go())
        return client.receive(Finished, 300)
    finally:
        client.stop()


def _length_s(finished: Finished) -> float:
    return (max(r.end_ns for r in finished.requests) - min(r.start_ns for r in finished.requests)) / 1e9


def _ab(url: str, clients: int) -> str:
    """Return what ApacheBench gets from the same server, in a process of its own."""
    with TemporaryDirectory() as folder:
        body = Path(folder) / "body.json"
        body.write_text(json.dumps({"model": "one", "prompt": "prompt", "max_tokens": 1, "temperature": 0, "ignore_eos": True}))
        command = [
            "ab",
            "-k",
            "-n",
            str(REQUESTS),
            "-c",
            str(clients),
            "-p",
            str(body),
            "-T",
            "application/json",
            f"{url}/v1/completions",
        ]
        printed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found = re.search(r"Requests per second:\s+([\d.]+)", printed)
    return "ApacheBench failed" if found is None else f"ApacheBench, {clients} clients: {float(found[1]):,.0f} requests/s"
