"""Datasets made up for tests: cells with chosen values, without running anything."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.observation import Observation
from greenreport.analysis.measure.run_view import RunView
from greenreport.record import Method, Outcome, Output, Request
from greenreport.study import Study
from tests.conftest import minimal_study
from tests.records import ENVIRONMENT

ENGINES = ("torch", "onnx", "openvino")
Values = Mapping[str, Sequence[float]]


def study(models: Sequence[str], engines: Sequence[str] = ENGINES, **changes: Any) -> Study:
    """Return a study of these models and engines with questions on energy and time."""
    architecture = minimal_study()["models"][0]["architecture"]
    sections: dict[str, Any] = {
        "models": [{"id": name, "name": name.upper(), "architecture": architecture} for name in models],
        "configurations": [{"engine": engine, "provider": "cpu"} for engine in engines],
        "questions": {"RQ1": "Energy?", "RQ2": "Time?"},
        "hypotheses": [
            {"id": "H1.0", "question": "RQ1", "metric": "energy_j"},
            {"id": "H2.0", "question": "RQ2", "metric": "duration_s"},
        ],
        "protocol": minimal_study()["protocol"] | {"repetitions": 5},
    }
    return Study.model_validate(minimal_study(**(sections | changes)))


def run(number: int, values: Mapping[str, float | None], outputs: Sequence[str] = ("a", "b"), **changes: Any) -> RunView:
    """Return an OK run with these values and outputs."""
    observations = {
        metric: Observation(metric, value, "CPU package-0" if metric.endswith("_j") else "client", Method.MEASURED, None if value is not None else "no meter")
        for metric, value in values.items()
    }  # fmt: skip
    requests = tuple(
        Request(index, 0, 1, output_tokens=8, output_sha256=digest, answered_by="m") for index, digest in enumerate(outputs)
    )
    options: dict[str, Any] = {"outcome": Outcome.OK, "reason": None} | changes
    return RunView(f"run-{number}", number, number, started_at="2026-01-01T00:00:00Z", start_ns=number * 10**10, duration_s=5.0,
                   observations=observations, requests=requests, **options)  # fmt: skip


def dataset(
    energy: Mapping[str, Values],
    time: Mapping[str, Values] | None = None,
    outputs: Mapping[tuple[str, str], Sequence[str]] | None = None,
    **changes: Any,
) -> Dataset:
    """Return a dataset from model → engine → values of energy (and time; the same figures when absent)."""
    engines = tuple(dict.fromkeys(engine for table in energy.values() for engine in table))
    spec = study(tuple(energy), engines, **changes)
    cells = []
    for model in spec.models:
        for configuration in spec.configurations:
            values = energy[model.id].get(configuration.engine)
            if values is None:
                continue
            seconds = (time or energy)[model.id][configuration.engine]
            answers = (outputs or {}).get((model.id, configuration.engine), ("a", "b"))
            runs = tuple(
                run(number, {"energy_j": joules, "duration_s": s}, answers)
                for number, (joules, s) in enumerate(zip(values, seconds, strict=True), start=1)
            )
            cells.append(CellView(model, configuration, runs))
    texts = {digest: Output(digest, digest * 3, (1, 2, ord(digest[0]))) for digest in "abcxyz"}
    return Dataset(spec, tuple(cells), environment=ENVIRONMENT, outputs=texts)


def around(centre: float, n: int = 5, spread: float = 0.01) -> list[float]:
    """Return n values around a centre, evenly spread by a share of it, in an order of its own: blocks have nothing in common."""
    steps = [centre * (1 + spread * (2 * index / (n - 1) - 1)) for index in range(n)]
    random.Random(f"{centre}").shuffle(steps)
    return steps
