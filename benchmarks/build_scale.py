"""Build time and memory for a study of the published size: 600 runs, 98,400 requests, 10 million samples (aims: 60 s, 1.5 GB)."""

from __future__ import annotations

import hashlib
import resource
import tempfile
from array import array
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from benchmarks.sites import append_runs, build_s, size_of_site, write_study
from greenreport.plan import Run
from greenreport.record import Mark, Method, Output, Phase, Request, RunSpec, Trace, TraceKind

PUBLISHED = Path(__file__).parents[1] / "studies" / "code-slm.yaml"
AIM_S, AIM_GB = 60, 1.5
REQUESTS, TOKENS = 164, 64
SAMPLES_PER_CHANNEL = 2_783
SECOND = 10**9
CHANNELS = (
    ("package-0", "energy", TraceKind.COUNTER, "J", 40.0), ("dram-0", "energy", TraceKind.COUNTER, "J", 4.0),
    ("machine", "cpu_time", TraceKind.COUNTER, "s", 8.0), ("machine", "memory", TraceKind.GAUGE, "B", 8e9),
    ("server", "rss", TraceKind.GAUGE, "B", 2e9), ("server", "cpu_time", TraceKind.COUNTER, "s", 8.0),
)  # fmt: skip


@cache
def outputs(model: str, requests: int) -> tuple[Output, ...]:
    """Return what a model answers in every configuration."""
    digests = (hashlib.sha256(f"{model}{index}".encode()).hexdigest() for index in range(requests))
    return tuple(Output(digest, "x" * 120, tuple(range(TOKENS))) for digest in digests)


def measured(run: Run, requests: int, samples: int) -> Mapping[str, Any]:
    """Return marks, requests and traces like those of the published study; durations come from digests."""
    digest = hashlib.sha256(f"{run.cell.key}{run.repetition}".encode()).digest()
    latency = int(SECOND * (1 + run.cell.configuration.engine.count("n") / 3 + digest[0] / 5000))
    start = run.position * 400 * SECOND
    window = start + 70 * SECOND
    end = window + requests * latency
    finish = end + 70 * SECOND
    answers = outputs(run.cell.model.id, requests)
    times = array("q", [start + (finish - start) * k // (samples - 1) for k in range(samples)])
    return {
        "outputs": answers,
        "spec": RunSpec(prompts_sha256="s", prompts_count=requests),
        "requests": tuple(
            Request(
                i, begin, begin + latency, None, begin, begin + latency, tuple(begin + t * latency // TOKENS for t in range(TOKENS)),
                12, TOKENS, "length", answers[i].sha256, run.cell.model.id,
            )
            for i, begin in enumerate(range(window, end, latency))
        ),
        "traces": tuple(
            Trace("rapl", domain, quantity, kind, unit, Method.MEASURED, times,
                  array("d", [rate * ((t - start) / SECOND if kind is TraceKind.COUNTER else 1.0) for t in times]))
            for domain, quantity, kind, unit, rate in CHANNELS
        ),
        "marks": (
            Mark(Phase.COOLDOWN, start - 20 * SECOND, start, steady=True),
            Mark(Phase.START, start, start + SECOND), Mark(Phase.LOAD, start + SECOND, start + 5 * SECOND),
            Mark(Phase.IDLE_BEFORE, start + 5 * SECOND, start + 65 * SECOND, 60.0), Mark(Phase.WARMUP, start + 65 * SECOND, start + 69 * SECOND),
            Mark(Phase.WINDOW, window, end), Mark(Phase.IDLE_AFTER, end, end + 60 * SECOND, 60.0),
        ),
    }  # fmt: skip


def big_study(models: int, repetitions: int, hypotheses: int | None) -> dict[str, Any]:
    """Return the published study with five configurations on the CPU, its first models and hypotheses (None: all)."""
    study: dict[str, Any] = yaml.safe_load(PUBLISHED.read_text(encoding="utf-8"))
    on_cpu = [configuration for configuration in study["configurations"] if configuration["provider"] == "cpu"]
    return study | {
        "study": "big",
        "weights": "untrained",
        "models": study["models"][:models],
        "configurations": [*on_cpu, {"engine": "torch", "threads": 4}],
        "exclude": [],
        "protocol": study["protocol"] | {"repetitions": repetitions},
        "hypotheses": [hypothesis for hypothesis in study["hypotheses"] if "providers" not in hypothesis][:hypotheses],
        "references": [],  # files beside the published study
    }


def main(*, small: bool = False) -> None:
    models, repetitions, hypotheses = (1, 3, 1) if small else (12, 10, None)
    requests, samples = (4, 100) if small else (REQUESTS, SAMPLES_PER_CHANNEL)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = write_study(folder, big_study(models, repetitions, hypotheses))
        append_runs(folder, file, lambda run: measured(run, requests, samples))
        for label in ("first build", "second build, charts drawn"):
            spent = build_s(folder)
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
            memory = f"peak memory {peak:.2f} GB ({peak / AIM_GB:.2f} of the aim)"
            print(f"{label}: {spent:.1f} s ({spent / AIM_S:.2f} of the aim), {memory}")
        print(f"store {(folder / 'cache' / 'greenreport.duckdb').stat().st_size / 1e6:.0f} MB; site {size_of_site(folder)}")
