"""Tests of pictures that are made small."""

from __future__ import annotations

import io
import random

import pytest
import vl_convert
from PIL import Image

from greenreport.report.drawing.png import BUDGET, light, packed, reduced
from greenreport.report.drawing.style import HUES, LIGHT


@pytest.fixture(scope="module")
def heavy() -> bytes:
    """Give a picture of many small circles in the four hues, as large as the renderer writes it."""
    chance = random.Random(3)
    circles = "".join(
        f'<circle cx="{chance.uniform(0, 700):.1f}" cy="{chance.uniform(0, 500):.1f}" r="4" fill="none" stroke="{LIGHT[f"--{hue}"]}" stroke-width="2"/>'
        for hue in HUES
        for _ in range(300)
    )
    paper = f'<rect width="700" height="500" fill="{LIGHT["--paper"]}"/>'
    return vl_convert.svg_to_png(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="700" height="500">{paper}{circles}</svg>', scale=2, ppi=72
    )


def colours(png: bytes) -> set[tuple[int, int, int]]:
    """Return the colours that a picture has."""
    parts = Image.open(io.BytesIO(png)).convert("RGB").tobytes()
    return set(zip(parts[::3], parts[1::3], parts[2::3], strict=True))


def test_a_picture_beyond_the_budget_loses_colours_between_its_own(heavy: bytes) -> None:
    """Its size in pixels, its ground and its hues stay; it is much smaller, and the same each time."""
    [small] = reduced(heavy, [16])
    assert [*reduced(heavy, [32, 16])][-1] == small
    assert len(small) < len(packed(heavy)) * 0.7
    assert Image.open(io.BytesIO(small)).size == Image.open(io.BytesIO(heavy)).size
    kept = colours(small)
    assert len(kept) <= 16
    for name in ("--paper", *(f"--{hue}" for hue in HUES)):
        wanted = tuple(int(LIGHT[name][at : at + 2], 16) for at in (1, 3, 5))
        assert min(sum(abs(a - b) for a, b in zip(wanted, colour, strict=True)) for colour in kept) < 40, name
    assert len(light(heavy)) < len(packed(heavy))


def test_a_picture_within_the_budget_keeps_every_pixel() -> None:
    """It is only packed."""
    drawn = vl_convert.svg_to_png(
        '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><circle cx="20" cy="20" r="9"/></svg>'
    )
    assert light(drawn) == packed(drawn)
    assert len(light(drawn)) < BUDGET
