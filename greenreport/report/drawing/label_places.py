"""Where the labels of points stand so that no text lies on another or on a point: right, left, above or below, or nowhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from greenreport.report.drawing.svg_text import width

APART = 10  # pixels from the middle of a point to its label beside it
OVER = 15  # and to the middle of its label above or below
HIGH = 25  # and to one above that, where another point is beside it
SLANT = (7, 9)  # the same, across and upwards, to a label at a corner
RADIUS = 6  # of a point with its outline
LINE = 1.25  # height of a line of text over the size of its letters
#: Alignment and offsets of a text mark at each side of its point, in the order in which they are tried: a line through points leaves them to the right.
SIDES: dict[str, dict[str, Any]] = {
    "right above": {"align": "left", "dx": SLANT[0], "dy": -SLANT[1]},
    "left above": {"align": "right", "dx": -SLANT[0], "dy": -SLANT[1]},
    "left": {"align": "right", "dx": -APART, "dy": 0},
    "right below": {"align": "left", "dx": SLANT[0], "dy": SLANT[1]},
    "left below": {"align": "right", "dx": -SLANT[0], "dy": SLANT[1]},
    "above": {"align": "center", "dx": 0, "dy": -OVER},
    "below": {"align": "center", "dx": 0, "dy": OVER},
    "right": {"align": "left", "dx": APART, "dy": 0},
    "right high above": {"align": "left", "dx": SLANT[0], "dy": -HIGH},
}


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """Whether the two have a pixel in common."""
        return self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom


def places(
    points: Sequence[tuple[float, float]],
    labels: Sequence[str],
    *,
    size: float,
    plot: tuple[float, float],
    first: str = "right above",
) -> Iterator[str]:
    """Yield the side of each point on which its label stands; empty where it has no label, or no side has room.

    Labels that fit a plot also fit a wider one: what stands beside each other moves apart.

    Args:
        points: pixels from the left and from the top of the plot; labels of the first are placed first.
        size: of letters; `plot`: width and height.
        first: the side that is tried before all others, where no line goes.
    """
    marks = [Box(x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS) for x, y in points]
    taken: list[Box] = []
    for index, ((x, y), label) in enumerate(zip(points, labels, strict=True)):
        others = [*taken, *marks[:index], *marks[index + 1 :]]
        room = width(label, size)
        chosen = ""
        for side in (first, *SIDES) if label else ():
            box = _box(x, y, side, room, size * LINE)
            inside = box.left >= 0 and box.right <= plot[0] and box.top >= -size and box.bottom <= plot[1]
            if inside and not any(box.meets(other) for other in others):
                chosen = side
                taken.append(box)
                break
        yield chosen


def _box(x: float, y: float, side: str, room: float, line: float) -> Box:
    """Return the place of a label, with a little room around it."""
    offsets = SIDES[side]
    left = x + offsets["dx"] - {"left": 0.0, "right": room, "center": room / 2}[offsets["align"]]
    middle = y + offsets["dy"]
    return Box(left - 2, middle - line / 2, left + room + 2, middle + line / 2)
