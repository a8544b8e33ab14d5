"""From a real run to the analysis, where the truth is known by algebra: a law of service, a limit, and a queue M/D/1."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from greenreport.record import Outcome
from greenreport.results import load
from greenreport.workloads.schedule import arrivals_s
from tests.execute.test_load import measure, spans

pytestmark = pytest.mark.alone

Command = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[..., Path]


@pytest.mark.slow
def test_a_declared_law_of_service_has_its_saturation_and_limit(command: Command, write_study: Write, tmp_path: Path) -> None:
    """A step of b sequences takes t + b·s: a doubling gains 0.58 between 2 and 8, 0.26 between 8 and 32; more than 40 do not fit."""
    t, s, tokens = 0.02, 0.0025, 4  # long beside what a busy machine adds
    workload = {"requests": 64, "generation": {"output_tokens": tokens, "exact": True}}
    sections: dict[str, Any] = {"sweep": {"batch_size": [2, 8, 32, 64]}, "frontier": {"epsilon": 0.4}}
    options = {"token_s": t, "sequence_s": s, "fits": 40}
    measure(command, write_study, {"options": options}, check=1, workload=workload, **sections)
    found = load(tmp_path / "studies" / "tiny.yaml", tmp_path / "cache").frontier
    assert found is not None
    (series,) = found.series
    assert series.saturation.load == 8
    assert series.end is not None
    assert (series.end.load, series.end.last_good, series.end.outcome) == (64, 32, Outcome.OUT_OF_MEMORY)
    assert "64 sequences do not fit, 40 do" in series.end.reason
    (fit,) = found.fits
    assert (fit.load, fit.runs) == (32, 1)
    for point in series.points:
        law = point.load / (t + point.load * s)
        rate = point.value("throughput_tokens_per_s")
        assert rate is not None
        assert 0.5 * law < rate < 1.02 * law, point.load
    (first,) = series.points[0].cell.values("first_request_s")  # that of the warm-up, whose answer is discarded
    assert tokens * (t + 2 * s) < first < 2
    # the step up to the saturation gains clearly more than ε, the one after it clearly less
    first_gain, second_gain = series.saturation.gains[:2]
    assert first_gain > 0.4 > second_gain


def waits_s(arrived: Sequence[float], service_s: Sequence[float]) -> list[float]:
    """Return the waiting time of every request at one server that answers them in turn (Lindley)."""
    free, waits = 0.0, []
    for time, seconds in zip(arrived, service_s, strict=True):
        waits.append(max(0.0, free - time))
        free = max(free, time) + seconds
    return waits


@pytest.mark.acceptance
@pytest.mark.slow
def test_a_queue_waits_as_long_as_theory_says(command: Command, write_study: Write, tmp_path: Path) -> None:
    """M/D/1 at half load: the mean wait lies where nearly all simulated queues have it, and median and tail fit the arrivals.

    The lower ends are those of the declared service; the upper ones take the service as long as the server says it was, since other
    programs may run beside the test.
    """
    number, rate, service, seed = 250, 25.0, 0.02, 11
    workload = {"requests": number, "generation": {"output_tokens": 1, "exact": True}, "arrivals": {"seed": seed}}
    configuration = {"request_rate": rate, "options": {"prefill_s": service}}
    measure(command, write_study, configuration, workload=workload, validity={"foreign_load": 1.0, "admit": ["late_requests"]})
    exact = [service] * number
    taken = [seconds + 0.004 for seconds in spans(tmp_path, "server", "infer_span")]  # and what the server does around it
    mean = float(np.mean(spans(tmp_path, "server", "queue_span")))
    low, high = ([_mean_wait(number, rate, other, each) for other in range(100, 400)] for each in (exact, taken))
    assert np.quantile(low, 0.005) < mean < np.quantile(high, 0.995)
    load_factor = rate * service
    theory = load_factor * service / (2 * (1 - load_factor))  # Pollaczek and Khinchine, service without variance
    assert np.mean(low) == pytest.approx(theory, rel=0.1)
    (cell,) = load(tmp_path / "studies" / "tiny.yaml", tmp_path / "cache").dataset.cells
    arrived = arrivals_s(number, rate, "poisson", seed)
    sent_late = float(np.percentile(spans(tmp_path, "client", "lateness"), 99))
    for metric, percentile in (("latency_s", 50), ("latency_p90_s", 90), ("latency_p95_s", 95)):
        (latency,) = cell.values(metric)
        ends = [float(np.percentile(np.array(waits_s(arrived, each)) + np.array(each), percentile)) for each in (exact, taken)]
        assert ends[0] * 0.98 < latency < ends[1] * 1.3 + sent_late + 0.005, metric


def _mean_wait(number: int, rate: float, seed: int, service_s: Sequence[float]) -> float:
    return float(np.mean(waits_s(arrivals_s(number, rate, "poisson", seed), service_s)))
