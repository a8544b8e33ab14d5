"""The defects that published tables are known to have are found, with rows and numbers."""

from __future__ import annotations

import pytest

from greenreport.audit import AuditFinding, RuleId, Severity, audit
from greenreport.imports.reading import read_results
from greenreport.imports.results_table import ResultsTable
from greenreport.units import THIN
from tests.audit.tables import ANGELS, CAIN, QUANTISED, energibridge, inference_perf, llm_d, public, run_table


def the(table: ResultsTable, rule: RuleId, column: str) -> AuditFinding:
    """Return the only finding of a rule on a column."""
    (found,) = [finding for finding in audit(table).by(rule) if column in finding.columns]
    return found


def test_copied_repetitions_of_quantised_models() -> None:
    """Repetition r + 5 is repetition r in all 12 groups: p = 5.45e-8 becomes 4.7e-4 with the true n = 5."""
    found = the(run_table("quantized-llms_qwen_run_table.csv", QUANTISED), RuleId.COPIED_REPETITION, "GPU Energy")
    assert (found.severity, found.lines) == (Severity.CHANGES_RESULT, tuple(range(62, 122)))
    assert (found.number("rows"), found.number("groups"), found.number("rows that are left")) == (60, 12, 60)
    assert "in 12 of 12 groups: repetition r + 5 is repetition r" in found.sentence
    assert found.effect is not None and found.effect.as_is.p == pytest.approx(5.45e-8, rel=1e-3)
    assert found.effect.instead[0].p == pytest.approx(4.71e-4, rel=1e-3)
    assert (found.effect.as_is.rows, found.effect.instead[0].rows) == (40, 20)
    assert found.effect.instead[0].ratio == pytest.approx(found.effect.as_is.ratio)  # type: ignore[arg-type]


def test_negative_constant_and_outlying_values_of_quantised_models() -> None:
    """Six negative energies without a wrap, a memory usage that never changes, and one run of 983.9 J among runs below 500 J."""
    table = run_table("quantized-llms_llama_run_table.csv", QUANTISED)
    negative = the(table, RuleId.NEGATIVE, "CPU Energy")
    assert negative.lines == (24, 62, 89, 105, 115, 116) and negative.severity is Severity.CHANGES_RESULT
    assert (negative.number("lowest"), negative.number("highest of them")) == pytest.approx((-92.8, -1.8))
    assert "−92.8 J, −86.2 J, −33.4 J, −9.70 J, −4.90 J, −1.80 J" in negative.sentence.replace(THIN, " ")
    assert audit(table).by(RuleId.COUNTER_WRAP) == ()
    constant = the(table, RuleId.CONSTANT, "Memory Usage")
    assert (constant.number("value"), constant.number("rows")) == (633.8125, 120)
    outlier = the(table, RuleId.OUTLIER, "GPU Energy")
    assert outlier.lines == (121,) and outlier.number("most extreme") == pytest.approx(983.9, abs=0.05)
    assert outlier.number("largest of the other rows") < 500
    assert outlier.effect is not None and outlier.effect.as_is.worst == "32-bit"


def test_counter_wraps_with_and_without() -> None:
    """29 of 900 energies hold a wrap; both answers stand beside each other, and the one with the wraps undone."""
    table = run_table("angels-2025_run_table.csv", ANGELS, ";")
    wrap = the(table, RuleId.COUNTER_WRAP, "energy")
    assert (len(wrap.lines), wrap.severity) == (29, Severity.CHANGES_RESULT)
    assert wrap.lines[0] == 11 and wrap.number("counter range") == 262_144
    assert wrap.number("smallest wrapped value") == pytest.approx(247_770.8, abs=0.1)
    assert wrap.number("implied power, wrapped rows") > 1000 > 60 > wrap.number("implied power, other rows")
    effect = wrap.effect
    assert effect is not None and effect.changed == effect.comparisons == 15
    as_is, without, undone = effect.as_is, *effect.instead
    assert (effect.factor, effect.within, as_is.rows, without.rows, undone.rows) == (
        "model_size",
        "generation 3.2, task WSC",
        60,
        58,
        60,
    )
    assert as_is.ratio == pytest.approx(10.2, abs=0.05) and without.ratio == pytest.approx(2.08, abs=0.01)
    assert undone.ratio == pytest.approx(without.ratio, rel=0.01)  # type: ignore[arg-type]
    assert as_is.p is not None and as_is.p > 0.05 and without.p is not None and without.p < 1e-50


