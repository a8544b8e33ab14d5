"""A drawing inside a page: light, with ids of its own, and nothing that the security policy refuses."""

from __future__ import annotations

import re

LONG = re.compile(r"\d+\.\d{3,}")  # a number finer than a hundredth of a pixel
ADDRESS = re.compile(r"\bhref=")  # it stays whole, whatever numbers it holds
#: What a page's stylesheet says, what is so anyway, and shapes without size.
IDLE = re.compile(
    r' font-family="[^"]*"| opacity="1"| pointer-events="none"|<path class="(?:background" d="M0,0h0v0h0Z|foreground" d="" display="none)"/>'
)


#: A mark without marks inside it, and its opening tag.
MARK = r"<(?:path|line|rect|text)\b[^>]*(?:/>|>[^<]*</(?:path|line|rect|text)>)"
MARK_OPENING = re.compile(r"<[^>]*>")
#: A group of nothing but such marks.
ALIKE = re.compile(rf"(<g\b[^>]*>)((?:{MARK})+)</g>")
#: Attributes that a mark inherits from its group.
INHERITED = re.compile(
    r'\b((?:fill|fill-opacity|stroke|stroke-opacity|stroke-width|stroke-dasharray|font-size|font-weight|text-anchor)="[^"]*")'
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
    svg = ALIKE.sub(_hoisted, svg)
    return svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)


def _hoisted(group: re.Match[str]) -> str:
    """Move what all marks of a group have in common to the group, from which they inherit it."""
    opening, marks = group[1], re.findall(MARK, group[2])
    shared = set.intersection(*(set(INHERITED.findall(MARK_OPENING.match(mark)[0])) for mark in marks))  # type: ignore[index]
    moved = [item for item in sorted(shared) if f" {item.partition('=')[0]}=" not in opening]
    if len(marks) < 2 or not moved:
        return group[0]

    def without(mark: str) -> str:
        head = MARK_OPENING.match(mark)[0]  # type: ignore[index]
        bare = head
        for item in moved:
            bare = bare.replace(f" {item}", "", 1)
        return bare + mark[len(head) :]

    return f"{opening[:-1]} {' '.join(moved)}>{''.join(map(without, marks))}</g>"


def _rounded(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")


def _attributes(match: re.Match[str]) -> str:
    """Turn a style attribute, which the security policy forbids, into presentation attributes."""
    pairs = (item.split(":", 1) for item in match[1].split(";") if ":" in item)
    return "".join(f' {name.strip()}="{value.strip()}"' for name, value in pairs)
