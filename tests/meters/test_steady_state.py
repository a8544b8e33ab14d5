"""Tests of the rule that ends a cool-down."""

from __future__ import annotations

from array import array
from collections.abc import Callable

import pytest

from greenreport.meters.steady_state import History, is_steady
from greenreport.record import Method, Trace, TraceKind

S = 10**9


def trace(
    quantity: str, value: Callable[[float], float], kind: TraceKind = TraceKind.GAUGE, domain: str = "package-0"
) -> Trace:
    """Return 20 s of samples, ten a second."""
    times = [n / 10 for n in range(201)]
    return Trace(
        "rapl", domain, quantity, kind, "", Method.MEASURED,
        array("q", [round(t * S) for t in times]), array("d", [value(t) for t in times]),
    )  # fmt: skip


def energy(power: Callable[[float], float]) -> Trace:
    """Return a counter whose power changes over time."""
    return trace("energy", lambda t: sum(power(n / 10) / 10 for n in range(round(10 * t))), TraceKind.COUNTER)


@pytest.mark.parametrize(
    ("traces", "steady", "rule"),
    [
        ([energy(lambda t: 20)], True, "power varies by 0.0%"),
        ([energy(lambda t: 20 if t < 10 else 10)], True, "power varies by 0.0%"),
        ([energy(lambda t: 40 - t)], False, "power varies by 11"),
        ([trace("power", lambda t: 200 + 10 * t)], False, "power varies by 8"),
        ([trace("power", lambda t: 100)], True, "power varies by 0.0%"),
        ([energy(lambda t: 20), trace("temperature", lambda t: 50 - t)], False, "temperature by"),
        ([trace("temperature", lambda t: 50 + 6 * (t in (12.0, 15.0)))], True, "temperature by 0.3 °C"),
        ([energy(lambda t: 20), trace("throttle", lambda t: 4)], False, "a GPU throttles"),
        ([trace("cpu_time", lambda t: 0.001 * t, TraceKind.COUNTER, "machine")], True, "0.00 CPUs busy (no power"),
        ([trace("cpu_time", lambda t: 900 * t, TraceKind.COUNTER, "machine")], False, "900.00 CPUs busy"),
        ([], True, "no sensor"),
    ],
)
def test_what_is_steady(traces: list[Trace], steady: bool, rule: str) -> None:
    """Power, temperature and throttling of the last ten seconds decide; without sensors, CPU load."""
    found, text = is_steady(traces, 10 * S)
    assert found == steady, text
    assert rule in text


def test_the_wait_has_an_end() -> None:
    """The verdict is open until the window has passed, and negative at the longest wait."""
    rising = [energy(lambda t: 10 + 10 * t)]
    assert History(window_s=100, max_s=200).judge(rising) is None
    verdict = History(window_s=10, max_s=0).judge(rising)
    assert verdict is not None
    assert not verdict.steady
    assert verdict.note.startswith("not steady after the longest wait of 0 s")
