"""Tests that the engines on PyTorch give the same tokens under transformers 4 and 5: each in an environment, through a whole run."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest
import yaml

from greenreport.record import Outcome, RecordKind
from greenreport.store import Store
from tests.commands import greenreport
from tests.conftest import ROOT, minimal_study
from tests.engines.test_engines import FAMILIES

PYTHON = ROOT / ".servers" / "transformers5" / "bin" / "python"

pytestmark = [pytest.mark.engines, pytest.mark.acceptance]


@pytest.mark.skipif(not PYTHON.exists(), reason="there is no environment with transformers 5; `make servers` makes it")
def test_tokens_are_the_same_under_transformers_4_and_5(tmp_path: Path) -> None:
    """Every family in eager mode and traced, the trace made by each version itself; one family compiled."""
    engines = ("torch", "torchscript", "torch_compile")
    study = minimal_study(
        models=[
            {"id": family.replace("_", "-"), "architecture": {"type": family, **shape, "vocab_size": 4096}}
            for family, shape in FAMILIES.items()
        ],
        environments={"newer": {"python": str(PYTHON), "exports": True}},
        configurations=[{"engine": name, **where} for name in engines for where in ({}, {"environment": "newer"})],
        exclude=[
            {"engine": "torch_compile", "model": family.replace("_", "-"), "reason": "compiling takes long"}
            for family in FAMILIES
            if family != "llama"
        ],
        protocol=minimal_study()["protocol"] | {"repetitions": 1, "worker": "fresh", "idle_baseline_s": 0},
    )
    (tmp_path / "versions.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    ended = greenreport(tmp_path, "run", "versions.yaml", "-q")
    records = list(Store(tmp_path / "cache" / "greenreport.duckdb").of_kind(RecordKind.RUN, "tiny"))
    assert {record.key: record.reason for record in records if record.outcome is not Outcome.OK} == {}, ended.stdout
    versions = {dict(served.packages)["transformers"][0] for record in records for served in record.environment.served}
    assert versions == {"5"}
    tokens = defaultdict(set)
    for record in records:
        tokens[record.model].add(tuple(request.output_sha256 for request in sorted(record.requests, key=lambda r: r.index)))
    assert {model: len(different) for model, different in tokens.items()} == dict.fromkeys(tokens, 1)
    assert len(records) == 2 * (2 * len(FAMILIES) + 1)
