"""Records made up for tests: a run of ten seconds with known traces."""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import Any

from greenreport.record import (
    Environment,
    Facts,
    Mark,
    Method,
    Outcome,
    Output,
    Phase,
    RecordKind,
    Request,
    RunRecord,
    RunSpec,
    Trace,
    TraceKind,
)

SECOND = 10**9

ENVIRONMENT = Environment(
    key="machine-a", host_sha256="abc", cpu_model="Test CPU", physical_cores=2, logical_cpus=2, memory_b=8 * 10**9, gpus=(),
    gpu_driver=None, os="Test OS", kernel="6.1", virtualisation=None, python="3.11.0", libraries=(("torch", "2.13.0"),),
)  # fmt: skip


def counter(domain: str, watts: float, *, end_s: int = 20, method: Method = Method.MEASURED, meter: str = "rapl") -> Trace:
    """Return an energy counter that grows by `watts`, sampled ten times a second."""
    steps = range(end_s * 10 + 1)
    return Trace(
        meter, domain, "energy", TraceKind.COUNTER, "J", method,
        array("q", [step * SECOND // 10 for step in steps]), array("d", [watts * step / 10 for step in steps]),
    )  # fmt: skip


def record(**changes: Any) -> RunRecord:
    """Return an OK run: 2 s idle, 10 s window with 2 requests of 8 tokens, 2 s idle; 10 W in the package."""
    requests = tuple(
        Request(
            index, (4 + 5 * index) * SECOND, (9 + 5 * index) * SECOND,
            server_start_ns=(4 + 5 * index) * SECOND + 10**6, server_end_ns=(9 + 5 * index) * SECOND - 10**6,
            token_ns=tuple((5 + 5 * index) * SECOND + token * SECOND // 4 for token in range(8)),
            prompt_tokens=5, output_tokens=8, finish_reason="length", output_sha256=f"digest-{index}", answered_by="one",
        )
        for index in range(2)
    )  # fmt: skip
    made = RunRecord(
        run_id="run-1", kind=RecordKind.RUN, study="tiny", key="one/fake-cpu", model="one", engine="fake", provider="cpu",
        fingerprint="f" * 64, repetition=1, position=1, outcome=Outcome.OK, reason=None,
        started_at="2026-01-01T00:00:00Z", environment=ENVIRONMENT, spec=RunSpec(prompts_sha256="p", prompts_count=2),
        facts=Facts("float32", True, 2, "cpu", 10, 40, (("torch", "2.13.0"),)),
        marks=(
            Mark(Phase.START, 0, SECOND), Mark(Phase.LOAD, SECOND, 2 * SECOND), Mark(Phase.IDLE_BEFORE, 2 * SECOND, 4 * SECOND, 2.0),
            Mark(Phase.WARMUP, 4 * SECOND - 10**6, 4 * SECOND - 10), Mark(Phase.WINDOW, 4 * SECOND, 14 * SECOND),
            Mark(Phase.IDLE_AFTER, 14 * SECOND, 16 * SECOND, 2.0), Mark(Phase.STOP, 16 * SECOND, 17 * SECOND),
        ),
        requests=requests,
        outputs=(Output("digest-0", "aaaa", (1, 2, 3)), Output("digest-1", "bbbb", (4, 5, 6))),
        traces=(counter("package-0", 10.0),),
    )  # fmt: skip
    return replace(made, **changes)
