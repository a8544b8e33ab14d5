"""Fixtures and builders shared by all tests."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, settings

from tests.commands import greenreport

ROOT = Path(__file__).resolve().parents[1]

Study = dict[str, Any]

# How long a test takes says nothing on a machine that does other things too.
settings.register_profile("greenreport", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("greenreport")


def minimal_study(**changes: Any) -> Study:
    """Return the data of a valid study on the fake engine; keyword arguments replace sections."""
    study: Study = {
        "study": "tiny",
        "title": "A tiny study",
        "questions": {"RQ1": "How does the configuration affect execution time?"},
        "weights": "untrained",
        "models": [
            {"id": "one", "architecture": {"type": "gpt2", "n_layer": 1, "n_head": 2, "n_embd": 32, "vocab_size": 4096}},
        ],
        "configurations": [
            {"engine": "fake", "provider": "cpu", "options": {"token_s": 0.001}},
            {"engine": "fake", "provider": "cpu", "options": {"token_s": 0.003}},
        ],
        "workload": {
            "prompts": {"source": "builtin", "count": 4, "seed": 1},
            "generation": {"output_tokens": 8, "exact": True},
        },
        "protocol": {
            "repetitions": 2,
            "order": {"design": "randomized_complete_blocks", "seed": 3},
            "worker": "preloaded",
            "warmup_requests": 1,
            "idle_baseline_s": 0.1,
            "cooldown": {"until": "none"},
            "sampling_interval_ms": 23,
        },
        "meters": ["utilisation", {"estimate": {"use": "fallback", "answers": True}}],
        "validity": {"foreign_load": 1.0},  # other tests and programs may run beside
        "hypotheses": [{"id": "H1.0", "question": "RQ1", "metric": "duration_s"}],
    }
    return study | changes


@pytest.fixture
def write_study(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a study file and returns its path."""

    def write(name: str = "tiny", **changes: Any) -> Path:
        folder = tmp_path / "studies"
        folder.mkdir(exist_ok=True)
        file = folder / f"{name}.yaml"
        file.write_text(yaml.safe_dump(minimal_study(study=name, **changes), sort_keys=False), encoding="utf-8")
        return file

    return write


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs the command line in the test's folder and checks its exit code; see `tests.commands`."""

    def run(*arguments: str, check: int | None = 0, **options: Any) -> subprocess.CompletedProcess[str]:
        result = greenreport(tmp_path, *arguments, **options)
        if check is not None:
            assert result.returncode == check, f"exit {result.returncode}\n{result.stdout}\n{result.stderr}"
        return result

    return run
