"""Tests of units: what people write, and what they read."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenreport.units import count, counted, number, p_value, parse_count, plain_duration, quantity, safe_slug


@pytest.mark.parametrize(
    ("text", "value"), [("110M", 110_000_000), ("1.1B", 1_100_000_000), ("4096", 4096), ("8.6 M", 8_600_000), ("2k", 2000)]
)
def test_counts_are_read(text: str, value: int) -> None:
    """With a suffix, with a point, with a space."""
    assert parse_count(text) == value


@pytest.mark.parametrize("text", ["", "M", "1.1.1B", "-3M", "1e9", "110 Mio", "∞"])
def test_what_is_no_count_is_refused(text: str) -> None:
    """With an example of what would be one."""
    with pytest.raises(ValueError, match="write for example 110M"):
        parse_count(text)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (45069.35, "J", "45.1 kJ"), (0.00234, "J/token", "2.34 mJ/token"), (999.96, "J", "1.00 kJ"), (0, "J", "0 J"),
        (1.5e9, "B", "1.50 GB"), (2.31, "s", "2.31 s"), (0.0123, "s", "12.3 ms"), (723, "s", "12 min 3 s"), (84, "%", "84.0 %"),
        (-12.3, "J", "−12.3 J"), (math.nan, "J", "not computable"), (math.inf, "s", "not computable"),
    ],
)  # fmt: skip
def test_quantities_are_printed(value: float, unit: str, text: str) -> None:
    """Three significant digits, an SI prefix where the unit takes one, no NaN."""
    assert quantity(value, unit).replace("\u202f", " ") == text


@given(st.floats(1e-9, 1e12), st.integers(1, 6))
def test_numbers_keep_their_digits(value: float, digits: int) -> None:
    """What is printed is the value, to the last digit shown."""
    printed = float(number(value, digits).replace(",", ""))
    assert printed == pytest.approx(value, rel=0.51 * 10 ** (1 - digits))


def test_durations_counts_and_p_values() -> None:
    """As journals and progress lines print them."""
    assert plain_duration(59.6).replace("\u202f", " ") == "1 min 0 s"
    assert plain_duration(12_000).replace("\u202f", " ") == "3 h 20 min"
    assert (count(110e6), count(1.1e9), count(4096)) == ("110M", "1.1B", "4,096")
    assert p_value(0.02134) == "0.021"
    assert p_value(0.0002).replace("\u202f", "") == "<0.001"
    assert p_value(None) == "not computable"


@given(st.text(max_size=200), st.lists(st.text(max_size=5), max_size=3))
def test_slugs_are_safe_and_unique(text: str, others: list[str]) -> None:
    """Nothing but a-z, digits, point, line and hyphen; never empty, never a path, never taken."""
    taken = [safe_slug(other) for other in others]
    slug = safe_slug(text, taken)
    assert slug
    assert set(slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_.")
    assert slug not in ("..", ".")
    assert slug not in taken


@pytest.mark.parametrize(
    ("things", "noun", "plural", "text"),
    [
        (1, "run", None, "1 run"),
        (0, "run", None, "0 runs"),
        (1250, "run", None, "1,250 runs"),
        (2, "study", "studies", "2 studies"),
    ],
)
def test_things_are_counted(things: int, noun: str, plural: str | None, text: str) -> None:
    """One is singular, everything else is not."""
    assert counted(things, noun, plural) == text
