"""Tests of the sentence below the headline: what to choose follows from who leads, and nothing is recommended without a reason."""

from __future__ import annotations

from dataclasses import replace

from greenreport.analysis.analyse import analyse
from greenreport.analysis.hypotheses.claim_text import plain
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.observation import Observation
from greenreport.analysis.measure.validity_badge import Badge, BadgeLevel, BadgeRule
from greenreport.record import Method, Outcome
from greenreport.study import Configuration, Objective
from greenreport.units import listed
from tests.analysis.test_frontier import sweep
from tests.datasets import around, dataset, run


def advised(data: Dataset) -> str:
    """Return the advice with ordinary spaces."""
    return plain(analyse(data).advice).replace("\u00a0", " ").replace("\u202f", " ")


def with_memory(data: Dataset, gigabytes: dict[str, float]) -> Dataset:
    """Return a dataset whose runs also needed server memory, by runtime engine."""
    cells = []
    for cell in data.cells:
        runs = []
        for each in cell.runs:
            spread = 1 + 0.001 * each.repetition
            memory = Observation(
                "ram_rss_peak_b", gigabytes[cell.configuration.runtime] * 1e9 * spread, Method.MEASURED, "server"
            )
            runs.append(replace(each, observations={**each.observations, "ram_rss_peak_b": memory}))
        cells.append(replace(cell, runs=tuple(runs)))
    return replace(data, cells=tuple(cells))


def test_the_leader_is_advised_for_what_it_leads_in() -> None:
    """One configuration leads in the metric of the headline and in others: two of them are named, without what all labels share."""
    data = dataset({"a": {"torch": around(100), "onnx": around(50), "openvino": around(80)}})
    assert advised(data) == "Choose ONNX Runtime for the least energy and the shortest execution time."


def test_who_leads_elsewhere_is_named_too() -> None:
    """A reader whose memory is scarce learns of the other choice in the same sentence."""
    data = with_memory(
        dataset({"a": {"torch": around(100), "onnx": around(50), "openvino": around(80)}}),
        {"torch": 1, "onnx": 3, "openvino": 2},
    )
    assert advised(data).endswith("; Torch for the least server memory (50 % less than OpenVINO · CPU).")


def test_what_cannot_be_told_apart_is_advised_together() -> None:
    """Two of four that may be the best stand side by side; where most may be, none is recommended."""
    values = {"torch": 100.0, "torchscript": 98.0, "onnx": 50.0, "openvino": 50.02}
    data = dataset({"a": {name: around(value) for name, value in values.items()}})
    assert advised(data) == "Choose ONNX Runtime for the least energy, though OpenVINO may be as good."
    same = dataset({"a": {"torch": around(100), "onnx": around(100.1), "openvino": around(99.9)}})
    assert advised(same) == "These runs show no configuration ahead of the others; keep what you already run."


def test_nothing_is_advised_that_the_headline_does_not_show() -> None:
    """A fifth less in two runs of three that scatter widely: no difference is found, and nobody is told to choose it."""
    scattered = dataset({"a": {"torch": [100.0, 70.0, 130.0, 90.0], "onnx": [60.0, 95.0, 90.0, 75.0]}})
    assert "No difference" in plain(analyse(scattered).headline)
    assert advised(scattered) == "These runs show no configuration ahead of the others; keep what you already run."


def test_two_at_the_top_of_three_are_both_advised() -> None:
    """More than half may be the best, and both are far ahead of the third."""
    data = dataset({"a": {"torch": around(100), "onnx": around(50), "openvino": around(50.02)}})
    assert advised(data) == "Choose ONNX Runtime for the least energy, though OpenVINO may be as good."


def test_who_is_beaten_on_a_model_is_not_advised() -> None:
    """The leader of most models is not the best on every one."""
    data = dataset(
        {
            "a": {"torch": around(100), "onnx": around(50), "openvino": around(80)},
            "b": {"torch": around(100), "onnx": around(60), "openvino": around(80)},
            "c": {"torch": around(100), "onnx": around(90), "openvino": around(40)},
        }
    )
    assert "Choose" not in advised(data)


def test_labels_stay_whole_where_they_would_not_name_an_engine() -> None:
    """“Choose batch 8” names no configuration."""
    made = dataset({"a": {"torch": around(100)}})
    cells = list(made.cells)
    batched = Configuration(engine="torch", batch_size=8)
    cells.append(replace(cells[0], configuration=batched, runs=tuple(run(n, {"energy_j": 50 + n / 10}) for n in range(1, 6))))
    spec = made.study.model_copy(update={"configurations": tuple(cell.configuration for cell in cells)})
    assert advised(replace(made, study=spec, cells=tuple(cells))).startswith(
        "Choose Torch · CPU · batch 8 for the least energy"
    )


