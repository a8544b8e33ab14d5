"""The thirteen measurement faults of the published study: each test fails when its fault is put back.

The study is Durán et al., arXiv 2412.15441; the faults were found by reading its public replication package.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import fields, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import duckdb
import pytest

from greenreport.analysis.hypotheses.claims import Claim
from greenreport.analysis.measure.metrics import observations
from greenreport.analysis.stats import geometric_mean_ratio
from greenreport.engines.base import EngineJob, verified
from greenreport.errors import MeasurementInvalid
from greenreport.plan import make_plan
from greenreport.record import Facts, Outcome, Phase, Request
from greenreport.study import Configuration, Study, load_study
from greenreport.validity import judged, quantum
from tests.conftest import ROOT, minimal_study
from tests.records import SECOND, record

Command = Callable[..., Any]
Write = Callable[..., Path]


def rows(tmp_path: Path, sql: str) -> list[tuple[Any, ...]]:
    """Return rows of the store."""
    with duckdb.connect(str(tmp_path / "cache" / "greenreport.duckdb")) as connection:
        return connection.execute(sql).fetchall()


def fake(**options: Any) -> dict[str, Any]:
    """Return a configuration of the fake engine."""
    return {"engine": "fake", "options": {"token_s": 0.001} | options}


def once(**changes: Any) -> dict[str, Any]:
    """Return a protocol of one repetition."""
    return minimal_study()["protocol"] | {"repetitions": 1} | changes


def study() -> Study:
    """Return a study that fits the made-up record."""
    return Study.model_validate(minimal_study(protocol=minimal_study()["protocol"] | {"idle_baseline_s": 2.0}))


# 1. A wall meter was polled inside the request handler.


def test_01_a_slow_meter_never_delays_a_request(command: Command, write_study: Write, tmp_path: Path) -> None:
    """A wall meter that takes half a second for each answer leaves requests of some milliseconds as they are."""

    class Slow(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(0.5)
            body = b'{"power": 50}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        meter = {"wattmeter": {"kind": "json", "url": f"http://127.0.0.1:{server.server_port}/", "power": "power"}}
        workload = minimal_study()["workload"] | {"prompts": {"source": "builtin", "count": 24}}
        file = write_study(
            configurations=[fake(token_s=0.01)], workload=workload, protocol=once(), meters=["utilisation", meter]
        )
        command("run", str(file), "--quiet", check=None)
        server.shutdown()
    latencies = [row[0] / 1e9 for row in rows(tmp_path, "SELECT end_ns - start_ns FROM requests ORDER BY 1")]
    assert len(latencies) == 24
    assert latencies[12] < 0.4
    assert quantum(latencies) is None


def test_01_latencies_rounded_up_to_the_meters_period_are_seen() -> None:
    """The published latencies sat on multiples of 0.577 s; such a run is flagged."""
    requests = tuple(
        Request(
            index, index * 10 * SECOND, index * 10 * SECOND + int((0.577 * (1 + index % 3) + 0.002 * (index % 5)) * SECOND),
            output_tokens=8, output_sha256=str(index), answered_by="one",
        )
        for index in range(30)
    )  # fmt: skip
    assert "latency_quantised" in {flag.code for flag in judged(record(requests=requests), study()).flags}


# 2. TorchScript ran one padded forward pass, the others generated.


def test_02_an_engine_that_generates_fewer_tokens_is_invalid(command: Command, write_study: Write, tmp_path: Path) -> None:
    """The other configuration of the same study is not affected."""
    file = write_study(configurations=[fake(), fake(short_by=7)], protocol=once())
    command("run", str(file), "--quiet", check=1)
    found = dict(rows(tmp_path, "SELECT outcome, reason FROM runs"))
    assert found["ok"] is None
    assert "do not have exactly 8 tokens" in found["invalid"]


# 3. OpenVINO ran without a KV cache and with INT8 weights.


@pytest.mark.parametrize(
    ("loaded", "named"),
    [
        (Facts("int8", True, 2, "cpu"), "type int8"),
        (Facts("float32", False, 2, "cpu"), "KV cache False"),
    ],
)
def test_03_precision_and_cache_that_differ_from_the_study_stop_the_run(loaded: Facts, named: str) -> None:
    """What the engine reports after load is compared with the configuration."""
    job = EngineJob(Configuration(engine="openvino"), threads=2)
    with pytest.raises(MeasurementInvalid, match=named):
        verified(loaded, job)
    assert verified(Facts("float32", True, 2, "cpu"), job).dtype == "float32"


# 4. The cool-down of five minutes never happened.


def test_04_a_cool_down_that_did_not_happen_invalidates_the_run() -> None:
    """Planned for 300 s, over after 0.3 s; and not there at all."""
    asked = minimal_study()["protocol"] | {"idle_baseline_s": 2.0, "cooldown": {"until": "elapsed", "max_s": 300}}
    spec = Study.model_validate(minimal_study(protocol=asked))
    absent = judged(record(), spec)
    assert absent.outcome is Outcome.INVALID
    assert "the phase cooldown did not happen" in str(absent.reason)
    load = record().marks[1]
    short = replace(load, phase=Phase.COOLDOWN, start_ns=-SECOND, end_ns=-SECOND + SECOND // 3, planned_s=300.0)
    assert "300.00 s were planned" in str(judged(record(marks=(short, *record().marks)), spec).reason)


# 5. Engines and models ran in the same order in every repetition.


def test_05_the_order_of_runs_is_randomised_within_blocks_unless_the_study_says_otherwise() -> None:
    """The published study's file: ten blocks, ten different orders, each cell once in each."""
    plan = make_plan(load_study(ROOT / "studies" / "code-slm.yaml").study, "prompts")
    blocks = [tuple(run.cell.key for run in plan.runs if run.repetition == block) for block in range(1, 11)]
    assert len(set(blocks)) == 10
    assert len({frozenset(block) for block in blocks}) == 1
    assert len(blocks[0]) == len(set(blocks[0])) == 84


