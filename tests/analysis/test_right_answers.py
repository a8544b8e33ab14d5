"""Tests of judged answers: losses, costs per right answer, who is ranked, and the tests over problems."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from greenreport.analysis.analyse import Analysis, analyse
from greenreport.analysis.findings_json.document import document
from greenreport.analysis.findings_json.plain_values import plain_text
from greenreport.analysis.hypotheses.claim_text import plain
from greenreport.analysis.hypotheses.findings import Decision
from greenreport.analysis.measure.fidelity import FidelityVerdict
from greenreport.analysis.quality.judgement import Loss
from greenreport.analysis.stats import Interval, PairVerdict
from greenreport.cli.results import answers_in_words
from greenreport.record import Method
from tests.answer_records import Answers, judged_dataset, solved
from tests.conftest import minimal_study

#: Of 20 problems Torch solves 12, ONNX Runtime 4 of these, OpenVINO as many as Torch and not the same.
LOSING: Answers = {"torch-cpu": (solved(12), 1.0), "onnx-cpu": (solved(4), 0.5), "openvino-cpu": (solved(12, first=1), 0.6)}


@pytest.fixture(scope="module")
def losing() -> Analysis:
    """Give the analysis of a study in which one configuration loses too many answers."""
    return analyse(judged_dataset(LOSING))


def sentences(analysis: Analysis, question: int) -> list[str]:
    """Return lead and exceptions of an answer, with ordinary spaces."""
    part = analysis.answers[question].answers[0]
    return [plain_text(text) for text in (plain(part.lead), *part.exceptions)]


def test_answers_are_compared_on_the_same_problems(losing: Analysis) -> None:
    """Counts, the paired difference, McNemar's p over all pairs of configurations, and how many texts are the reference's."""
    assert losing.quality is not None
    torch, onnx, openvino = losing.quality.models[0].rows
    assert [row.right() for row in (torch, onnx, openvino)] == ["12 of 20", "4 of 20", "12 of 20"]
    assert torch.difference is None and torch.loss is Loss.REFERENCE
    assert onnx.difference is not None and openvino.difference is not None
    assert (onnx.difference.only_first, onnx.difference.only_second) == (0, 8)
    assert (onnx.difference.value, onnx.difference.p) == pytest.approx((-0.4, 2 / 2**8))
    assert (onnx.p_adjusted, openvino.p_adjusted) == pytest.approx((6 / 2**8, 1))  # three pairs of configurations
    assert (onnx.loss, openvino.loss) == (Loss.LOST_FOR_CERTAIN, Loss.KEPT)
    assert (onnx.same, openvino.same) == (4 / 20, 11 / 20)


def test_what_a_right_answer_takes_is_a_ratio_over_problems_and_runs(losing: Analysis) -> None:
    """Half the time and a third of the answers are 1.5 times the cost; the interval is wider than that of the runs alone."""
    assert losing.quality is not None
    onnx, openvino = losing.quality.models[0].rows[1:]
    assert onnx.time_ratio is not None and onnx.energy_ratio is not None and openvino.time_ratio is not None
    assert onnx.time_ratio.value == pytest.approx(1.5, rel=0.02)
    assert onnx.energy_ratio.value == pytest.approx(onnx.time_ratio.value, rel=1e-6)  # a constant power
    assert isinstance(openvino.time_ratio.ci, Interval)
    claim = losing.answers[0].answers[0].standing
    assert claim is not None and claim.claim is not None and isinstance(claim.claim.ci, Interval)
    runs = claim.claim.ci
    assert openvino.time_ratio.ci.high - openvino.time_ratio.ci.low > runs.high - runs.low
    assert openvino.time_ratio.ci.low < 0.61 < openvino.time_ratio.ci.high


def test_questions_and_the_page_of_right_answers_print_one_ratio(losing: Analysis) -> None:
    """The cost of a right answer against the reference is the same number wherever it stands, to the last digit."""
    assert losing.quality is not None
    test = losing.findings[0].tests[0].test
    assert test is not None and losing.findings[0].metric.id == "s_per_right_answer"
    pairs = {(pair.a, pair.b): pair.ratio for pair in test.pairs}
    for row in losing.quality.models[0].rows[1:]:
        ratio = pairs.get((row.configuration, "torch-cpu")) or pairs["torch-cpu", row.configuration].inverse()
        assert row.time_ratio is not None
        assert row.time_ratio.value == pytest.approx(ratio.value, rel=1e-12)


def test_the_front_is_of_right_answers_and_cost(losing: Analysis) -> None:
    """OpenVINO gives as many right answers in less time than Torch; ONNX Runtime is the quickest: both are on the front."""
    assert losing.quality is not None
    places = [row.time_front for row in losing.quality.models[0].rows]
    assert [place is not None and place.on_front for place in places] == [False, True, True]


def test_a_configuration_that_loses_too_many_is_shown_and_not_ranked(losing: Analysis) -> None:
    """The quickest one loses 8 of 12 right answers: tests compare it, no answer or guideline names it, and each says why."""
    assert {(item.configuration, item.verdict) for item in losing.fidelity if item.loss} == {
        ("onnx-cpu", FidelityVerdict.FAITHFUL)
    }
    time = losing.findings[2].tests[0]
    assert "onnx-cpu" in {group.name for group in time.test.groups} and not time.withheld
    assert sentences(losing, 2)[0] == ("OpenVINO · CPU has the shortest execution time on one: 39 % shorter than Torch · CPU.")
    assert (
        "Compared and not ranked: ONNX Runtime · CPU on one (its share of right answers is 40 percentage points below that of the reference, "
        "and the study allows 5)."
    ) in sentences(losing, 2)
    recommended = {g.objective.id: g.standing.leader.id for g in losing.guidelines if g.standing is not None}
    assert set(recommended.values()) == {"openvino-cpu"}
    assert {"time-per-right-answer", "energy-per-right-answer"} <= recommended.keys()
    assert all(
        ("one", "onnx-cpu") not in {(m.id, p.name) for m, front in t.models for p in front.points} for t in losing.tradeoffs
    )


def test_the_sentence_speaks_of_what_a_right_answer_needs(losing: Analysis) -> None:
    """The words of the metric fit into the headline."""
    assert sentences(losing, 0)[0] == (
        "OpenVINO · CPU needs the least time per right answer on one: 39 % less than Torch · CPU."
    )


def test_totals_of_unequal_lengths_say_so(losing: Analysis) -> None:
    """Execution time mixes speed and length; the page of the question names the shortest and the longest."""
    assert any(text.startswith("Answers differ in length on one: Torch · CPU wrote") for text in sentences(losing, 2))
    assert not any("length" in text for text in sentences(losing, 0))


def test_shares_are_tested_over_problems_and_not_over_runs(losing: Analysis) -> None:
    """No spread over runs is no proof: p comes from the problems, intervals agree with it, and ten times the runs change nothing."""
    finding = losing.findings[1]
    test = finding.tests[0].test
    pair = test.pair("torch-cpu", "onnx-cpu")
    assert (test.test, pair.p, pair.p_adjusted) == ("problems", pytest.approx(2 / 2**8), pytest.approx(6 / 2**8))
    assert pair.verdict is PairVerdict.HIGHER and pair.significant
    assert pair.difference is not None and pair.difference.value == pytest.approx(40)
    longer = analyse(judged_dataset(LOSING, repetitions=12)).findings[1].tests[0].test.pair("torch-cpu", "onnx-cpu")
    assert (longer.p, longer.difference) == (pair.p, pair.difference)


def test_the_lead_is_what_is_shown_and_not_who_is_one_ahead(losing: Analysis) -> None:
    """Torch and OpenVINO solve as many: what the tests show is the loss of the third, so that leads; a gain beyond chance leads by itself."""
    assert sentences(losing, 1)[0] == (
        "ONNX Runtime · CPU has 67 % fewer right answers than Torch · CPU on one; no other is shown to differ from it."
    )
    gain = analyse(judged_dataset(dict(LOSING) | {"openvino-cpu": (solved(20), 0.6)}))
    assert sentences(gain, 1)[0].startswith(
        "OpenVINO · CPU has the highest share of right answers on one: 67 % more right answers"
    )
    apart = {"torch-cpu": (solved(10), 1.0), "onnx-cpu": (solved(5), 0.5), "openvino-cpu": (solved(14), 0.6)}
    assert sentences(analyse(judged_dataset(apart)), 1)[0] == (
        "Shares of right answers differ between the serving configurations, and none is shown to differ from that of Torch · CPU."
    )


@pytest.mark.parametrize("others", [(3, 12), (4, 9), (12, 12), (7, 1), (11, 2)])
def test_intervals_agree_with_the_exact_test(others: tuple[int, int]) -> None:
    """Whatever was solved, an interval leaves out equality only where the exact test does."""
    answers = {"torch-cpu": (solved(12), 1.0)} | {
        name: (solved(count, first=first), 0.5)
        for name, count, first in zip(("onnx-cpu", "openvino-cpu"), others, (0, 5), strict=True)
    }
    for pair in analyse(judged_dataset(answers)).findings[1].tests[0].test.pairs:
        assert pair.difference is not None
        for ci, equal in ((pair.difference.ci, 0.0), (pair.ratio.ci, 1.0)):
            if isinstance(ci, Interval) and not ci.low <= equal <= ci.high:
                assert pair.significant
        assert pair.significant == (pair.verdict in (PairVerdict.LOWER, PairVerdict.HIGHER))


def test_equal_shares_over_different_problems_are_no_difference() -> None:
    """The same number of right answers, all of them to other problems: not rejected, and the page does not claim equality either."""
    finding = analyse(
        judged_dataset({"torch-cpu": (solved(8), 1.0), "onnx-cpu": (solved(8, first=8), 0.5), "openvino-cpu": (solved(8), 0.6)})
    ).findings[1]
    assert finding.decision is Decision.NOT_REJECTED
    pair = finding.tests[0].test.pair("torch-cpu", "onnx-cpu")
    assert (pair.statistic, pair.verdict) == (16, PairVerdict.INCONCLUSIVE)


def test_no_right_answer_at_all_is_an_answer() -> None:
    """Where nothing is right there are shares of zero and no costs, each with its reason, and nothing fails."""
    nothing = analyse(judged_dataset({name: (solved(0), 1.0) for name in LOSING}))
    assert nothing.quality is not None
    assert [row.share for row in nothing.quality.models[0].rows] == [0, 0, 0]
    assert [row.time_ratio for row in nothing.quality.models[0].rows] == [None, None, None]
    assert "none of its 20 answers is right" in sentences(nothing, 0)[0]
    assert nothing.findings[1].decision is Decision.NOT_REJECTED
    json.dumps(document(nothing))


def test_all_but_one_may_lose_too_many() -> None:
    """Where only the reference is left, no configuration is said to be the best."""
    left = analyse(judged_dataset(dict(LOSING) | {"openvino-cpu": (solved(3), 0.6)}))
    assert sentences(left, 2)[0] == (
        "No configuration leads in execution time: all but one lose more right answers than the study allows."
    )


def test_other_outputs_are_admitted_where_answers_are_judged() -> None:
    """A study with `quality:` excludes no configuration for other texts, unless it declares a gate itself."""
    gated = analyse(judged_dataset(LOSING, fidelity={"min_exact_match": 0.95}))
    assert {item.verdict for item in gated.fidelity} == {FidelityVerdict.REFERENCE, FidelityVerdict.UNFAITHFUL}


def test_modelled_energy_gives_no_ratio_of_energy_and_leaves_time_alone() -> None:
    """Energy from a model answers nothing; seconds per right answer lead."""
    modelled = analyse(judged_dataset(LOSING, method=Method.ESTIMATED, meters=["estimate"]))
    assert modelled.quality is not None
    rows = modelled.quality.models[0].rows
    assert [row.energy_ratio for row in rows] == [None, None, None] and rows[1].time_ratio is not None


def test_answers_that_vary_count_by_their_share() -> None:
    """A configuration that is right in every other run solves half; pass@2 is the chance that one of two answers is right."""
    data = judged_dataset(LOSING, repetitions=4, quality={"k": [1, 2]})
    varied = data.cells[0].runs
    half = [
        run if run.repetition % 2 else _other(run, data.cells[1].runs[run.repetition - 1]) for run in varied
    ]  # in even runs, the answers of the second configuration
    cells = (replace(data.cells[0], runs=tuple(half)), *data.cells[1:])
    found = analyse(replace(data, cells=cells)).quality
    assert found is not None
    row = found.models[0].rows[0]
    assert not row.answers.steady
    assert row.share == pytest.approx((4 + 8 * 0.5) / 20)
    assert row.right() == "40.0\u202f% of 20 problems"
    ((k, chance),) = row.pass_at
    assert (k, chance) == (2, pytest.approx((4 + 8 * (1 - 2 / 4 * 1 / 3)) / 20))
    assert found.models[0].rows[1].difference is not None
    assert found.models[0].rows[1].difference.test == "sign flips over problems"


def _other(run: Any, other: Any) -> Any:
    requests = tuple(replace(r, output_sha256=o.output_sha256) for r, o in zip(run.requests, other.requests, strict=True))
    return replace(run, requests=requests)


def test_findings_json_and_the_command_line_tell_it(losing: Analysis) -> None:
    """Both hold counts by problem, shares, losses and costs in plain values."""
    told = json.loads(json.dumps(document(losing)))["right_answers"]
    onnx = told["models"][0]["configurations"][1]
    assert (sum(onnx["right"]), sum(onnx["answered"]), onnx["loss"]) == (12, 60, "certainly loses more than the bound")
    assert len(told["models"][0]["problems"]) == 20
    lines = list(answers_in_words(losing))
    start = lines.index("Right answers, one:")
    assert lines[start + 1 : start + 4] == [
        "  Torch · CPU: 12 of 20, 1.68 s and 16.8 J each",
        "  ONNX Runtime · CPU: 4 of 20, 2.55 s and 25.5 J each; 8 fewer (p = 0.023); not ranked",
        "  OpenVINO · CPU: 12 of 20, 1.03 s and 10.3 J each; as many (p = 1.000)",
    ]


def test_resampling_is_seeded_and_quick() -> None:
    """The same data give the same intervals."""
    first, second = (analyse(judged_dataset(LOSING)).quality for _ in range(2))
    assert first is not None and second is not None
    assert [row.time_ratio for row in first.models[0].rows] == [row.time_ratio for row in second.models[0].rows]
    assert np.isfinite(first.models[0].rows[0].answers.seconds).all()


def test_several_models_share_their_problems() -> None:
    """The claim over models is a geometric mean of ratios of shares; problems that models share vary together, so two alike models are as one."""
    architecture = minimal_study()["models"][0]["architecture"]
    answers: Answers = {"torch-cpu": (solved(12), 1.0), "onnx-cpu": (solved(12), 0.5), "openvino-cpu": (solved(20), 0.6)}
    models = [{"id": name, "architecture": architecture} for name in ("one", "two")]
    both, alone = (analyse(judged_dataset(answers, models=models[:number])) for number in (2, 1))
    claims = [item.answers[1].answers[0].standing for item in (both, alone)]
    first, second = (place.claim for place in claims if place is not None)
    assert first is not None and second is not None
    assert (first.value, second.value) == pytest.approx((20 / 12, 20 / 12))
    assert len(first.rows) == 2 and isinstance(first.ci, Interval) and isinstance(second.ci, Interval)
    assert second.ci.low < first.ci.low < first.ci.high < second.ci.high  # on one model it is simultaneous over three pairs
    assert sentences(both, 1)[0].startswith(
        "OpenVINO · CPU has the highest share of right answers on both models: 67 % more right answers"
    )
