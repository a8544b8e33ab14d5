"""A drawing inside a page: light, with ids of its own, and nothing that the security policy refuses."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from itertools import groupby

LONG = re.compile(r"\d+\.\d{3,}")  # a number finer than a hundredth of a pixel
ADDRESS = re.compile(r"\bhref=")  # it stays whole, whatever numbers it holds
#: What a page's stylesheet says, what is so anyway, and shapes without size.
IDLE = re.compile(
    r' font-family="[^"]*"| opacity="1"| pointer-events="none"|<path class="(?:background" d="M0,0h0v0h0Z|foreground" d="" display="none)"/>'
)


#: A circle as the renderer writes it: two arcs about a place of its own.
ARCS = re.compile(
    r'<path transform="translate\(([^,()]+),([^,()]+)\)" d="M([\d.]+),0A\3,\3,0,1,1,-\3,0A\3,\3,0,1,1,\3,0"([^>]*)/>'
)
#: A mark without marks inside it.
MARK = r"<(?:path|circle|line|rect|text)\b[^>]*(?:/>|>[^<]*</(?:path|line|rect|text)>)"
#: A group of nothing but such marks.
ALIKE = re.compile(rf"(<g\b[^>]*>)((?:{MARK})+)</g>")
#: Attributes that a mark inherits from its group, with their values.
INHERITED = re.compile(
    r' (fill|fill-opacity|stroke|stroke-opacity|stroke-width|stroke-dasharray|font-size|font-weight|text-anchor)="([^"]*)"'
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
    svg = ARCS.sub(r'<circle cx="\1" cy="\2" r="\3"\4/>', svg)
    svg = ALIKE.sub(_hoisted, svg)
    return svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)


def _hoisted(group: re.Match[str]) -> str:
    """Move what most marks of a group have to the group, and what neighbours have beyond it to a group of their own."""
    opening, marks = group[1], re.findall(MARK, group[2])
    values = [dict(_inherited(mark)) for mark in marks]
    moved = {}
    for name in sorted(set.intersection(*map(set, values))):
        value, number = Counter(own[name] for own in values).most_common(1)[0]
        if number > 1 and f" {name}=" not in opening:
            moved[name] = value
    parts = []
    for common, neighbours in groupby((_without(mark, moved.items()) for mark in marks), _inherited):
        run = list(neighbours)
        if len(run) > 1 and common:
            run = [f"<g{_attribute_text(common)}>", *(_without(mark, common) for mark in run), "</g>"]
        parts += run
    return f"{opening[:-1]}{_attribute_text(moved.items())}>{''.join(parts)}</g>"


def _inherited(mark: str) -> list[tuple[str, str]]:
    """Return the attributes of a mark that its group could hold for it."""
    return sorted(INHERITED.findall(mark.partition(">")[0]))


def _attribute_text(attributes: Iterable[tuple[str, str]]) -> str:
    return "".join(f' {name}="{value}"' for name, value in attributes)


def _without(mark: str, attributes: Iterable[tuple[str, str]]) -> str:
    head, end, rest = mark.partition(">")
    for attribute in attributes:
        head = head.replace(_attribute_text([attribute]), "", 1)
    return head + end + rest


def _rounded(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")


def _attributes(match: re.Match[str]) -> str:
    """Turn a style attribute, which the security policy forbids, into presentation attributes."""
    pairs = (item.split(":", 1) for item in match[1].split(";") if ":" in item)
    return "".join(f' {name.strip()}="{value.strip()}"' for name, value in pairs)
