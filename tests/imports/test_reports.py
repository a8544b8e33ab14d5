"""Tests of reading reports of benchmark programs: made ones of each format, and published ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from greenreport.errors import ImportFileError
from greenreport.imports.mapping import Mapping
from greenreport.imports.observed_values import ObservedValues
from greenreport.imports.reading import read_results
from greenreport.imports.results_table import ResultsTable, Role
from tests.imports.real_files import FOLDER, real

SPREAD = {"mean": 2.0, "median": 1.5, "p90": 3.0, "p99": 4.0}
#: Format → (a report of its form, what must be read of it: (metric, statistic) → value in the metric's unit, loads, texts).
MADE: dict[str, tuple[Any, dict[tuple[str, str | None], float], dict[str, float], dict[Role, str]]] = {
    "inference-perf": (
        {"load_summary": {"count": 9, "requested_rate": 4.0, "achieved_rate": 3.5, "schedule_delay": {"mean": 0.25}}, "failures": {"count": 1},
         "successes": {"count": 8, "latency": {"request_latency": SPREAD, "time_per_output_token": {"median": 0.01}, "inter_token_latency": {"median": 0.001, "p99": 0.04}},
                       "throughput": {"output_tokens_per_sec": 70.0, "requests_per_sec": 3.4}, "prompt_len": {"mean": 11}, "output_len": {"mean": 20}}},
        {("latency_s", "mean"): 2.0, ("latency_s", "p99"): 4.0, ("tpot_s", "p50"): 0.01, ("tbt_s", "p99"): 0.04, ("lateness_s", "mean"): 0.25,
         ("achieved_rate_per_s", None): 3.5, ("throughput_tokens_per_s", None): 70.0, ("failed_requests", None): 1.0},
        {"request_rate": 4.0}, {Role.MODEL: "unnamed model"},
    ),
    "guidellm": (
        {"metadata": {"guidellm_version": "0.3.0"}, "benchmarks": [{
            "args": {"strategy": {"type_": "concurrent", "streams": 8}}, "worker": {"backend_model": "m"}, "duration": 30.0, "run_stats": {"requests_made": {"successful": 5, "errored": 2}},
            "metrics": {"request_latency": {"successful": {**SPREAD, "count": 5, "percentiles": {"p95": 3.5, "p999": 4.5}}}, "time_to_first_token_ms": {"successful": {"median": 120.0}},
                        "output_tokens_per_second": {"successful": {"mean": 55.0}}}}]},
        {("latency_s", "p50"): 1.5, ("latency_s", "p95"): 3.5, ("latency_s", "p99.9"): 4.5, ("ttft_s", "p50"): 0.12, ("throughput_tokens_per_s", None): 55.0,
         ("failed_requests", None): 2.0, ("duration_s", None): 30.0},
        {"concurrency": 8.0}, {Role.MODEL: "m"},
    ),
    "llm-d": (
        {"version": "0.2.1", "run": {"time": {"duration": "PT1M2.5S", "start": "2026-01-01T00:00:00Z"}},
         "scenario": {"stack": [{"standardized": {"kind": "inference_engine", "tool": "vllm", "replicas": 2, "model": {"name": "q"}, "accelerator": {"model": "H100"}}}],
                      "load": {"standardized": {"concurrency": 16, "rate_qps": None}}},
         "results": {"request_performance": {"aggregate": {"latency": {"request_latency": {"units": "ms", "mean": 20, "p99": 40}}, "throughput": {"output_token_rate": {"mean": 9}},
                                                           "requests": {"total": 7, "failures": 0}}}}},
        {("latency_s", "mean"): 0.02, ("latency_s", "p99"): 0.04, ("throughput_tokens_per_s", None): 9.0, ("duration_s", None): 62.5, ("started_s", None): 1767225600.0,
         ("failed_requests", None): 0.0},
        {"concurrency": 16.0, "replicas": 2.0}, {Role.MODEL: "q", Role.ENGINE: "vllm", Role.PROVIDER: "H100"},
    ),
    "vllm-bench": (
        {"model_id": "m", "backend": "vllm", "request_rate": "inf", "max_concurrency": 4, "duration": 10.0, "completed": 20, "request_throughput": 2.0, "output_throughput": 300.0,
         "mean_ttft_ms": 30.0, "median_ttft_ms": 25.0, "p99_ttft_ms": 90.0, "median_tpot_ms": 10.0, "p99_itl_ms": 20.0, "median_e2el_ms": 5000.0},
        {("ttft_s", "p50"): 0.025, ("ttft_s", "p99"): 0.09, ("tpot_s", "p50"): 0.01, ("tbt_s", "p99"): 0.02, ("latency_s", "p50"): 5.0, ("throughput_tokens_per_s", None): 300.0},
        {"concurrency": 4.0}, {Role.MODEL: "m", Role.ENGINE: "vllm"},
    ),
    "aiperf": (
        {"request_latency": {"unit": "ms", "avg": 200.0, "p50": 150.0, "p99": 900.0, "count": 10}, "time_to_first_token": {"unit": "ms", "avg": 20.0, "p50": 19.0},
         "output_token_throughput": {"unit": "tokens/sec", "avg": 80.0}, "benchmark_duration": {"unit": "sec", "avg": 12.0},
         "input_config": {"endpoint": {"model_names": ["m"]}, "loadgen": {"concurrency": 3}}},
        {("latency_s", "p50"): 0.15, ("latency_s", "p99"): 0.9, ("ttft_s", "mean"): 0.02, ("throughput_tokens_per_s", None): 80.0, ("duration_s", None): 12.0},
        {"concurrency": 3.0}, {Role.MODEL: "m"},
    ),
    "optimum-benchmark": (
        {"config": {"backend": {"name": "pytorch", "model": "gpt2", "device": "cuda"}, "scenario": {"input_shapes": {"batch_size": 2}}},
         "report": {"prefill": {"latency": {"unit": "s", "values": [0.3, 0.1, 0.2]}, "energy": {"unit": "kWh", "cpu": 1e-6, "gpu": 2e-6, "ram": 0.0, "total": 3e-6}},
                    "decode": {"latency": {"unit": "s", "values": [1.0, 3.0]}, "energy": {"unit": "kWh", "cpu": 1e-6, "gpu": 4e-6, "ram": 0.0, "total": 5e-6},
                               "throughput": {"unit": "tokens/s", "value": 42.0}}}},
        {("ttft_s", "p50"): 0.2, ("ttft_s", "mean"): 0.2, ("prefill_energy_j", None): 10.8, ("decode_energy_j", None): 18.0, ("energy_j", None): 28.8, ("gpu_energy_j", None): 21.6,
         ("throughput_tokens_per_s", None): 42.0},
        {"batch_size": 2.0}, {Role.MODEL: "gpt2", Role.ENGINE: "pytorch", Role.PROVIDER: "cuda"},
    ),
    "ml-energy": (
        {"model_id": "m", "steady_state_energy": 900.0, "steady_state_duration": 3.0, "output_throughput": 100.0, "max_num_seqs": 32, "median_itl_ms": 9.0, "p99_itl_ms": 30.0,
         "results": [{"ttft": 0.1}, {"ttft": 0.4}, {"ttft": 0.2}]},
        {("energy_j", None): 900.0, ("duration_s", None): 3.0, ("ttft_s", "p50"): 0.2, ("tbt_s", "p99"): 0.03},
        {"concurrency": 32.0}, {Role.MODEL: "m"},
    ),
    "inferencex": (
        [{"hw": "h200", "framework": "vllm", "precision": "fp8", "isl": 1024, "osl": 128, "conc": 64, "model": "m", "tput_per_gpu": 900.0, "joules_per_output_token": 0.5,
          "avg_power_w": 450.0, "median_ttft": 0.3, "p99_itl": 0.05}],
        {("j_per_output_token", None): 0.5, ("power_mean_w", None): 450.0, ("ttft_s", "p50"): 0.3, ("tbt_s", "p99"): 0.05},
        {"concurrency": 64.0, "output_tokens": 128.0}, {Role.MODEL: "m", Role.HOST: "h200", Role.ENGINE: "vllm"},
    ),
    "lm-eval": (
        {"results": {"arc": {"acc,none": 0.25, "acc_stderr,none": 0.01, "alias": "arc"}}, "model_name": "m", "n-samples": {"arc": {"effective": 100}}},
        {("accuracy_pct", None): 25.0, ("accuracy_error_pct", None): 1.0},
        {}, {Role.MODEL: "m", Role.FACTOR: "arc"},
    ),
}  # fmt: skip


def read(folder: Path, content: Any, mapping: Mapping | None = None) -> ResultsTable:
    """Write a report and read it."""
    file = folder / "report.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    return read_results([file], mapping=mapping)


def found(table: ResultsTable, row: int = 0) -> dict[tuple[str, str | None], float]:
    """Return the values of a row in the units of their metrics."""
    return {(column.key, column.statistic): float(column.scaled[row]) for column in table.of(Role.METRIC)}


@pytest.mark.parametrize("kind", MADE)
def test_a_report_of_each_format_is_recognised_and_read(tmp_path: Path, kind: str) -> None:
    """Values have the metric's unit, and statistics stay what they are; loads and names are those of the file."""
    content, values, loads, texts = MADE[kind]
    table = read(tmp_path, content)
    assert table.format == kind
    read_values = found(table)
    assert {key: read_values.get(key) for key in values} == {
        key: pytest.approx(value, rel=1e-12) for key, value in values.items()
    }
    assert {column.key: column.values[0] for column in table.of(Role.LOAD)} == loads
    told = {column.role: column.values[0] for column in table.columns if column.role not in (Role.METRIC, Role.LOAD)}
    assert texts.items() <= told.items()
    assert ObservedValues(table).metrics


