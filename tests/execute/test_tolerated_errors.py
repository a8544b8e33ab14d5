"""Tests of studies that admit a share of failed requests: servers that fail now and then, real processes."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace

import pytest

from greenreport.analysis.measure.metrics import observations
from greenreport.plan import make_plan
from greenreport.record import Outcome, RequestError, RequestErrorKind
from greenreport.study import Study
from greenreport.validity import judged
from tests.conftest import minimal_study
from tests.execute.external_studies import BARE, ONCE, Ran, endpoint, ran, starter
from tests.records import record

#: 12 requests after one of the warm-up: every fourth and every third that the server gets fails.
EVERY = {"fourth": ("4", {}), "at-once": ("4", {"concurrency": 3}), "open": ("4", {"request_rate": 60.0}), "batches": ("3", {"batch_size": 2}), "second": ("2", {})}  # fmt: skip


@pytest.fixture(scope="module")
def tolerant(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Give a study that admits 34 % of failed requests."""
    with ExitStack() as stack:
        start = starter(stack)
        configurations = [endpoint(start("--fail-every", every), id=name) | load for name, (every, load) in EVERY.items()]
        return ran(
            tmp_path_factory.mktemp("tolerant"),
            configurations,
            workload=minimal_study()["workload"] | {"requests": 12},
            protocol=ONCE | {"errors": "34 %"},
            validity={"foreign_load": 1.0, "admit": ["late_requests"]},
        )


def test_a_run_with_admitted_errors_counts_and_says_so(tolerant: Ran) -> None:
    """Every request is sent, one at a time, at once, when due and in batches; failed ones are flagged and told by number and kind."""
    found = {key.partition("-")[2]: run for key, run in tolerant.records.items()}
    failed = {name: sum(request.error is not None for request in run.requests) for name, run in found.items()}
    runs: Mapping[str, Outcome] = {name: run.outcome for name, run in found.items()}
    few = [name for name in runs if name != "second"]
    assert len(few) == 4
    for name in few:
        assert runs[name] is Outcome.OK, found[name].reason
        assert len(found[name].requests) == 12
        assert sorted(request.index for request in found[name].requests) == list(range(12))
        [flag] = [flag for flag in found[name].flags if flag.code == "failed_requests"]
        assert flag.detail.startswith(f"{failed[name]} of 12 requests failed ({failed[name]} server); the study allows 34")
        assert "the engine is dead" in flag.detail
    assert sorted(failed[name] for name in few) == [3, 3, 3, 4]


def test_a_run_with_more_errors_fails_before_its_end(tolerant: Ran) -> None:
    """Every second of twelve is more than 34 %: the fifth error ends the run."""
    [run] = [run for key, run in tolerant.records.items() if "second" in key]
    assert run.outcome is Outcome.FAILED
    assert sum(request.error is not None for request in run.requests) == 5
    assert len(run.requests) < 12
    assert "the engine is dead" in str(run.reason)


def test_failed_requests_are_a_metric_and_no_part_of_latencies() -> None:
    """Of two requests the one of nine seconds failed: half of them, and the latency is that of the other."""
    good, bad = record().requests
    broken = replace(
        bad, error=RequestError(RequestErrorKind.SERVER, "gone"), output_tokens=None, output_sha256=None, answered_by=None
    )
    protocol = minimal_study()["protocol"] | {"idle_baseline_s": 2.0, "errors": 0.5}
    study = Study.model_validate(minimal_study(protocol=protocol, meters=["rapl"]))
    verdict = judged(record(requests=(good, broken)), study)
    assert (verdict.outcome, [flag.code.value for flag in verdict.flags]) == (Outcome.OK, ["failed_requests"])
    found = {observation.metric: observation.value for observation in observations(verdict)}
    assert (found["error_pct"], found["latency_s"], found["throughput_requests_per_s"]) == (50.0, 5.0, 0.1)
    assert {o.metric: o.value for o in observations(record())}["error_pct"] == 0.0


def test_only_a_declared_share_is_part_of_the_fingerprint() -> None:
    """Finished runs of studies without it stay finished."""

    def prints(**protocol: object) -> list[str]:
        study = Study.model_validate(
            minimal_study(models=BARE, configurations=[endpoint("http://127.0.0.1:1", id="a")], protocol=ONCE | protocol)
        )
        return [cell.fingerprint for cell in make_plan(study, "prompts").cells]

    assert prints() == prints(errors=None) != prints(errors="1 %")
