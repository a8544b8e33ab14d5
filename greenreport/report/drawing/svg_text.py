"""Text in hand-made drawings: SVG does not break lines, so they are broken and cut here, by the widths of the letters.

The font is Liberation Sans, which comes with the renderer, so pictures are the same on every machine; Arial and Helvetica have the
same widths and take its place where an SVG is opened without it.
"""

from __future__ import annotations

import re
from html import escape

from greenreport.report.drawing.safe_text import visible
from greenreport.units import THIN

FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
BOLD = 1.07  # bold letters are wider, on the average of a sentence
OTHER, WIDE = 600, 1000
LOOSE = " ,;:·\u00a0"  # what never stands before an ellipsis
#: Widths in thousandths of the font size.
_WIDTHS = {
    191: "'", 222: "ijl‘’", 260: "|", 278: " \u00a0!,./:;I[]\\ft", 333: "()-`r·“”", 334: "{}", 355: '"', 389: "*", 400: "°", 469: "^",
    500: "Jckszvxy", 556: "#$0123456789?L_abdeghnopqu–", 584: "+<=>~±×÷−≤≥", 611: "FTZ", 667: "&ABEKPSVXY", 722: "CDHNRUw", 778: "GOQ",
    833: "Mm", 889: "%", 944: "W", 1000: "—…", 1015: "@",
}  # fmt: skip
_WIDTH = {letter: width for width, letters in _WIDTHS.items() for letter in letters}
_REFUSED = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def plain_line(text: str) -> str:
    """Return a text on one line, without characters that XML forbids and with spaces that every font has."""
    kept = _REFUSED.sub("", str(visible(text)))
    return re.sub(r"[ \t\r\n]+", " ", kept).strip().replace(THIN, "\u00a0")


def width(text: str, size: float, *, bold: bool = False) -> float:
    """Return the width of a text in the unit of its size."""
    total = sum(_WIDTH.get(letter, WIDE if ord(letter) >= 0x2E80 else OTHER) for letter in text)
    return total * size / 1000 * (BOLD if bold else 1)


def fitted(text: str, size: float, room: float, *, bold: bool = False) -> str:
    """Return a text on one line, cut with an ellipsis where it does not fit into the room."""
    line = plain_line(text)
    if width(line, size, bold=bold) <= room:
        return line
    while line and width(f"{line}…", size, bold=bold) > room:
        line = line[:-1]
    return line.rstrip(LOOSE) + "…"


def broken(text: str, size: float, room: float, most: int, *, bold: bool = False) -> list[str]:
    """Return a text broken into lines; the last of `most` lines ends with an ellipsis where there would be more."""
    lines: list[str] = []
    left = plain_line(text).split(" ")
    while left and len(lines) < most:
        line = left.pop(0)
        while left and width(f"{line} {left[0]}", size, bold=bold) <= room:
            line += f" {left.pop(0)}"
        if len(lines) == most - 1:
            line = " ".join([line, *left])
            left = []
        lines.append(fitted(line, size, room, bold=bold))
    return lines


def whole(text: str, size: float, room: float) -> list[str]:
    """Return a text on as many lines as it needs: broken at spaces, and a word longer than the room between its letters."""
    lines = [""]
    for word in plain_line(text).split(" "):
        if lines[-1] and width(f"{lines[-1]} {word}", size) <= room:
            lines[-1] += f" {word}"
            continue
        lines.append("")
        for letter in word:
            if lines[-1] and width(lines[-1] + letter, size) > room:
                lines.append("")
            lines[-1] += letter
    return [shown for line in lines if (shown := line.strip(LOOSE))] or [""]


def complete(lines: list[str], text: str) -> bool:
    """Whether broken lines hold the whole text."""
    return " ".join(lines) == plain_line(text)


def lettered(
    x: float,
    y: float,
    text: str,
    size: float,
    fill: str,
    *,
    bold: bool = False,
    anchor: str = "start",
    room: float | None = None,
) -> str:
    """Return a text element on a base line, its text escaped."""
    line = plain_line(text) if room is None else fitted(text, size, room, bold=bold)
    weight = ' font-weight="700"' if bold else ""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" fill="{fill}" text-anchor="{anchor}"{weight} xml:space="preserve">'
        f"{escape(line)}</text>"
    )
