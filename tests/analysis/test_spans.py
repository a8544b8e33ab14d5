"""Tests of the stages of serving: every moment belongs to one, and their energies add up."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenreport.analysis.measure.spans import PRIORITY, REST, Beside, Stage, concurrent, stages
from greenreport.record import Mark, Method, Phase, RunRecord, ServerStage, Trace, TraceKind
from greenreport.traces import energy
from tests.records import SECOND, record

WINDOW = Mark(Phase.WINDOW, 4 * SECOND, 14 * SECOND)


def told(*requests: tuple[float, ...]) -> RunRecord:
    """Return a run at 10 W whose server told of requests: when each began, then the seconds of its stages, all in s."""
    times = array("q", [round(began * SECOND) for began, *_ in requests])
    traces = [
        Trace(
            "client",
            "server",
            f"{name}_span",
            TraceKind.GAUGE,
            "s",
            Method.MEASURED,
            times,
            array("d", [r[1 + place] for r in requests]),
        )
        for place, name in enumerate(tuple(ServerStage)[: len(requests[0]) - 1])
    ]
    return record(traces=(*record().traces, *traces))


def by_name(run: RunRecord) -> dict[str, Stage]:
    """Return the stages of the window by name."""
    return {stage.name: stage for stage in stages(run, WINDOW)}


def test_one_request_after_the_other() -> None:
    """Nobody waits for another: each stage has its own time and, at 10 W, ten joules a second of it."""
    found = by_name(told((4.0, 0.5, 0.25, 4.0, 0.25), (9.0, 0.5, 0.25, 4.0, 0.25)))
    assert list(found) == ["queue", "tokenise", "infer", "detokenise", REST]
    assert {name: stage.window_s for name, stage in found.items()} == pytest.approx(
        {"queue": 1.0, "tokenise": 0.5, "infer": 8.0, "detokenise": 0.5, REST: 0.0}
    )
    assert {name: stage.energy_j for name, stage in found.items()} == pytest.approx(
        {"queue": 10.0, "tokenise": 5.0, "infer": 80.0, "detokenise": 5.0, REST: 0.0}
    )
    assert found["infer"].median_s == pytest.approx(4.0)


def test_waiting_takes_no_energy_of_its_own() -> None:
    """While the first request is inferred the second waits; that time belongs to inference, and is said to be waited."""
    found = by_name(told((4.0, 0.0, 0.0, 5.0, 0.0), (4.0, 5.0, 0.0, 5.0, 0.0)))
    assert found["infer"].energy_j == pytest.approx(100.0)
    assert found["queue"].energy_j == pytest.approx(0.0)
    assert found["queue"].median_s == pytest.approx(2.5)


def test_the_prompts_of_a_batch_are_inferred_once() -> None:
    """Two requests in one batch share one inference of four seconds: 40 J, not 80."""
    found = by_name(told((4.0, 0.0, 0.0, 4.0, 0.0), (4.0, 0.0, 0.0, 4.0, 0.0)))
    assert found["infer"].energy_j == pytest.approx(40.0)
    assert found[REST].energy_j == pytest.approx(60.0)


def test_what_the_meters_cannot_tell_apart_is_marked() -> None:
    """Samples come every 0.1 s: a stage of a millisecond has an energy, and a mark that it is not resolved."""
    found = by_name(told((4.0, 0.0, 0.001, 4.0, 0.3), (9.0, 0.0, 0.001, 4.0, 0.3)))
    assert (found["tokenise"].resolved, found["detokenise"].resolved, found["infer"].resolved) == (False, True, True)
    assert found["tokenise"].energy_j == pytest.approx(0.02)


def test_power_that_steps_is_shared_exactly() -> None:
    """A gauge: each stage has its part of the integral, and together they have all of it."""
    times = array("q", [step * SECOND // 4 for step in range(81)])
    power = array("d", [10.0 if step < 35 else 40.0 for step in range(81)])
    gauge = Trace("replay", "package-0", "power", TraceKind.GAUGE, "W", Method.MEASURED, times, power)
    run = told((4.0, 0.5, 0.25, 4.0, 0.25), (9.0, 0.5, 0.25, 4.0, 0.25))
    run = record(traces=(gauge, *(trace for trace in run.traces if trace.domain == "server")))
    found = stages(run, WINDOW)
    assert None not in {stage.energy_j for stage in found}
    assert sum(stage.energy_j or 0.0 for stage in found) == pytest.approx(energy(gauge, WINDOW.start_ns, WINDOW.end_ns))


def test_a_window_without_length_has_no_stages() -> None:
    """A run that ended before its first answer is still a record."""
    assert stages(told((4.0, 0.5, 0.25, 4.0, 0.25)), Mark(Phase.WINDOW, 4 * SECOND, 4 * SECOND)) == ()


def test_nothing_told_gives_no_stages() -> None:
    """A server of others tells no spans; without a meter there are times and no energy."""
    assert stages(record(), WINDOW) == ()
    run = told((4.0, 0.5, 0.25, 4.0, 0.25))
    bare = record(traces=tuple(trace for trace in run.traces if trace.domain == "server"))
    assert {stage.energy_j for stage in stages(bare, WINDOW)} == {None}
    assert stages(bare, WINDOW)[2].window_s == pytest.approx(4.0)


@given(
    st.lists(
        st.tuples(st.integers(0, 18), *(st.integers(0, 6) for _ in ServerStage)).map(lambda r: tuple(map(float, r))),
        min_size=1,
        max_size=6,
    )
)
def test_stages_share_the_window_as_a_clock_would(requests: list[tuple[float, ...]]) -> None:
    """Second by second: the stage is the first of the priorities that any request is in. Times and energies add up."""
    found = by_name(told(*sorted(requests)))
    expected = dict.fromkeys((*ServerStage, REST), 0.0)
    for second in range(4, 14):
        inside = set()
        for began, *lasting in requests:
            at = began
            for name, seconds in zip(ServerStage, lasting, strict=True):
                if at <= second < at + seconds:
                    inside.add(name)
                at += seconds
        expected[next((name for name in PRIORITY if name in inside), REST)] += 1.0
    assert {name: stage.window_s for name, stage in found.items()} == pytest.approx(expected)
    assert sum(stage.energy_j or 0.0 for stage in found.values()) == pytest.approx(100.0)


def test_work_beside_inference_adds_up_with_nothing() -> None:
    """Streams are written while inference goes on: told apart, and the stages are as without them."""
    run = told((4.0, 0.0, 0.0, 4.0, 0.0, 0.0), (9.0, 0.0, 0.0, 4.0, 0.0, 0.0))
    times = run.traces[-1].t_ns
    beside = Trace(
        "client", "server", "concurrent_serialise_span", TraceKind.GAUGE, "s", Method.MEASURED, times, array("d", [0.1, 0.3])
    )
    streamed = record(traces=(*run.traces, beside))
    assert concurrent(run) == ()
    assert concurrent(streamed) == (Beside("serialise", 2, pytest.approx(0.2), pytest.approx(0.4)),)  # type: ignore[arg-type]
    assert stages(streamed, WINDOW) == stages(run, WINDOW)
