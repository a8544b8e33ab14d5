"""Colour and shape of every configuration, the same on every page: engine by hue, provider by fill.

Only four hues reach 3:1 contrast on paper and on the dark ground and can be told apart by colour-blind readers (a difference of at least
17 under every simulation), so a fifth engine reuses a hue with another shape: that of its family, where it has one. Each of the first four has a shape of its own, too: on a
CPU, where none is filled, they differ without any colour. Colours are names of CSS variables whose values the theme of the page sets; files that leave
the page (PNG, SVG) have those of the light theme.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

from greenreport.report.drawing.svg_text import FONT

HUES = ("blue", "vermilion", "green", "purple")
SHAPES = ("circle", "square", "triangle-up", "diamond")
LIGHT = {
    "--ink": "#1c1b18", "--soft": "#57534b", "--paper": "#fbf9f4", "--blue": "#1167cd", "--vermilion": "#d65e00", "--green": "#05a270",
    "--purple": "#a0477b", "--hair": "#dcdad5",
}  # fmt: skip
#: The font of figures: the page brings one with the widths that the renderer measures; without it the others have the same.
FIGURE_FONT = f"Greenreport Sans, {FONT}"
#: Colours of pictures that are drawn without a page.
INK, SOFT, PAPER, HAIR = LIGHT["--ink"], LIGHT["--soft"], LIGHT["--paper"], LIGHT["--hair"]
_FIRST = {"torch": ("blue", "circle"), "onnx": ("vermilion", "square"), "openvino": ("green", "triangle-up"), "torchscript": ("purple", "diamond"),
          "torch_compile": ("blue", "square"), "onnxruntime-genai": ("vermilion", "circle"), "openvino-genai": ("green", "circle"),
          "llamacpp": ("purple", "square")}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Look:
    """How a configuration is drawn; `engine`: name of its engine; `label`: what an imported table calls that, else empty."""

    hue: str
    shape: str
    filled: bool
    engine: str = ""
    label: str = ""

    @property
    def colour(self) -> str:
        """The CSS colour."""
        return f"var(--{self.hue})"


#: The look of each configuration, by its id (of a series: by its label).
Looks: TypeAlias = Mapping[str, Look]


def looks(
    engines: Sequence[str], pairs: Sequence[tuple[str, str, str]], labels: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Look]:
    """Return the look of each configuration.

    Args:
        engines: every engine (or external server) of the study, in its order.
        pairs: (configuration id, engine, provider).
        labels: what an imported table calls its engines.
    """
    taken = dict(_FIRST)
    present = [taken[engine] for engine in engines if engine in taken]
    own = list(zip(HUES, SHAPES, strict=True))
    shapes = {shape for _, shape in present}
    free = sorted((look for look in own if look not in present), key=lambda look: look[1] in shapes)  # a new shape first
    free += [(hue, shape) for shape in SHAPES for hue in HUES if (hue, shape) not in (*own, *taken.values())]
    for engine in dict.fromkeys(engines):
        if engine not in taken:
            taken[engine] = free.pop(0) if free else (HUES[len(taken) % len(HUES)], SHAPES[len(taken) % len(SHAPES)])
    return {
        identifier: Look(*taken[engine], filled=provider != "cpu", engine=engine, label=labels.get(engine, ""))
        for identifier, engine, provider in pairs
    }


def fixed_colours(text: str) -> str:
    """Replace theme variables by the colours of the light theme, for files that leave the page."""
    text = re.sub(r"var\((--[a-z]+)\)", lambda match: LIGHT[match[1]], text)
    return text.replace("currentColor", LIGHT["--ink"])


def theme() -> dict[str, Any]:
    """Return the Vega-Lite configuration of every chart."""
    soft = {"labelColor": "currentColor", "titleColor": "currentColor", "labelFontSize": 12, "titleFontSize": 12}
    return {
        "background": None,
        "font": FIGURE_FONT,
        "padding": 4,
        "view": {"stroke": None, "continuousHeight": 260},
        "axis": {
            **soft, "titleFontWeight": "normal", "domainColor": "currentColor", "domainOpacity": 0.4, "tickColor": "currentColor",
            "tickOpacity": 0.4, "gridColor": "currentColor", "gridOpacity": 0.1, "labelLimit": 220, "titlePadding": 8,
        },
        "axisY": {"grid": False, "ticks": False, "domain": False, "titleAngle": 0, "titleAlign": "left", "titleAnchor": "start", "titleY": -10, "titleX": 0},
        "header": {"labelColor": "currentColor", "titleColor": "currentColor", "labelFontSize": 13, "labelFontWeight": 600, "labelAnchor": "start", "labelOrient": "top", "title": None},
        "legend": {**soft, "orient": "top", "titleFontWeight": "normal", "symbolStrokeWidth": 2, "labelLimit": 260, "columns": 4},
        "title": {"color": "currentColor", "anchor": "start", "fontSize": 13, "fontWeight": 600},
        "text": {"color": "currentColor", "fontSize": 12},
        "rule": {"color": "currentColor"},
        "facet": {"spacing": 14},
    }  # fmt: skip