def test_statistics_become_the_metrics_they_are(tmp_path: Path) -> None:
    """A median over requests is the latency, its p99 another metric; a median of all gaps is no time between tokens, that of mean gaps is."""
    observed = ObservedValues(read(tmp_path, MADE["inference-perf"][0]))
    stored = {metric: (column.key, column.statistic) for metric, column in observed.metrics.items()}
    assert stored["latency_s"] == ("latency_s", "p50")
    assert stored["latency_p99_s"] == ("latency_s", "p99")
    assert stored["tbt_s"] == ("tpot_s", "p50")
    assert stored["tbt_p99_s"] == ("tbt_s", "p99")
    (batch,) = [batch for batch in observed.batches() if batch["metric"][0] == "latency_s"]
    assert (batch["statistic"][0], batch["of_values"][0]) == ("p50", 8.0)


def test_a_mapping_tells_a_report_what_it_does_not_know(tmp_path: Path) -> None:
    """Engine, model and factors for all rows; columns cannot be named where there are none."""
    mapping = Mapping.model_validate(
        {"model": {"value": "llama"}, "engine": {"value": "vllm"}, "factors": {"cache": {"value": "warm", "compare": "within"}}}
    )
    table = read(tmp_path, MADE["inference-perf"][0], mapping)
    assert {column.key: column.values[0] for column in table.columns if column.role in (Role.MODEL, Role.ENGINE, Role.FACTOR)} == {
        "model": "llama", "engine": "vllm", "cache": "warm",
    }  # fmt: skip
    with pytest.raises(ImportFileError, match=r"has no columns; write `engine: \{value: …\}`"):
        read(tmp_path, MADE["inference-perf"][0], Mapping.model_validate({"engine": "backend"}))