def test_constant_accuracy_and_a_total_that_is_none() -> None:
    """`accuracy` is 1.0 everywhere, and GPU energy lies above `energy`."""
    table = run_table("angels-2025_run_table.csv", ANGELS, ";")
    assert the(table, RuleId.CONSTANT, "accuracy").number("value") == 1.0
    above = the(table, RuleId.PART_ABOVE_WHOLE, "gpu_joules")
    assert above.number("rows") == 871 and above.number("parts ÷ whole, median") == pytest.approx(6.88, abs=0.01)
    assert the(table, RuleId.OUTPUT_LENGTH, "response_token_count").effect is not None


def test_a_rounded_copy_and_few_distinct_values() -> None:
    """J ÷ kWh lies between 0.9947 and 1.0043; 630 remote rows have 126 distinct energies; what is compared must have equal lengths."""
    table = run_table("cain-2025_run_table.csv", CAIN)
    copy = the(table, RuleId.COPIED_COLUMN, "codecarbon__energy_consumed")
    assert (copy.number("smallest ratio"), copy.number("largest ratio")) == pytest.approx((0.9947, 1.0043), abs=5e-5)
    few = the(table, RuleId.FEW_DISTINCT, "energy_usage_J")
    assert (few.number("distinct values"), few.number("rows")) == (126, 630) and "method remote" in few.sentence
    work = the(table, RuleId.UNEQUAL_WORK, "length")
    assert work.number("comparisons") == 14 and work.number("last ÷ first level, median") > 3
    assert audit(table).of(Severity.CHANGES_RESULT) == ()


def test_two_clocks_and_means_without_spread() -> None:
    """A duration of 49.97 s between moments 981 s apart, and four of five latencies with means only, all the same number."""
    table = llm_d()
    clocks = the(table, RuleId.CLOCKS_DIFFER, "run.time.duration")
    assert (clocks.number("duration"), clocks.number("end − start")) == pytest.approx((49.972, 981.0), abs=1e-3)
    means = the(table, RuleId.MEANS_ONLY, "request_latency.mean")
    assert (means.number("metrics with a mean only"), means.number("metrics")) == (4, 5)
    assert the(table, RuleId.COPIED_NUMBER, "request_latency.mean").number("columns") == 5


@pytest.mark.parametrize("stages", [range(7), [5]])
def test_a_client_that_is_the_limit(stages: list[int]) -> None:
    """Stage 5 asked for 185.9 requests/s and got 117.7; the client was late by 16.2 s on average. One stage alone says so too."""
    table = inference_perf(stages)
    line = list(stages).index(5) + 1
    rate = the(table, RuleId.RATE_NOT_REACHED, "achieved_rate")
    assert (rate.number(f"asked, line {line}"), rate.number(f"reached, line {line}")) == pytest.approx(
        (185.86, 117.736), abs=1e-3
    )
    late = the(table, RuleId.LATE_CLIENT, "schedule_delay")
    assert line in late.lines and late.number(f"lateness, line {line}") == pytest.approx(16.2167, abs=1e-4)
    assert late.severity is rate.severity is Severity.CHANGES_RESULT
    assert late.lines == rate.lines == ((5, 6, 7) if len(stages) == 7 else (1,))


#: Files as the readers read them, without a mapping, and the rules that must find something in each.
READ = {
    "quantized-llms_qwen_run_table.csv": {RuleId.COPIED_REPETITION},
    "quantized-llms_llama_run_table.csv": {RuleId.NEGATIVE, RuleId.CONSTANT, RuleId.OUTLIER},
    "angels-2025_run_table.csv": {RuleId.COUNTER_WRAP, RuleId.CONSTANT, RuleId.PART_ABOVE_WHOLE},
    "cain-2025_run_table.csv": {RuleId.COPIED_COLUMN, RuleId.FEW_DISTINCT},
    "llm-d_benchmark_report_0.2.1.yaml": {RuleId.CLOCKS_DIFFER, RuleId.MEANS_ONLY},
    "inference-perf_stage_5_lifecycle_metrics.json": {RuleId.RATE_NOT_REACHED, RuleId.LATE_CLIENT},
    "energibridge_sample.csv": {RuleId.COUNTER_RANGE},
}


@pytest.mark.parametrize("name", READ)
def test_files_are_audited_as_they_are(name: str) -> None:
    """The readers give columns the keys that the rules look for."""
    found = audit(read_results([public(name)]))
    assert READ[name] <= {finding.rule for finding in found.findings}


def test_readings_beyond_a_counters_range() -> None:
    """EnergiBridge's processor counter stands at 313,251 J, beyond the 262,144 J of 32 bits: the counter is the meter's own."""
    found = the(energibridge(), RuleId.COUNTER_RANGE, "CPU_ENERGY (J)")
    assert (
        found.number("largest reading") == pytest.approx(313_250.585, abs=1e-3) and found.number("32 bits of 61 µJ") == 262_144
    )
