"""Tests of fidelity, findings, claims, answers and guidelines: the sentences follow from the numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from greenreport.analysis.analyse import analyse
from greenreport.analysis.hypotheses.claim_text import plain
from greenreport.analysis.hypotheses.claims import compare
from greenreport.analysis.hypotheses.findings import Decision
from greenreport.analysis.hypotheses.headline import best_phrase
from greenreport.analysis.hypotheses.ratio_text import difference, interval_text
from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.fidelity import FidelityVerdict, assess
from greenreport.analysis.measure.observation import Observation
from greenreport.analysis.measure.validity_badge import BadgeLevel
from greenreport.catalog import METRICS
from greenreport.record import Method, Outcome
from tests.datasets import around, dataset, run


def lead(data: Dataset, question: int = 0) -> str:
    """Return the first sentence of an answer, with ordinary spaces."""
    return plain(analyse(data).answers[question].lead).replace("\u00a0", " ").replace("\u202f", " ")


def test_a_unanimous_winner_is_named_with_its_saving_and_scope() -> None:
    """One configuration that leads on every model: who, how much, against whom, on how many models."""
    data = dataset(
        {
            "a": {"torch": around(100), "onnx": around(50), "openvino": around(80)},
            "b": {"torch": around(200), "onnx": around(120), "openvino": around(150)},
        }
    )
    assert lead(data) == "ONNX Runtime · CPU uses the least energy on both models: 45 % less than Torch · CPU."
    assert lead(data, 1) == (
        "ONNX Runtime · CPU has the shortest execution time on both models: 45 % shorter than Torch · CPU."
    )


def test_a_divided_field_is_counted() -> None:
    """Different winners on different models: counts first, then the comparison over all models."""
    data = dataset(
        {
            "a": {"torch": around(100), "onnx": around(50), "openvino": around(80)},
            "b": {"torch": around(100), "onnx": around(60), "openvino": around(80)},
            "c": {"torch": around(100), "onnx": around(90), "openvino": around(40)},
        }
    )
    assert lead(data) == (
        "No configuration uses the least energy on every model: ONNX Runtime · CPU on 2 of 3 and OpenVINO · CPU on 1 of 3. "
        "Over the models together, ONNX Runtime · CPU uses 35 % less energy than Torch · CPU."
    )


def test_a_tie_is_called_a_tie() -> None:
    """Two configurations that cannot be told apart lead on one model each: the leader is said to be tied."""
    data = dataset(
        {
            "a": {"torch": around(100), "onnx": around(50), "openvino": around(50.05)},
            "b": {"torch": around(100), "onnx": around(50.05), "openvino": around(50)},
        }
    )
    assert "is the best, or statistically tied with the best, in energy on both models" in lead(data)


def test_a_difference_that_is_real_and_too_small_says_so() -> None:
    """Two per cent, significant with ten even runs: below the smallest effect of interest, and the sentence says it."""
    data = dataset({"a": {"torch": around(100, 10, 0.002), "onnx": around(98, 10, 0.002)}})
    assert lead(data) == (
        "ONNX Runtime · CPU uses the least energy on A: 2.0 % less than Torch · CPU, which is less than the smallest effect "
        "of interest (5 %)."
    )
    larger = dataset({"a": {"torch": around(100, 10, 0.002), "onnx": around(94, 10, 0.002)}})
    assert "smallest effect" not in lead(larger)


def test_a_null_result_is_an_answer() -> None:
    """No difference: the sentence says so, and the decision is not rejected."""
    data = dataset(
        {"a": {"torch": around(100, spread=0.2), "onnx": around(100.1, spread=0.2), "openvino": around(99.9, spread=0.2)}}
    )
    assert lead(data) == "No difference in energy was found between the serving configurations on A."
    answer = analyse(data).answers[0].answers[0]
    assert answer.finding.decision is Decision.NOT_REJECTED
    assert answer.decision.startswith("H1.0 is not rejected for A (blocked log-linear model, α = 0.05;")


def test_a_question_without_data_says_why() -> None:
    """No values: the reason of the runs becomes the answer."""
    data = dataset({"a": {"torch": around(100), "onnx": around(50)}})
    failed = tuple(
        CellView(
            c.model, c.configuration, tuple(replace(r, outcome=Outcome.OUT_OF_MEMORY, reason="no memory left") for r in c.runs)
        )
        for c in data.cells
    )
    data = replace(data, cells=failed)
    assert lead(data) == "There is no answer for energy yet: no memory left."
    assert analyse(data).badge.level is BadgeLevel.INVALID


def test_an_unfaithful_cell_is_shown_and_never_ranked() -> None:
    """A configuration whose outputs differ is withheld with the reason, although it used the least energy."""
    data = dataset(
        {"a": {"torch": around(100), "onnx": around(50), "openvino": around(10)}}, outputs={("a", "openvino"): ("a", "x")}
    )
    verdicts = {f.configuration: f.verdict for f in assess(data)}
    assert verdicts == {
        "torch-cpu": FidelityVerdict.REFERENCE,
        "onnx-cpu": FidelityVerdict.FAITHFUL,
        "openvino-cpu": FidelityVerdict.UNFAITHFUL,
    }
    divergence = next(f.divergence for f in assess(data) if f.divergence)
    assert (divergence.prompt, divergence.token) == (1, 2)
    assert lead(data).startswith("ONNX Runtime · CPU uses the least energy")
    exceptions = analyse(data).answers[0].answers[0].exceptions
    assert any(
        "OpenVINO" in sentence and "unfaithful: 1 of 2 outputs equal the reference" in sentence for sentence in exceptions
    )


def test_another_boundary_is_not_compared() -> None:
    """Energy of another boundary is withheld, with both boundaries named."""
    data = dataset({"a": {"torch": around(100), "onnx": around(50), "openvino": around(10)}})
    cells = list(data.cells)
    odd = cells[2]
    runs = tuple(
        replace(
            r, observations={k: replace(o, boundary="GPU gpu-0") if k == "energy_j" else o for k, o in r.observations.items()}
        )
        for r in odd.runs
    )
    cells[2] = replace(odd, runs=runs)
    finding = analyse(replace(data, cells=tuple(cells))).findings[0]
    assert [(w.configuration, w.reason) for w in finding.tests[0].withheld] == [
        ("openvino-cpu", "its boundary is GPU gpu-0, the others' CPU package-0")
    ]


def test_a_claim_carries_everything_needed_to_check_it() -> None:
    """Rows, ratio, interval, scope, n and boundary of a claim over two models."""
    data = dataset(
        {
            "a": {"torch": around(100), "onnx": around(50)},
            "b": {"torch": around(100), "onnx": around(80)},
        }
    )
    onnx, torch = data.study.configuration("onnx-cpu"), data.study.configuration("torch-cpu")
    claim = compare(data, "energy_j", onnx, torch, data.models)
    assert claim is not None
    assert claim.value == pytest.approx((0.5 * 0.8) ** 0.5)
    assert [row.ratio for row in claim.rows] == pytest.approx([0.5, 0.8])
    assert (claim.n, claim.scope, claim.of_models, claim.boundary) == (5, ("A", "B"), 2, "CPU package-0")
    assert claim.numerator_cells == ("a/onnx-cpu", "b/onnx-cpu")
    assert (
        claim.sentence()
        .replace("\u202f", " ")
        .replace("\u00a0", " ")
        .startswith("ONNX Runtime · CPU: 37 % less energy than Torch · CPU (95 % CI ")
    )
    assert "geometric mean over 2 of 2 models, range 20–50" in claim.sentence()


@pytest.mark.parametrize(
    ("ratio", "metric", "words"),
    [
        (0.62, "energy_j", "38 % less energy"),
        (1.45, "energy_j", "45 % more energy"),
        (2.3, "energy_j", "2.30 times the energy"),
        (0.5, "duration_s", "50 % shorter execution time"),
        (1.042, "throughput_tokens_per_s", "4.2 % higher throughput"),
        (1.0001, "energy_j", "the same energy"),
        (0.996, "latency_s", "0.40 % lower latency"),
    ],
)
def test_a_ratio_is_printed_with_its_direction_in_words(ratio: float, metric: str, words: str) -> None:
    """Less or more, in the words of the metric; from twice upwards as a multiple."""
    assert difference(ratio, METRICS[metric]).replace("\u202f", " ") == words


@pytest.mark.parametrize(
    ("low", "high", "value", "text"),
    [
        (0.58, 0.66, 0.62, "34–42 %"),
        (1.2, 1.5, 1.3, "20–50 %"),
        (0.9, 1.2, 1.05, "−10 to +20 %"),
        (2.1, 2.6, 2.3, "2.10–2.60 times"),
    ],
)
def test_an_interval_speaks_the_language_of_its_estimate(low: float, high: float, value: float, text: str) -> None:
    """Percentages in the direction of the claim, signed where the interval contains no difference, multiples from twice on."""
    assert interval_text(low, high, value).replace("\u202f", " ") == text


def test_fastest_is_not_greenest_is_found_by_computation() -> None:
    """The guideline for energy names what its choice costs in time."""
    data = dataset(
        {"a": {"torch": around(100), "onnx": around(50), "openvino": around(80)}},
        {"a": {"torch": around(10), "onnx": around(9), "openvino": around(3)}},
    )
    energy = next(g for g in analyse(data).guidelines if g.objective.id == "energy")
    assert energy.standing is not None
    assert energy.standing.leader.id == "onnx-cpu"
    assert [claim.size().replace("\u202f", " ") for claim in energy.costs] == ["3.00 times the execution time"]


def test_an_estimate_limits_every_guideline_made_of_energy() -> None:
    """The product of energy and time is an estimate where energy is one; time is not."""
    data = dataset({"a": {"torch": around(100), "onnx": around(50)}})
    cells = []
    for cell in data.cells:
        runs = []
        for item in cell.runs:
            joules = replace(item.observations["energy_j"], method=Method.ESTIMATED)
            product = Observation("energy_delay_js", joules.value, joules.boundary, Method.ESTIMATED)
            runs.append(replace(item, observations={**item.observations, "energy_j": joules, "energy_delay_js": product}))
        cells.append(replace(cell, runs=tuple(runs), estimates_answer=True))
    found = {g.objective.id: g.limits for g in analyse(replace(data, cells=tuple(cells))).guidelines}
    told = {name for name, limits in found.items() if "energy is estimated, not measured" in limits}
    assert told == {"energy", "balance"}
    assert "5 runs per cell" in found["time"]


def test_what_is_made_of_energy_is_one_rule() -> None:
    """Joules, watts, products and quotients of them; neither time, nor memory, nor the load of a processor."""
    assert all(
        METRICS[name].of_energy
        for name in ("energy_j", "j_per_output_token", "energy_delay_js", "tokens_per_j", "idle_power_w")
    )
    assert not any(
        METRICS[name].of_energy for name in ("duration_s", "ram_rss_peak_b", "cpu_usage_pct", "goodput_requests_per_s")
    )
    assert all(info.of_energy for name, info in METRICS.items() if "energy" in name)


def test_a_guideline_without_data_says_so() -> None:
    """An objective whose metric nobody measured has a reason instead of a recommendation."""
    data = dataset({"a": {"torch": around(100), "onnx": around(50)}})
    memory = next(g for g in analyse(data).guidelines if g.objective.id == "memory")
    assert (memory.standing, memory.reason) == (None, "no value was recorded")
    waiting = replace(data, cells=tuple(replace(cell, runs=()) for cell in data.cells))
    assert {g.reason for g in analyse(waiting).guidelines} == {"not run yet"}


def test_a_study_in_progress_gives_true_reasons() -> None:
    """One and two runs are too few, and nobody says that nothing was recorded; a configuration that waits is named."""
    few = dataset({"a": {"torch": [100.0], "onnx": [60.0, 61.0]}})
    counts = "fewer than two groups have 3 runs; left out: Torch · CPU (1 run), ONNX Runtime · CPU (2 runs)"
    assert lead(few) == f"There is no answer for energy yet: {counts}."
    reasons = {g.reason for g in analyse(few).guidelines if g.objective.id in ("energy", "time")}
    assert {str(reason).replace("\u00a0", " ") for reason in reasons} == {counts}
    half = dataset({"a": {"torch": around(100), "onnx": around(60)}})
    half = replace(half, cells=(half.cells[0], replace(half.cells[1], runs=())))
    assert lead(half) == "There is no answer for energy yet: ONNX Runtime · CPU is left out (not run yet)."


def test_one_configuration_and_one_model_render_sensibly() -> None:
    """Nothing to compare: no answer, a reason, no crash."""
    data = dataset({"a": {"torch": around(100)}})
    assert lead(data).startswith("There is no answer for energy yet: ")


def test_invalid_runs_do_not_count() -> None:
    """Values of a run that is not ok stay out of tests and medians."""
    data = dataset({"a": {"torch": around(100), "onnx": around(50)}})
    odd = run(9, {"energy_j": 1e9, "duration_s": 1e9}, outcome=Outcome.INVALID, reason="a gap")
    cells = (replace(data.cells[0], runs=(*data.cells[0].runs, odd)), data.cells[1])
    changed = replace(data, cells=cells)
    assert changed.cells[0].values("energy_j") == data.cells[0].values("energy_j")
    assert lead(changed) == lead(data)


def test_runs_that_lie_apart_are_not_called_a_tie() -> None:
    """Six skewed groups of three runs: ranks can tell no neighbours apart, but 100 s are no tie of 50 s."""
    engines = ("torch", "onnx", "openvino", "torchscript", "torch_compile", "fake")
    apart = dataset({"a": {engine: around(50.0 * 2**k, 3) for k, engine in enumerate(engines)}})
    assert "statistically tied" not in plain(analyse(apart).answers[0].lead)
    near = dataset({"a": {"torch": [50.0, 50.4, 50.9], "onnx": [50.8, 50.1, 50.3], "fake": [50.5, 50.6, 50.0]}})
    assert "No difference" in plain(analyse(near).answers[0].lead)


@pytest.mark.parametrize(
    ("other", "said"),
    [(50.0, "50 % less energy than Torch"), (230.0, "2.30 times the energy of Torch"), (100.0, "the same energy as Torch")],
)
def test_a_claim_by_itself_reads_as_english(other: float, said: str) -> None:
    """Less than, times of, the same as: in the sentence of a claim, which badges and cards carry, too."""
    data = dataset({"a": {"torch": around(100), "onnx": around(other)}})
    claim = compare(data, "energy_j", data.study.configuration("onnx-cpu"), data.study.configuration("torch-cpu"), data.models)
    assert claim is not None
    assert f": {said}\u00a0" in claim.sentence().replace("\u202f", " ")


@pytest.mark.parametrize(
    ("metric", "ratio", "article"),
    [
        ("duration_s", 0.84, "a "), ("duration_s", 0.92, "an "), ("duration_s", 0.89, "an "), ("duration_s", 0.82, "an "), ("duration_s", 1.8, "an "),
        ("duration_s", 0.982, "a "), ("duration_s", 0.989, "a "), ("duration_s", 2.5, ""), ("duration_s", 1.0, ""), ("energy_j", 0.84, ""),
    ],
)  # fmt: skip
def test_a_size_takes_the_article_english_wants(metric: str, ratio: float, article: str) -> None:
    """A 16 % shorter time, an 8 % shorter time, 16 % less energy."""
    data = dataset({"a": {"torch": around(100), "onnx": around(50)}})
    claim = compare(data, metric, data.study.configuration("onnx-cpu"), data.study.configuration("torch-cpu"), data.models)
    assert claim is not None
    assert replace(claim, value=ratio).article() == article


def test_a_leader_over_the_models_has_a_shorter_time() -> None:
    """With its article inside the sentence."""
    data = dataset(
        {
            "a": {"torch": around(100), "onnx": around(50), "openvino": around(80)},
            "b": {"torch": around(100), "onnx": around(60), "openvino": around(80)},
            "c": {"torch": around(100), "onnx": around(90), "openvino": around(40)},
        }
    )
    assert "Over the models together, ONNX Runtime · CPU has a 35 % shorter execution time than Torch · CPU." in lead(data, 1)


def test_a_model_may_be_the_smallest() -> None:
    """Every metric that has a better direction has a predicate for its winner."""
    assert best_phrase(METRICS["weights_b"]) == "has the smallest model size"
    assert best_phrase(METRICS["throughput_tokens_per_s"]) == "has the highest throughput"
    assert all(best_phrase(info).split()[0] in ("uses", "has", "needs") for info in METRICS.values())
