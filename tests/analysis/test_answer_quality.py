"""Tests of the metrics of right answers: known verdicts and joules give known costs; what cannot be known says why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from greenreport.analysis.measure.metrics import observations
from greenreport.analysis.measure.observation import Observation
from greenreport.catalog import METRICS, Accuracy
from greenreport.record import Method, RunRecord, Verdict, VerdictCode
from greenreport.study import Quality
from tests.records import SECOND, counter, record

QUALITY_METRICS = ("solved_pct", "j_per_right_answer", "s_per_right_answer", "tokens_per_right_answer", "wrong_energy_pct")


def judged(*codes: VerdictCode | None, **changes: Any) -> RunRecord:
    """Return a run whose answers have these verdicts; None for an answer without one."""
    run = record(**changes)
    requests = tuple(replace(request, prompt_sha256=f"prompt-{request.index}") for request in run.requests)
    verdicts = tuple(
        Verdict(request.prompt_sha256 or "", request.output_sha256 or "", "task", code)
        for request, code in zip(requests, codes, strict=True)
        if code is not None
    )
    return replace(run, requests=requests, verdicts=verdicts)


JUDGING = Quality()


def found(run: RunRecord, quality: Quality | None = JUDGING, **calibrations: Accuracy) -> dict[str, Observation]:
    """Return the observations of a run by metric, in a study that judges answers."""
    return {observation.metric: observation for observation in observations(run, None, calibrations, quality)}


def test_a_right_answer_carries_what_the_wrong_ones_took() -> None:
    """One right answer of two, over 100 J, 10 s and 16 tokens, costs all of them; half of the energy went into the wrong one."""
    seen = found(judged(VerdictCode.PASSED, VerdictCode.WRONG))
    assert {name: seen[name].value for name in QUALITY_METRICS} == pytest.approx(
        {
            "solved_pct": 50,
            "j_per_right_answer": 100,
            "s_per_right_answer": 10,
            "tokens_per_right_answer": 16,
            "wrong_energy_pct": 50,
        }
    )
    assert seen["j_per_right_answer"].boundary == seen["wrong_energy_pct"].boundary == "CPU package-0"


@pytest.mark.parametrize("code", [code for code in VerdictCode if code is not VerdictCode.PASSED])
def test_whatever_is_not_passed_is_wrong(code: VerdictCode) -> None:
    """An answer that timed out or was refused counts as one that is wrong, and the costs say what was spent for nothing."""
    seen = found(judged(code, code))
    assert (seen["solved_pct"].value, seen["wrong_energy_pct"].value) == (0, pytest.approx(100))
    assert seen["j_per_right_answer"].reason == "none of its 2 answers is right; 100\u202fJ were spent"
    assert seen["s_per_right_answer"].reason == "none of its 2 answers is right; 10.0\u202fs were spent"
    assert seen["tokens_per_right_answer"].reason == "none of its 2 answers is right; 16.0\u202ftokens were spent"
    assert all(seen[name].value is None for name in ("j_per_right_answer", "s_per_right_answer", "tokens_per_right_answer"))


def test_nothing_wrong_is_zero_and_not_absent() -> None:
    """Where all answers are right no energy went into wrong ones; that is counted, so 0 is a value."""
    assert found(judged(VerdictCode.PASSED, VerdictCode.PASSED))["wrong_energy_pct"].value == 0


def test_without_verdicts_the_reason_says_what_is_missing() -> None:
    """No `quality:`, runs from before prompts were kept, answers not scored yet, and answers without a task are told apart."""
    scored = judged(VerdictCode.PASSED, VerdictCode.WRONG)
    elsewhere = replace(scored, verdicts=(Verdict("another", "digest-0", "task", VerdictCode.PASSED),))
    for run, quality, reason in (
        (scored, None, "the study declares no `quality:`"),
        (record(), Quality(), "the run does not tell which prompt an answer belongs to"),
        (judged(None, None), Quality(), "not scored yet: `greenreport score`"),
        (elsewhere, Quality(), "no answer has a task"),
    ):
        seen = found(run, quality)
        assert {(seen[name].value, seen[name].reason) for name in QUALITY_METRICS} == {(None, reason)}


def test_costs_are_not_shared_with_answers_nobody_judged() -> None:
    """The share of right answers is one of those judged; what the others took cannot be told apart, so there is no cost."""
    seen = found(judged(VerdictCode.PASSED, None))
    assert seen["solved_pct"].value == 100
    assert seen["j_per_right_answer"].reason == "1 of its 2 answers has no verdict, and what they took is not told apart"


def test_overlapping_requests_share_energy_by_their_tokens() -> None:
    """Of two requests at the same time, the wrong one wrote 24 of 32 tokens; the boundary says how the energy was shared."""
    run = judged(VerdictCode.PASSED, VerdictCode.WRONG)
    first, second = run.requests
    both = (first, replace(second, start_ns=first.start_ns, output_tokens=24))
    seen = found(replace(run, requests=both))["wrong_energy_pct"]
    assert seen.value == pytest.approx(75)
    assert seen.boundary == "CPU package-0; by output tokens, since requests overlap"
    silent = tuple(replace(request, output_tokens=None) for request in both)
    assert (
        found(replace(run, requests=silent))["wrong_energy_pct"].reason
        == "requests overlap, and the server tells no token counts"
    )


def test_requests_shorter_than_two_samples_share_energy_by_their_tokens() -> None:
    """A meter that reads ten times a second does not see a request of 50 ms."""
    run = judged(VerdictCode.PASSED, VerdictCode.WRONG)
    short = tuple(replace(request, end_ns=request.start_ns + SECOND // 20) for request in run.requests)
    seen = found(replace(run, requests=short))["wrong_energy_pct"]
    assert seen.boundary == "CPU package-0; by output tokens, since requests are too short"


def test_a_common_scale_cancels_in_the_share_and_not_in_the_joules() -> None:
    """An instrument that reads 2 % too much gives joules 2 % too large; the share of two of its energies hardly moves."""
    seen = found(judged(VerdictCode.PASSED, VerdictCode.WRONG), rapl=Accuracy("", "", 0.02, 0.0, 0.0, 0.1, "declared"))
    joules, share = seen["j_per_right_answer"].budget, seen["wrong_energy_pct"].budget
    whole = seen["energy_j"].budget
    assert joules is not None and share is not None and whole is not None
    assert joules.expanded == pytest.approx(whole.expanded)
    assert share.contributions[0].gain == pytest.approx(0, abs=1e-9)
    assert share.contributions[0].quantisation > 0


def test_modelled_energy_stays_modelled_and_time_does_not_need_it() -> None:
    """Costs in energy are energy: estimated where that is, absent with its reason where there is none; seconds are there anyhow."""
    modelled = found(
        judged(VerdictCode.PASSED, VerdictCode.WRONG, traces=(counter("cpu", 7, method=Method.ESTIMATED, meter="estimate"),))
    )
    assert modelled["j_per_right_answer"].method is modelled["wrong_energy_pct"].method is Method.ESTIMATED
    assert METRICS["j_per_right_answer"].of_energy and METRICS["wrong_energy_pct"].of_energy
    none = found(judged(VerdictCode.PASSED, VerdictCode.WRONG, traces=()))
    assert none["j_per_right_answer"].reason == none["energy_j"].reason
    assert none["wrong_energy_pct"].reason == none["energy_j"].reason
    assert none["s_per_right_answer"].value == 10
