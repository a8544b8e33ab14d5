"""A drawing inside a page: light, with ids of its own, and nothing that the security policy refuses."""

from __future__ import annotations

import re

LONG = re.compile(r"\d+\.\d{3,}")  # a number finer than a hundredth of a pixel
ADDRESS = re.compile(r"\bhref=")  # it stays whole, whatever numbers it holds
#: What a page's stylesheet says, what is so anyway, and shapes without size.
IDLE = re.compile(
    r' font-family="[^"]*"| opacity="1"| pointer-events="none"|<path class="(?:background" d="M0,0h0v0h0Z|foreground" d="" display="none)"/>'
)


def inline(svg: str, name: str) -> str:
    """Return the SVG for the page: ids made unique, no style attributes, nothing that draws nothing, hidden from assistive technology.

    A screen reader has the text alternative and the table instead.

    Args:
        name: what ids begin with.
    """
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", svg)
    svg = re.sub(r' style="([^"]*)"', _attributes, svg)
    svg = re.sub(r' (?:aria-[a-z]+|role)="[^"]*"', "", svg)
    svg = IDLE.sub("", svg).replace(' xlink:href="cells/', ' tabindex="-1" href="cells/')  # the table has the same links
    svg = re.sub(
        r"<[^>]+>", lambda tag: tag[0] if ADDRESS.search(tag[0]) else LONG.sub(_rounded, tag[0]), svg
    )  # an address stays whole
    return svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)


def _rounded(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")


def _attributes(match: re.Match[str]) -> str:
    """Turn a style attribute, which the security policy forbids, into presentation attributes."""
    pairs = (item.split(":", 1) for item in match[1].split(";") if ":" in item)
    return "".join(f' {name.strip()}="{value.strip()}"' for name, value in pairs)
