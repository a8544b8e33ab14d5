"""Build time and memory for a study of the published size: 600 runs, 98,400 requests, 10 million samples (aims: 60 s, 1.5 GB)."""

from __future__ import annotations

import hashlib
import resource
import sys
import tempfile
import time
from array import array
from dataclasses import replace
from pathlib import Path

import yaml

from benchmarks.sites import built, told

ROOT = Path(__file__).parents[1]
REQUESTS, TOKENS = 164, 64
SAMPLES_A_RUN = 16_700
SECOND = 10**9


def synthetic_records(folder: Path) -> None:
    """Fill a store with runs that look like those of the published study; their values are made up from digests."""
    sys.path.insert(0, str(ROOT))
    from greenreport.record import Mark, Method, Output, Phase, Request, RunSpec, Trace, TraceKind
    from greenreport.study import Overrides
    from greenreport.workspace import open_plan, open_store
    from tests.records import record

    planned = open_plan(folder / "studies" / "big.yaml", Overrides(weights="untrained"))
    store = open_store(folder / "cache")
    outputs = {
        model.id: [
            Output(hashlib.sha256(f"{model.id}{i}".encode()).hexdigest(), "x" * 120, tuple(range(TOKENS)))
            for i in range(REQUESTS)
        ]
        for model in planned.plan.study.models
    }
    batch = []
    for run in planned.plan.runs:
        digest = hashlib.sha256(f"{run.cell.key}{run.repetition}".encode()).digest()
        scale = 1 + run.cell.configuration.engine.count("n") / 3 + digest[0] / 5000
        each = int(SECOND * scale)
        start = run.position * 400 * SECOND
        window = start + 70 * SECOND
        requests = tuple(
            Request(
                i, window + i * each, window + (i + 1) * each, None, window + i * each, window + (i + 1) * each,
                tuple(window + i * each + t * each // TOKENS for t in range(TOKENS)), 12, TOKENS, "length",
                outputs[run.cell.model.id][i].sha256, run.cell.model.id,
            )
            for i in range(REQUESTS)
        )  # fmt: skip
        end = requests[-1].end_ns
        finish = end + 70 * SECOND
        channels = (("package-0", "energy", TraceKind.COUNTER, "J", 40.0), ("dram-0", "energy", TraceKind.COUNTER, "J", 4.0),
                    ("machine", "cpu_time", TraceKind.COUNTER, "s", 8.0), ("machine", "memory", TraceKind.GAUGE, "B", 8e9),
                    ("server", "rss", TraceKind.GAUGE, "B", 2e9), ("server", "cpu_time", TraceKind.COUNTER, "s", 8.0))  # fmt: skip
        count = SAMPLES_A_RUN // len(channels)
        times = array("q", [start + (finish - start) * k // (count - 1) for k in range(count)])
        traces = tuple(
            Trace("rapl", domain, quantity, kind, unit, Method.MEASURED, times,
                  array("d", [rate * ((t - start) / SECOND if kind is TraceKind.COUNTER else 1.0) for t in times]))
            for domain, quantity, kind, unit, rate in channels
        )  # fmt: skip
        marks = (
            Mark(Phase.START, start, start + SECOND), Mark(Phase.LOAD, start + SECOND, start + 5 * SECOND),
            Mark(Phase.IDLE_BEFORE, start + 5 * SECOND, start + 65 * SECOND, 60.0), Mark(Phase.WARMUP, start + 65 * SECOND, start + 69 * SECOND),
            Mark(Phase.WINDOW, window, end), Mark(Phase.IDLE_AFTER, end, end + 60 * SECOND, 60.0),
        )  # fmt: skip
        batch.append(
            replace(
                record(), run_id=f"{run.position:06}", study="big", key=run.cell.key, model=run.cell.model.id,
                engine=run.cell.configuration.engine, provider=run.cell.configuration.provider, fingerprint=run.cell.fingerprint,
                repetition=run.repetition, position=run.position, marks=marks, requests=requests, traces=traces,
                outputs=tuple(outputs[run.cell.model.id]), spec=RunSpec(prompts_sha256="s", prompts_count=REQUESTS),
            )
        )  # fmt: skip
        if len(batch) == 50:
            store.append(batch)
            batch = []
    store.append(batch)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "studies").mkdir()
        study = yaml.safe_load((ROOT / "studies" / "code-slm.yaml").read_text(encoding="utf-8"))
        study["study"] = "big"
        study["configurations"] = [c for c in study["configurations"] if c["provider"] == "cpu"] + [
            {"engine": "torch", "threads": 4}
        ]
        study["exclude"] = []
        study["weights"] = "untrained"
        study["hypotheses"] = [h for h in study["hypotheses"] if "providers" not in h]
        (folder / "studies" / "big.yaml").write_text(yaml.safe_dump(study, sort_keys=False), encoding="utf-8")
        start = time.perf_counter()
        synthetic_records(folder)
        print(
            f"made the store in {time.perf_counter() - start:.0f} s ({(folder / 'cache' / 'greenreport.duckdb').stat().st_size / 1e6:.0f} MB)"
        )
        for label in ("first build", "second build, charts drawn"):
            spent = built(folder)
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
            print(
                f"{label}: {spent:.1f} s ({spent / 60:.2f} of the aim), peak memory {peak:.2f} GB ({peak / 1.5:.2f} of the aim)"
            )
        print(told(folder))