# 6. One server process served everything, so memory carried over.


@pytest.mark.parametrize("worker", ["fresh", "preloaded"])
def test_06_every_run_has_a_server_process_of_its_own(
    command: Command, write_study: Write, tmp_path: Path, worker: str
) -> None:
    """A server that lived on would reach its sixth request in the second run, and crash."""
    file = write_study(configurations=[fake(crash_at=6)], protocol=once(worker=worker, repetitions=3))
    command("run", str(file), "--quiet")
    assert rows(tmp_path, "SELECT outcome, count(*) FROM runs GROUP BY ALL") == [("ok", 3)]


# 7. A failed load went unnoticed; the model before it answered.


def test_07_a_failed_load_and_an_answer_by_another_model_never_count(
    command: Command, write_study: Write, tmp_path: Path
) -> None:
    """The first is an outcome with its reason and no request, the second an invalid run."""
    command("run", str(write_study(configurations=[fake(fail_load=True)], protocol=once())), "--quiet", check=1)
    assert rows(tmp_path, "SELECT outcome, reason FROM runs") == [("unsupported", "the fake engine was asked to fail")]
    assert rows(tmp_path, "SELECT count(*) FROM requests") == [(0,)]
    requests = tuple(replace(request, answered_by="the model before") for request in record().requests)
    other = judged(record(requests=requests), study())
    assert other.outcome is Outcome.INVALID
    assert "the model before" in str(other.reason)


# 8. Output tokens were not recorded.


def test_08_energy_is_told_per_request_and_per_output_token() -> None:
    """100 J over two requests of eight tokens."""
    values = {o.metric: o.value for o in observations(record())}
    assert values["j_per_request"] == pytest.approx(50)
    assert values["j_per_output_token"] == pytest.approx(100 / 16)
    assert all(request.output_tokens == 8 for request in record().requests)


# 9. The energy window was up to 25 s wider than the time window.


def test_09_energy_and_time_share_one_window() -> None:
    """10 W over a window of 10 s are 100 J, although the meter ran for 20 s."""
    values = {o.metric: o.value for o in observations(record())}
    assert values["duration_s"] == pytest.approx(10)
    assert values["energy_j"] == pytest.approx(100)
    assert values["power_mean_w"] == pytest.approx(10)


# 10. Idle power was not subtracted, and the idle GPU left out.


def test_10_gross_and_net_energy_name_their_boundary() -> None:
    """Net is gross without idle power; both name the components they include."""
    found = {o.metric: o for o in observations(record())}
    assert found["energy_net_j"].value == pytest.approx(0)
    assert found["energy_j"].boundary == found["energy_net_j"].boundary == "CPU package-0"
    gpu = replace(record().traces[0], meter="nvml", domain="gpu-0")
    both = {o.metric: o for o in observations(record(traces=(*record().traces, gpu)))}
    assert both["energy_j"].boundary == "CPU package-0 + GPU gpu-0"
    assert both["energy_j"].value == pytest.approx(200)


# 11. An "aggregated median" was a mean of medians, and percentages had no denominator.


def test_11_a_claim_cannot_be_made_without_denominator_scope_and_aggregator() -> None:
    """They are fields without defaults; over models, ratios are averaged geometrically and no joules are added."""
    required = {item.name for item in fields(Claim)}
    assert {"numerator", "denominator", "scope", "aggregator", "value", "ci", "boundary"} <= required
    with pytest.raises(TypeError):
        Claim(id="c", metric="energy_j", numerator="a", value=0.5)  # type: ignore[call-arg]
    large, small = ([1000.0] * 3, [500.0] * 3), ([1.0] * 3, [4.0] * 3)
    assert geometric_mean_ratio([large, small]).value == pytest.approx((2 * 0.25) ** 0.5)


# 12. Threads were assigned and never exported.


def test_12_the_number_of_threads_is_exported_and_verified(command: Command, write_study: Write, tmp_path: Path) -> None:
    """It reaches the serving process, and another number than asked for stops the run."""
    command("run", str(write_study(configurations=[fake() | {"threads": 1}], protocol=once())), "--quiet")
    facts = json.loads(rows(tmp_path, "SELECT facts FROM runs")[0][0])
    assert facts["threads"] == 1
    with pytest.raises(MeasurementInvalid, match="number of threads 8"):
        verified(Facts("float32", True, 8, "cpu"), EngineJob(Configuration(engine="torch"), threads=2))


# 13. The device was switched by editing source, results were joined by hand.


def test_13_one_file_holds_every_configuration_and_one_store_every_result(
    command: Command, write_study: Write, tmp_path: Path
) -> None:
    """Both providers come from the study file; both end in one store, and a second call has nothing to do."""
    published = load_study(ROOT / "studies" / "code-slm.yaml").study
    assert {configuration.provider for configuration in published.configurations} == {"cpu", "cuda"}
    file = write_study(configurations=[fake(), {"engine": "torch", "provider": "cuda"}], protocol=once())
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "-1"}
    command("run", str(file), "--quiet", check=1, env=environment)
    assert sorted(rows(tmp_path, "SELECT provider, outcome FROM runs")) == [("cpu", "ok"), ("cuda", "unsupported")]
    assert "nothing to do" in command("run", str(file), check=1, env=environment).stdout
