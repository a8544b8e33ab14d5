"""Tests of colours: text and data can be told from the ground in both themes, and pictures have the colours of the light one."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from itertools import combinations
from operator import mul
from pathlib import Path

import pytest

from greenreport.catalog import ENGINES
from greenreport.catalog.engines import Served
from greenreport.report.drawing.style import HUES, LIGHT, looks

CSS = (Path(__file__).resolve().parents[2] / "templates" / "assets" / "site.css").read_text(encoding="utf-8")
TEXT = ("ink", "soft", "link", "good", "warn", "bad")
Colour = tuple[float, float, float]
#: Linear RGB as readers without one kind of cones see it (Machado, Oliveira and Fernandes 2009, severity 1), by rows.
SEEN = {
    "all": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
WHITE = (0.95047, 1.0, 1.08883)
LEAST_APART = 17  # CIE 1976


def blocks() -> dict[str, dict[str, str]]:
    """Return the colour variables of the stylesheet: of the light theme, the chosen dark one, that of the system, and of paper."""
    start = {
        "light": r":root \{",
        "dark": r':root\[data-theme="dark"\] \{',
        "system": r"prefers-color-scheme: dark\) \{\s*:root:not\(\[data-theme=\"light\"\]\) \{",
        "paper": r"@media print \{\s*:root,[^{]*\{",
    }
    found = {}
    for name, pattern in start.items():
        match = re.search(pattern + r"([^}]*)\}", CSS)
        assert match is not None, name
        found[name] = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]+|rgba\([^)]*\)|transparent);", match[1]))
    return found


def colour(text: str) -> Colour:
    """Return red, green and blue of ``#rgb`` or ``#rrggbb``, between 0 and 1."""
    digits = text.removeprefix("#")
    full = digits if len(digits) == 6 else "".join(2 * digit for digit in digits)
    red, green, blue = (int(full[at : at + 2], 16) / 255 for at in (0, 2, 4))
    return red, green, blue


def linear(of: Colour) -> Colour:
    """Return a colour as amounts of light."""
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in of)
    return red, green, blue


def luminance(of: Colour) -> float:
    """Return the relative luminance (WCAG 2.2)."""
    red, green, blue = linear(of)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def lab(of: Colour, eyes: str) -> Colour:
    """Return a colour in CIE L*a*b* as these eyes see it."""
    light = [min(1.0, max(0.0, sum(map(mul, row, linear(of))))) for row in SEEN[eyes]]
    x, y, z = (sum(map(mul, row, light)) / white for row, white in zip(XYZ, WHITE, strict=True))
    fx, fy, fz = (value ** (1 / 3) if value > 216 / 24389 else (24389 / 27 * value + 16) / 116 for value in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


@pytest.mark.parametrize("theme", ["light", "dark", "system", "paper"])
def test_hues_of_data_differ_for_every_reader(theme: str) -> None:
    """Every pair, with all cones and without each of the three kinds, in every theme: at least the difference the project asks for."""
    names = blocks()[theme]
    alike = {
        (eyes, first, second): round(apart, 1)
        for eyes in SEEN
        for first, second in combinations(HUES, 2)
        if (apart := math.dist(lab(colour(names[first]), eyes), lab(colour(names[second]), eyes))) < LEAST_APART
    }
    assert alike == {}


def test_engines_on_a_cpu_differ_without_colour() -> None:
    """Four engines have four shapes, those of the catalog and those of a server; no two of eight share hue and shape."""
    for engines in (["torch", "onnx", "openvino", "torchscript"], ["vllm", "llamacpp", "torch", "server"]):
        drawn = looks(engines, [(name, name, "cpu") for name in engines])
        assert len({look.shape for look in drawn.values()}) == 4
        assert not any(look.filled for look in drawn.values())
    many = [f"e{number}" for number in range(8)]
    assert len({(look.hue, look.shape) for look in looks(many, [(name, name, "cpu") for name in many]).values()}) == 8


def test_an_engine_looks_the_same_in_every_study() -> None:
    """Also beside others, as in the explorer; engines of one family share the hue and differ in shape."""
    every = looks(list(ENGINES), [(name, name, "cpu") for name in ENGINES])
    own = [name for name, info in ENGINES.items() if info.served is Served.OWN and info.weights]
    for name in own:
        assert looks([name], [(name, name, "cpu")]) == {name: every[name]}
    assert len({(every[name].hue, every[name].shape) for name in own}) == len(own)
    for first, second in (("onnx", "onnxruntime-genai"), ("openvino", "openvino-genai"), ("torch", "torch_compile")):
        assert every[first].hue == every[second].hue


def contrast(first: Colour, second: Colour) -> float:
    """Return the contrast ratio of two colours, from 1 to 21 (WCAG 2.2)."""
    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def blended(text: str, ground: Colour) -> Colour:
    """Return the colour of ``rgba(…)`` on a ground."""
    red, green, blue, alpha = (float(part) for part in re.findall(r"[\d.]+", text))
    over = [(part / 255) * alpha + below * (1 - alpha) for part, below in zip((red, green, blue), ground, strict=True)]
    return over[0], over[1], over[2]


def test_contrast_is_computed_as_published() -> None:
    """Black on white is 21, a colour on itself 1, and #767676 on white the well-known 4.54."""
    assert contrast(colour("#000"), colour("#fff")) == pytest.approx(21)
    assert contrast(colour("#0072b2"), colour("#0072b2")) == 1
    assert contrast(colour("#767676"), colour("#ffffff")) == pytest.approx(4.54, abs=0.005)


@pytest.mark.parametrize("theme", ["light", "dark", "system", "paper"])
def test_text_and_data_stand_out_from_every_ground(theme: str) -> None:
    """Text has 4.5:1 on paper, on raised and on washed ground; hues of data and the frames of controls have 3:1."""
    names = blocks()[theme]
    paper = colour(names["paper"])
    grounds = {"paper": paper, "raised": colour(names["raised"])}
    if names["wash"] != "transparent":
        grounds["wash"] = blended(names["wash"], paper)
    low = {
        (name, ground): round(contrast(colour(names[name]), grounds[ground]), 2)
        for ground in grounds
        for name in TEXT
        if name in names and contrast(colour(names[name]), grounds[ground]) < 4.5
    }
    assert low == {}
    frame = names["hair-strong"]
    shapes = {name: colour(names[name]) for name in HUES}
    shapes["hair-strong"] = colour(frame) if frame.startswith("#") else blended(frame, paper)
    faint = {name: round(contrast(seen, paper), 2) for name, seen in shapes.items() if contrast(seen, paper) < 3}
    assert faint == {}


def test_the_dark_theme_is_one() -> None:
    """Chosen by button or by the system, it has the same colours."""
    assert blocks()["dark"] == blocks()["system"]
    assert blocks()["dark"].keys() == blocks()["light"].keys()


def test_pictures_have_the_colours_of_the_light_theme() -> None:
    """What fills drawings that leave the page is what the stylesheet says; hairlines as they look on paper."""
    names: Mapping[str, str] = blocks()["light"]
    paper = colour(names["paper"])
    for variable, value in LIGHT.items():
        declared = names[variable.removeprefix("--")]
        seen = colour(declared) if declared.startswith("#") else blended(declared, paper)
        assert [round(255 * part) for part in colour(value)] == [round(255 * part) for part in seen], variable
