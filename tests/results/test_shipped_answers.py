"""The answers of the shipped studies, from their published runs, do not contradict themselves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from greenreport.analysis.analyse import Analysis
from greenreport.analysis.stats import Interval, Pair, PairVerdict
from greenreport.analysis.stats.order_effects import Drift
from greenreport.results import load
from tests.conftest import ROOT

STUDIES = sorted(folder.parent.name for folder in (ROOT / "studies").glob("*/results"))


@pytest.fixture(scope="module", params=STUDIES)
def analysis(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    return load(ROOT / "studies" / f"{request.param}.yaml", tmp_path_factory.mktemp("cache"))


def pairs(analysis: Analysis) -> Iterator[tuple[tuple[str, str, str], Pair]]:
    """Yield every pair of every test, those of guidelines too, seen from both sides, by metric and cells."""
    tests = [(finding.metric.id, test) for finding in analysis.findings for test in finding.tests]
    tests += [(guideline.objective.metric, test) for guideline in analysis.guidelines for test in guideline.tests]
    for metric, test in tests:
        for pair in test.test.pairs:
            for side in (pair, pair.reversed()):
                yield (metric, f"{test.model.id}/{side.a}", f"{test.model.id}/{side.b}"), side


def test_interval_and_verdict_agree(analysis: Analysis) -> None:
    """No interval leaves out equality while its verdict is "inconclusive"."""
    for key, pair in pairs(analysis):
        apart = isinstance(pair.ratio.ci, Interval) and not pair.ratio.ci.low <= 1 <= pair.ratio.ci.high
        assert not (apart and pair.verdict is PairVerdict.INCONCLUSIVE), key


def test_every_page_says_the_same_of_a_pair(analysis: Analysis) -> None:
    """Questions, guidelines and claims give one pair one ratio, one interval and one verdict."""
    known: dict[tuple[str, str, str], Pair] = {}
    for key, pair in pairs(analysis):
        before = known.setdefault(key, pair)
        assert (before.ratio, before.verdict, before.significant) == (pair.ratio, pair.verdict, pair.significant), key
    for claim in analysis.claims:
        key = (claim.metric, claim.numerator_cells[0], claim.denominator_cells[0])
        if len(claim.rows) == 1 and key in known:
            ratio = known[key].ratio
            assert claim.value == pytest.approx(ratio.value)
            assert isinstance(claim.ci, Interval) and isinstance(ratio.ci, Interval)
            assert (claim.ci.low, claim.ci.high) == pytest.approx((ratio.ci.low, ratio.ci.high))


def test_modelled_energy_leads_nothing(analysis: Analysis) -> None:
    """Where energy was only modelled, no claim is about it."""
    if analysis.dataset.estimated:
        assert not any(claim.info.of_energy for claim in analysis.claims)


def test_a_drift_that_no_cell_shows_is_found_over_the_study(analysis: Analysis) -> None:
    """Time drifts in the sweep and in the study of code models, and in the shorter ones of precisions, of right answers and of versions nothing is known of it."""
    if analysis.dataset.imported:
        assert analysis.order == ()  # nobody knows in which order they were made
        return
    [time] = [item for item in analysis.order if item.metric == "duration_s"]
    assert isinstance(time.drift, Drift)
    assert time.drift.found is (analysis.dataset.study.study not in ("precision-cpu", "smollm2-cpu", "versions-cpu"))
