"""A browser for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import commands
from tests.browser.chromium import ARGUMENTS, chromium_path
from tests.conftest import minimal_study
from tests.sharing import made_once

ENGINES = ("torch", "torchscript", "onnx", "openvino")
FACTOR = {"low": 100, "central": 200, "high": 400, "source": "made up for a test", "date": "2025"}


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Give a running chromium, or skip with the reason."""
    if not chromium_path():
        pytest.skip("chromium is not installed; `make test` installs Debian's where it may")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra `test`)")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium_path(), args=list(ARGUMENTS))
        yield running
        running.close()


def greenreport(folder: Path, *arguments: str) -> str:
    """Run the command line in a folder; it must end well."""
    result = commands.greenreport(folder, *arguments)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="session")
def real_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the site of a tiny study that was run on the four real engines."""
    pytest.importorskip("torch", reason="torch is not installed (extra `all`)")
    return made_once(tmp_path_factory, "real", make_real_site) / "site"


def make_real_site(folder: Path) -> None:
    """Run the study in a folder, export it, and build a site that compares it with its own publication."""
    architecture = {"type": "gpt2", "n_layer": 2, "n_head": 2, "n_embd": 64, "vocab_size": 4096, "n_positions": 256}
    study = minimal_study(
        study="real",
        models=[{"id": "tiny-gpt2", "name": "Tiny GPT-2", "architecture": architecture}],
        configurations=[{"engine": engine, "provider": "cpu"} for engine in ENGINES],
        # Runs long enough for several steps of the load that is drawn, however slow or fast the machine is.
        protocol=minimal_study()["protocol"] | {"repetitions": 3, "idle_baseline_s": 1.0},
        footprint={"location": "A test", "carbon_g_per_kwh": FACTOR, "price_per_kwh": FACTOR | {"currency": "EUR"}},
        hypotheses=[
            {"id": "H1.0", "question": "RQ1", "metric": "duration_s"},
            {"id": "H2.0", "question": "RQ1", "metric": "energy_j"},
        ],
    )
    (folder / "studies").mkdir()
    (folder / "studies" / "real.yaml").write_text(yaml.safe_dump(study, sort_keys=False), encoding="utf-8")
    greenreport(folder, "run", "studies/real.yaml", "--quiet")
    greenreport(folder, "export", "studies/real.yaml")
    (folder / "studies" / "real" / "results").rename(folder / "studies" / "elsewhere")
    study["compare"] = ["elsewhere"]
    (folder / "studies" / "real.yaml").write_text(yaml.safe_dump(study, sort_keys=False), encoding="utf-8")
    greenreport(folder, "build", "--quiet")