@pytest.mark.parametrize("text", ["{", '{"a": 1}', "[]", "nothing", '{"load_summary": 1, "successes": 2, "failures": []}'])
def test_what_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    """A broken document names its line, an unknown one says which formats there are, one without results that it holds none."""
    file = tmp_path / "x.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ImportFileError, match=r"is of no known format|holds no results|is not JSON"):
        read_results([file])


def test_stages_of_a_rising_rate_are_rows() -> None:
    """Each value of the published stages agrees with the file that it is from."""
    real("inference-perf_stage_0_lifecycle_metrics.json")
    files = sorted(FOLDER.glob("inference-perf_stage_*.json"))
    table = read_results(files)
    assert (len(table), table.row) == (7, "report")
    for row, file in enumerate(files):
        stage = json.loads(file.read_text(encoding="utf-8"))
        latency = stage["successes"]["latency"]
        values = found(table, row)
        assert values["latency_s", "p99"] == pytest.approx(latency["request_latency"]["p99"], rel=1e-12)
        assert values["ttft_s", "p50"] == pytest.approx(latency["time_to_first_token"]["median"], rel=1e-12)
        assert values["achieved_rate_per_s", None] == stage["load_summary"]["achieved_rate"]
        assert values["throughput_requests_per_s", None] == stage["successes"]["throughput"]["requests_per_sec"]


def test_a_published_report_of_guidellm_is_read_as_it_is() -> None:
    """Both benchmarks, in seconds, with the numbers of requests."""
    file = real("guidellm_report_v2.json")
    benchmarks = json.loads(file.read_text(encoding="utf-8"))["benchmarks"]
    table = read_results([file])
    assert [list(column.values) for column in table.of(Role.LOAD)] == [[b["config"]["strategy"]["rate"] for b in benchmarks]]
    for row, benchmark in enumerate(benchmarks):
        metrics, values = benchmark["metrics"], found(table, row)
        assert values["ttft_s", "p99"] == pytest.approx(
            metrics["time_to_first_token_ms"]["successful"]["percentiles"]["p99"] / 1e3, rel=1e-12
        )
        assert values["latency_s", "mean"] == pytest.approx(metrics["request_latency"]["successful"]["mean"], rel=1e-12)
        assert values["requests", None] == metrics["request_totals"]["successful"]


def test_a_published_report_of_llm_d_is_read_as_it_is() -> None:
    """Its duration, its clock and the times of its requests."""
    table = read_results([real("llm-d_benchmark_report_0.2.1.yaml")])
    values = found(table)
    assert values["duration_s", None] == 49.97206788184121
    assert values["ended_s", None] - values["started_s", None] == 981
    assert values["ttft_s", "p99"] == 0.05029489721637218
    assert values["requests", None] == 500
