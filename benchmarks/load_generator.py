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
from greenreport.workloads.client import Finished, Go, Ready, Warmed, WarmUp, client_main
from greenreport.workloads.schedule import arrivals_s
from greenreport.workloads.sender import ClientJob

STREAMED_TOKENS = 128  # of each streamed answer


def main(*, small: bool = False) -> None:
    for line in figures(requests=40 if small else 1500):
        print(line, flush=True)


def figures(requests: int) -> Iterator[str]:
    """Yield a line for each figure."""
    launcher = Launcher(fork_servers=True, engines=False)
    with TemporaryDirectory() as folder:
        job = ServeJob("one", EngineJob(Configuration(engine="fake"), 1), time.monotonic_ns())
        server = launcher.start("model server", launcher.servers, server_main, job, Path(folder) / "log", {})
        try:
            url = f"http://127.0.0.1:{server.receive(ServerReady, 60).port}"
            best = 0.0
            for clients in (1, 2, 4, 8):
                finished = send(launcher, url, requests, clients=clients)
                rate = requests / length_s(finished)
                best = max(best, rate)
                yield f"closed loop, {clients} clients: {rate:,.0f} requests/s, client CPU {finished.cpu_s / requests * 1e3:.2f} ms per request"
            streamed = send(launcher, url, requests // 10, clients=4, streamed=STREAMED_TOKENS)
            tokens = sum(len(request.token_ns) for request in streamed.requests)
            yield (
                f"streams, 4 clients: {tokens / length_s(streamed):,.0f} tokens/s; client CPU {streamed.cpu_s / tokens * 1e6:.0f} µs per token, "
                f"so one client takes at most {tokens / streamed.cpu_s:,.0f} tokens/s"
            )
            if shutil.which("ab") is None:
                yield "ApacheBench is not installed (Debian: apache2-utils): nothing to compare with"
            else:
                yield from (apache_bench(url, requests, clients, best) for clients in (1, 4))
            for share in (0.1, 0.3, 0.5):
                rate = share * best
                late = np.array([seconds for _, seconds in send(launcher, url, requests, rate=rate).sent]) * 1e3
                yield (
                    f"open loop, Poisson at {rate:,.0f} requests/s ({share:.0%} of the most): late by "
                    f"{np.median(late):.2f} ms (median), {np.percentile(late, 99):.2f} ms (p99), {late.max():.1f} ms (most); "
                    f"median ÷ mean interval {np.median(late) * rate / 1e3:.3f}"
                )
        finally:
            server.stop()


def send(
    launcher: Launcher, url: str, requests: int, *, clients: int = 1, rate: float | None = None, streamed: int = 0
) -> Finished:
    """Send requests for one token each, or for `streamed` tokens whose answers come piece by piece; `rate` per second, else in a closed loop."""
    job = ClientJob(
        urls=(url,),
        model="one",
        batches=tuple((f"prompt {index}",) for index in range(requests)),
        output_tokens=(streamed or 1,) * requests,
        exact=True,
        stream=bool(streamed),
        timeout_s=30.0,
        concurrency=clients,
        due_s=None if rate is None else arrivals_s(requests, rate, "poisson", 0),
    )
    client = launcher.start("client", launcher.forked, client_main, job)
    try:
        client.receive(Ready, 30)
        client.send(WarmUp(5))
        client.receive(Warmed, 30)
        client.send(Go())
        return client.receive(Finished, 300)
    finally:
        client.stop()


def length_s(finished: Finished) -> float:
    """Return the time from the first request to the last answer."""
    return (max(r.end_ns for r in finished.requests) - min(r.start_ns for r in finished.requests)) / 1e9


def apache_bench(url: str, requests: int, clients: int, best: float) -> str:
    """Return what ApacheBench gets from the same server, beside the best rate of our clients."""
    with TemporaryDirectory() as folder:
        body = Path(folder) / "body.json"
        body.write_text(json.dumps({"model": "one", "prompt": "prompt", "max_tokens": 1, "temperature": 0, "ignore_eos": True}))
        options = ["-k", "-n", str(requests), "-c", str(clients), "-p", str(body), "-T", "application/json"]
        printed = subprocess.run(["ab", *options, f"{url}/v1/completions"], capture_output=True, text=True, check=False).stdout
    match = re.search(r"Requests per second:\s+([\d.]+)", printed)
    if match is None:
        return "ApacheBench failed"
    rate = float(match[1])
    return f"ApacheBench, {clients} clients: {rate:,.0f} requests/s; our best is {best / rate:.2f} of it"
