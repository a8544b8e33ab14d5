"""Everything that results on an NVIDIA GPU need, in order of worth, within a time: ``python -m benchmarks.gpu --minutes 8 --out DIR``.

For a machine that is available for minutes only: greenreport, its dependencies and torch are installed, there is no network, and weights are untrained.
Steps that ended are kept in DIR and not repeated, so that a second call goes on where the first one was stopped. Studies stand in DIR/studies with
their results as Parquet, figures of the instrument in DIR/progress.json.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
SMALL = ("--minutes", "5", "--device", "none")
#: A step does not begin with less time than that, in seconds; so much is kept for exports, and a stopped run gets so long to end.
LEAST_S, EXPORT_S, GRACE_S = 30.0, 20.0, 15.0
QUESTIONS = {
    "questions": {"RQ1": "What does an output token cost in energy?", "RQ2": "How fast are tokens generated?"},
    "hypotheses": [
        {"id": "H1.0", "question": "RQ1", "metric": "j_per_output_token"}, {"id": "H2.0", "question": "RQ2", "metric": "throughput_tokens_per_s"},
    ],
}  # fmt: skip
METERS = [{"nvml": {"required": True, "interval_ms": 20}}, "rapl", "utilisation"]
BATCHES = (64, 256, 1024, 4096, 8192)


@dataclass
class Session:
    """Steps that are done, and the time at which to stop; written to a file after each step."""

    out: Path
    device: str
    deadline: float
    done: dict[str, Any] = field(default_factory=dict)

    @property
    def left_s(self) -> float:
        """Return the time left, in seconds."""
        return self.deadline - time.monotonic()

    def keep(self, step: str, result: Any) -> None:
        """Keep the result of a step."""
        self.done[step] = result
        part = self.out / "progress.part"
        part.write_text(json.dumps(self.done, indent=1), encoding="utf-8")
        part.replace(self.out / "progress.json")
        print(f"{step}: {json.dumps(result)}", flush=True)


def run(session: Session, command: Sequence[str], reserve_s: float = EXPORT_S) -> tuple[int | None, str]:
    """Run a command of Python until it ends or the time is over; return its exit code, None when it was stopped, and what it printed."""
    log = session.out / "log.txt"
    with log.open("a+", encoding="utf-8") as file:
        file.seek(0, os.SEEK_END)
        begin = file.tell()
        process = subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
        code: int | None = None
        try:
            code = process.wait(max(1.0, session.left_s - reserve_s - GRACE_S))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)  # what is finished is stored
            try:
                process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        file.seek(begin)
        return code, file.read()


def instrument(session: Session, step: str, seconds: float) -> None:
    """Take one step of the instrument."""
    code, said = run(session, ["-m", "benchmarks.gpu_instrument", step, str(seconds), session.device])
    lines = said.splitlines() or [""]
    try:
        result = json.loads(lines[-1]) if code == 0 else {"failed": lines[-1]}
    except ValueError:  # a library had the last word
        result = {"failed": lines[-1]}
    session.keep(step, result)


def study(session: Session, step: str, content: dict[str, Any], model: str) -> None:
    """Run the cells of one model of a study and export what there is; only a step that ended by itself is done."""
    folder = session.out / "studies"
    folder.mkdir(exist_ok=True)
    file = folder / f"{content['study']}.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    cache = ("--cache", str(session.out / "cache"))
    code, _ = run(session, ["-m", "greenreport", "run", str(file), "--only", f"model={model}", *cache])
    exported, said = run(session, ["-m", "greenreport", "export", str(file), *cache], reserve_s=0.0)
    result = {"exit code": code, "exported": exported == 0, "said": (said.splitlines() or [""])[-1]}
    if code not in (0, 1):
        print(f"{step}: exit code {code}; another call goes on there", flush=True)
    else:
        session.keep(step, result)


def models_of(name: str, number: int) -> list[dict[str, Any]]:
    """Return the first models of a study of the repository."""
    content = yaml.safe_load((ROOT / "studies" / name).read_text(encoding="utf-8"))
    kept = ("id", "name", "hub", "parameters", "size_category", "architecture")
    return [{key: model[key] for key in kept if key in model} for model in content["models"][:number]]


def slm_study(device: str) -> dict[str, Any]:
    """Return the three smallest models of the published study on the engines that have CUDA, five repetitions."""
    configurations = [{"engine": engine, "provider": "cuda"} for engine in ("torch", "torchscript", "onnx")]
    if device == "none":
        configurations = [{"engine": "fake", "provider": "cpu"}]
    return {
        "study": "gpu-code-slm", "title": "Small code models on one GPU", **QUESTIONS, "weights": "untrained",
        "models": models_of("code-slm.yaml", 3), "configurations": configurations,
        "workload": {"prompts": {"source": "builtin", "slice_tokens": [10, 15], "count": 24, "seed": 7}, "generation": {"output_tokens": 64, "exact": True}},
        "protocol": protocol(device, 5), **({"meters": METERS} if device != "none" else {"meters": METERS[:1], "validity": {"foreign_load": 1.0}}),
    }  # fmt: skip


def frontier_study(device: str) -> dict[str, Any]:
    """Return OPT from 125M to 2.7B with batches up to the limit of memory; what asks for more than fits is not tried."""
    return {
        "study": "gpu-frontier", "title": "Batches up to the limit of memory on one GPU", **QUESTIONS, "weights": "untrained",
        "models": models_of("throughput-frontier.yaml", 3),
        "configurations": [{"engine": "torch", "provider": "cuda", "dtype": "float16"}], "sweep": {"batch_size": list(BATCHES)},
        "workload": {"prompts": {"source": "builtin", "slice_tokens": [10, 15], "seed": 7}, "requests": BATCHES[-1], "generation": {"output_tokens": 32, "exact": True}},
        "protocol": protocol(device, 3), "meters": METERS, "fidelity": {"min_exact_match": 0},
    }  # fmt: skip


def protocol(device: str, repetitions: int) -> dict[str, Any]:
    """Return a protocol for little time: short baselines, and servers forked from a process that has imported torch."""
    rehearsal = device == "none"
    return {
        "repetitions": 1 if rehearsal else repetitions, "order": {"design": "randomized_complete_blocks", "seed": 2026},
        "worker": "preloaded", "warmup_requests": 1, "idle_baseline_s": 0.1 if rehearsal else 5,
        "cooldown": {"until": "none"} if rehearsal else {"until": "steady", "max_s": 10, "window_s": 5},
    }  # fmt: skip


def steps(session: Session) -> None:
    """Take the steps that are not done, in order of worth, while there is time."""
    rehearsal = session.device == "none"
    slm, frontier = slm_study(session.device), frontier_study(session.device)
    small, large = ([model["id"] for model in content["models"]] for content in (slm, frontier))
    plan: list[tuple[str, Any]] = [
        ("idle", lambda: instrument(session, "idle", 0.5 if rehearsal else 8)),
        ("rates", lambda: instrument(session, "rates", 1 if rehearsal else 8)),
    ]
    if rehearsal:
        plan += [(f"slm {small[0]}", lambda: study(session, f"slm {small[0]}", slm, small[0]))]
    else:
        plan += [("doctor", lambda: doctor(session)), ("tf32", lambda: instrument(session, "tf32", 0))]
        order = [
            (slm, small[0]),
            (frontier, large[0]),
            (slm, small[1]),
            (frontier, large[1]),
            (frontier, large[2]),
            (slm, small[2]),
        ]
        for content, model in order:
            name = f"{content['study']} {model}"
            plan.append((name, lambda name=name, content=content, model=model: study(session, name, content, model)))
    for name, take in plan:
        if name not in session.done and session.left_s > LEAST_S + EXPORT_S:
            take()


def doctor(session: Session) -> None:
    """Keep what doctor says."""
    code, said = run(session, ["-m", "greenreport", "doctor"])
    (session.out / "doctor.txt").write_text(said, encoding="utf-8")
    session.keep("doctor", {"exit code": code})


def main(options: Sequence[str] = (), *, small: bool = False) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=8.0, help="time for everything")
    parser.add_argument("--out", type=Path, help="folder of results; one of its own that goes afterwards when absent")
    parser.add_argument(
        "--device", choices=("cuda", "none"), default="cuda", help="none: a rehearsal, in which nothing computes"
    )
    arguments = parser.parse_args(SMALL if small else options)
    with ExitStack() as stack:
        out: Path = arguments.out or Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        out.mkdir(parents=True, exist_ok=True)
        if arguments.device == "none":
            from benchmarks.profiler_overhead import stand_ins

            print(*stand_ins(stack), sep="\n")
        kept = out / "progress.json"
        done = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
        session = Session(out.resolve(), arguments.device, time.monotonic() + 60 * arguments.minutes, done)
        steps(session)
        for interval, found in session.done.get("rates", {}).items():
            if isinstance(found, dict) and "difference_pct" in found:
                print(
                    f"sampled every {interval}: integrated power differs from the counter by {found['difference_pct']:+.2f} %"
                )
        print(f"{len(session.done)} steps are done, {max(0.0, session.left_s):.0f} s are left")


if __name__ == "__main__":
    main(sys.argv[1:])