def test_a_gain_too_small_to_matter_is_no_advice() -> None:
    """Two per cent is shown, and the study declares that less than five does not matter."""
    data = dataset({"a": {"torch": around(100, 10, 0.002), "onnx": around(98, 10, 0.002)}})
    assert advised(data) == "The differences that these runs show are too small to matter; keep what you already run."


def test_another_metric_is_advised_where_the_headline_has_no_winner() -> None:
    """No difference in the metric of the headline, and one in memory: the sentence says both."""
    data = with_memory(
        dataset({"a": {"torch": around(100), "onnx": around(100.1), "openvino": around(99.9)}}),
        {"torch": 3, "onnx": 1, "openvino": 2},
    )
    assert (
        advised(data)
        == "None is ahead in energy; choose ONNX Runtime for the least server memory (67 % less than Torch · CPU)."
    )


def test_a_headline_with_ties_gives_the_gain_and_no_superlative() -> None:
    """Who may share the first place is not called the one with the least; the answer names who is tied."""
    values = {"torch": 100.0, "onnx": 50.0, "openvino": 50.02}
    found = analyse(dataset({"a": {name: around(value) for name, value in values.items()}}))
    assert "uses 50 % less energy than Torch · CPU on A." in plain(found.headline).replace("\u202f", " ").replace("\u00a0", " ")
    assert "statistically tied" in plain(found.answers[0].lead)


def test_a_sweep_advises_its_load_and_why_no_larger_one() -> None:
    """The load of the headline, with what a larger one would do; without a larger one, that none was tried."""
    saturated = sweep({1: around(100), 2: around(180), 4: around(300), 8: around(301), 16: around(302)})
    assert advised(saturated) == "Run Torch · CPU at batch 4 on one replica: larger loads add latency and little throughput."
    ended = sweep({1: around(100), 2: around(180), 4: around(300)}, {8: Outcome.OUT_OF_MEMORY})
    assert advised(ended) == "Run Torch · CPU at batch 4 on one replica: no larger load worked."
    rising = sweep({1: around(100), 2: around(180), 4: around(300)})
    assert advised(rising) == "Run Torch · CPU at batch 4 on one replica; larger loads were not tried."


def test_a_sweep_says_whether_its_loads_meet_the_objective() -> None:
    """Larger loads miss it; or all of them do, and another load or engine is needed."""
    data = sweep({1: around(100), 2: around(180), 4: around(300), 8: around(400)})
    declared = data.study.model_copy(update={"objective": Objective(ttft_s=1.0)})
    assert (
        advised(replace(data, study=declared))
        == "Run Torch · CPU at batch 4 on one replica: larger loads miss the latency objective."
    )
    beyond = sweep({8: around(400), 16: around(500), 32: around(600)})
    advice = advised(replace(beyond, study=beyond.study.model_copy(update={"objective": Objective(ttft_s=1.0)})))
    assert advice == "No load that was measured meets the latency objective: try smaller loads or another engine."


def test_one_value_for_each_cell_is_no_reason_to_choose() -> None:
    """A table of a paper has no repetitions."""
    data = dataset({"a": {"torch": [100.0], "onnx": [50.0]}})
    assert advised(replace(data, imported=True)) == "Test it on your own machine before you choose."


def test_the_badge_names_what_is_not_passed() -> None:
    """The rules that are not passed stand beside their number; of many the first three; an imported table has no protocol to check."""
    badge = analyse(dataset({"a": {"torch": around(100), "onnx": around(50)}})).badge
    failed = [rule.doubt for rule in badge.reasons]
    assert failed
    assert badge.doubts == f"reservations: {listed(failed)}"
    many = Badge(BadgeLevel.CAUTION, tuple(BadgeRule(name, BadgeLevel.CAUTION, "", "") for name in "abcde"))
    assert many.doubts == "reservations: a, b, c and 2 more"
    assert replace(many, recorded=False).words == "Validity: cannot be checked; the measurement protocol is not known"
    unknown = Badge(BadgeLevel.CAUTION, (BadgeRule("protocol", BadgeLevel.CAUTION, "", ""),), recorded=False)
    assert unknown.doubts == ""
