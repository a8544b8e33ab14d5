"""Tests of published findings about growing load beside ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from greenreport.analysis.analyse import analyse
from greenreport.analysis.compare.prediction import ReplicationOutcome
from greenreport.analysis.compare.replication import SweepReplication
from greenreport.analysis.findings_json.document import document
from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.dataset import Dataset
from greenreport.study import Configuration, load_reference
from tests.conftest import ROOT
from tests.datasets import run, study

PUBLISHED = load_reference(ROOT / "studies" / "references" / "recasens-2024.yaml")
SATURATING = {1: 100.0, 2: 190.0, 4: 300.0, 8: 305.0}
GROWING = {1: 100.0, 2: 190.0, 4: 370.0, 8: 700.0}


def swept(single: Mapping[int, float], two: Mapping[int, float] | None = None, *, model: str = "opt-125m") -> Dataset:
    """Return a dataset with the throughput of one and of two replicas at several batches."""
    spec = study([model], ["torch"])
    cells = []
    for replicas, throughputs in ((1, single), (2, two or {})):
        for batch, value in throughputs.items():
            runs = tuple(
                run(n, {"throughput_tokens_per_s": value * s, "tbt_s": batch / value / s, "j_per_output_token": 10 / value / s})
                for n, s in enumerate((0.99, 1.0, 1.01), start=1)
            )
            cells.append(CellView(spec.models[0], Configuration(engine="torch", batch_size=batch, replicas=replicas), runs))
    configurations = tuple(cell.configuration for cell in cells)
    return Dataset(spec.model_copy(update={"configurations": configurations}), tuple(cells), references=(PUBLISHED,))


def found(data: Dataset) -> dict[str, SweepReplication]:
    """Return what became of each published finding."""
    [report] = analyse(data).replications
    return {item.finding.id: item for item in report.sweeps}


def test_a_saturating_sweep_replicates_and_a_growing_one_does_not() -> None:
    """The batch where it ends is told, or that it still grows."""
    item = found(swept(SATURATING))["frontier-in-memory"]
    assert (item.outcome, item.why) == (ReplicationOutcome.REPLICATED, "OPT-125M: throughput saturates at batch 4")
    item = found(swept(GROWING))["frontier-in-memory"]
    assert item.outcome is ReplicationOutcome.NOT_REPLICATED
    assert item.why == "OPT-125M: throughput still grows at batch 8, the largest load measured"


@pytest.mark.parametrize(
    ("factor", "gain", "faster"),
    [
        (1.3, ReplicationOutcome.REPLICATED, ReplicationOutcome.REPLICATED),
        (0.7, ReplicationOutcome.NOT_REPLICATED, ReplicationOutcome.NOT_REPLICATED),
        (1.0, ReplicationOutcome.NOT_REPLICATED, ReplicationOutcome.NOT_REPLICATED),
    ],
)
def test_replicas_are_judged_by_intervals(factor: float, gain: ReplicationOutcome, faster: ReplicationOutcome) -> None:
    """Clearly more throughput replicates; clearly less, or no clear difference, does not. Time between tokens goes the other way."""
    items = found(swept(SATURATING, {batch: value * factor for batch, value in SATURATING.items()}))
    assert items["replicas-raise-throughput"].outcome is gain
    assert items["replicas-shorten-latency"].outcome is faster
    assert len(items["replicas-raise-throughput"].ours) == 4


def test_mixed_evidence_does_not_replicate() -> None:
    """More at one batch and less at another: not as published, and the sentence says at how many loads."""
    two = {batch: value * (1.3 if batch < 4 else 0.7) for batch, value in SATURATING.items()}
    item = found(swept(SATURATING, two))["replicas-raise-throughput"]
    assert (item.outcome, item.why) == (ReplicationOutcome.NOT_REPLICATED, "clearly higher at 2 of 4 loads, clearly lower at 2")


def test_what_cannot_be_tested_says_why() -> None:
    """Other models, no replicas, facts of a machine, and no sweep at all."""
    items = found(swept(SATURATING, model="other"))
    assert {item.outcome for item in items.values()} == {ReplicationOutcome.NOT_TESTABLE}
    assert "no sweep of one of these models" in items["frontier-in-memory"].why
    assert "the machine it was measured on" in items["largest-batch"].why
    alone = found(swept(SATURATING))["replicas-raise-throughput"]
    assert (alone.outcome, alone.ours) == (ReplicationOutcome.NOT_TESTABLE, ())
    empty = replace(swept(SATURATING), cells=())
    assert {item.outcome for item in found(empty).values()} == {ReplicationOutcome.NOT_TESTABLE}


def test_the_claims_behind_a_verdict_have_their_derivation() -> None:
    """Every comparison that decided stands among the claims, and in the findings."""
    analysis = analyse(swept(SATURATING, {batch: value * 1.3 for batch, value in SATURATING.items()}))
    written = document(analysis)
    ids = {claim["id"] for claim in written["claims"]}
    items = {item["finding"]: item for item in written["sweep_replications"]}
    assert set(items["replicas-raise-throughput"]["claims"]) <= ids
    assert items["replicas-raise-throughput"]["outcome"] == "replicated"


def test_the_publication_says_what_it_says() -> None:
    """The figures its text prints, and nothing else."""
    statements: Sequence[str] = [finding.statement for finding in PUBLISHED.sweeps]
    assert any("512 for OPT 125M and 16 for OPT 13B" in text for text in statements)
    assert PUBLISHED.values == ()
