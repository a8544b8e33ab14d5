"""Pictures: hand-made drawings as PNG, each rendered once, and PNG made small: with the same pixels, or with fewer colours where that is too large."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

import numpy as np
import numpy.typing as npt
import oxipng
import vl_convert

from greenreport.report.drawing.checked_files import read_checked, write_checked

#: Bytes of a picture for a page; a larger one is drawn with fewer colours.
BUDGET = 40_000
PALETTES = (64, 32, 16)
SIGNATURE = 8  # bytes before the first chunk
CHANNELS = {2: 3, 6: 4}  # by the type of a PNG in full colour


@cache
def engines() -> str:
    """Return the versions of what draws: another one may give other bytes. Reading them takes a millisecond or two."""
    return f"{metadata.version('vl-convert-python')}:{metadata.version('pyoxipng')}"


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing that is wanted as PNG, and the file it is kept in; `scale` pixels per unit."""

    svg: str
    file: Path
    scale: float

    @property
    def complete(self) -> bool:
        """Whether it is drawn, and its file was not changed since."""
        return read_checked(self.file) is not None

    def draw(self) -> None:
        """Write the file."""
        self._drawn()

    def png(self) -> bytes:
        """Return the picture, drawn now where it is not yet."""
        return read_checked(self.file) or self._drawn()

    def _drawn(self) -> bytes:
        content = light(vl_convert.svg_to_png(self.svg, scale=self.scale, ppi=72))
        write_checked(self.file, content)
        return content


def picture(svg: str, cache: Path, scale: float = 1) -> Picture:
    """Return a drawing as a picture, drawn or not.

    Args:
        cache: folder of pictures, each named by the digest of everything that shows in it.
    """
    key = hashlib.sha256(f"{engines()}:{scale}:{svg}".encode()).hexdigest()
    return Picture(svg, cache / f"{key}.png", scale)


def packed(png: bytes) -> bytes:
    """Return the same pixels in about a sixth of the bytes: the renderer compresses for speed and writes every pixel in full colour.

    A drawing has few colours and large areas of one, so rows are best left unfiltered, which is also the quickest.
    """
    return oxipng.optimize_from_memory(
        png, level=1, filter=[oxipng.RowFilter.NoOp], deflate=oxipng.Deflaters.libdeflater(9), strip=oxipng.StripChunks.safe()
    )


def light(png: bytes) -> bytes:
    """Return a picture within the budget: with the same pixels where they fit, else with as many colours as do."""
    small = packed(png)
    if len(small) <= BUDGET:
        return small
    for fewer in reduced(png, PALETTES):
        small = min(small, fewer, key=len)
        if len(small) <= BUDGET:
            break
    return small


def reduced(png: bytes, palettes: Sequence[int]) -> Iterator[bytes]:
    """Yield a picture in a few of its colours, each other pixel in the nearest of them.

    A drawing has few colours of its own; the others are edges of letters and marks, blended with what lies below. Each next colour is the
    one in which most would be gained: of many pixels, and far from those that are chosen.
    """
    pixels = _pixels(png)
    height, width = pixels.shape
    unique, inverse, counts, lengths = _colours(pixels.reshape(-1))
    parts = unique.view(np.uint8).reshape(-1, 4).astype(np.int32)  # red, green, blue, opacity
    chosen = [int(counts.argmax())]
    nearest, apart = np.zeros(len(parts), dtype=np.uint8), _apart(parts, chosen[0])
    at_size = {}  # a smaller palette is the beginning of a larger one
    while len(chosen) < max(palettes) and apart.any():
        if len(chosen) in palettes:
            at_size[len(chosen)] = nearest.copy()
        chosen.append(int((apart * counts).argmax()))
        added = _apart(parts, chosen[-1])
        nearest[added < apart] = len(chosen) - 1
        apart = np.minimum(apart, added)
    for size in palettes:
        kind = oxipng.ColorType.indexed([(int(r), int(g), int(b), int(a)) for r, g, b, a in parts[chosen[:size]]])
        places = np.repeat(at_size.get(size, nearest)[inverse], lengths)
        image = oxipng.RawImage(places.tobytes(), width, height, color_type=kind)
        yield bytes(
            image.create_optimized_png(level=1, filter=[oxipng.RowFilter.NoOp], deflate=oxipng.Deflaters.libdeflater(9))
        )


def _colours(
    pixels: npt.NDArray[np.uint32],
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.intp], npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    """Return the colours of pixels in ascending order, the place of each run of equal pixels among them, how many pixels each has, and how long the runs are.

    A drawing is made of long runs of one colour: sorting these takes a tenth of the time of sorting all pixels.
    """
    begins = np.flatnonzero(np.concatenate(([True], pixels[1:] != pixels[:-1])))
    lengths = np.diff(np.append(begins, len(pixels)))
    unique, inverse = np.unique(pixels[begins], return_inverse=True)
    return unique, inverse, np.bincount(inverse, weights=lengths).astype(np.float64), lengths


def _apart(colours: npt.NDArray[np.int32], place: int) -> npt.NDArray[np.int64]:
    """Return the squared distance of every colour from one of them."""
    apart: npt.NDArray[np.int64] = ((colours - colours[place]) ** 2).sum(axis=1, dtype=np.int64)
    return apart


def _pixels(png: bytes) -> npt.NDArray[np.uint32]:
    """Return the pixels of a picture as the renderer writes it, eight bits for each of red, green, blue and perhaps opacity: (height, width)."""
    plain = oxipng.optimize_from_memory(
        png, level=0, filter=[oxipng.RowFilter.NoOp], force=True, interlace=None, bit_depth_reduction=False, color_type_reduction=False,
        palette_reduction=False, grayscale_reduction=False,
    )  # fmt: skip
    at, content = SIGNATURE, bytearray()
    width = height = channels = 0
    while at < len(plain):
        (length,), kind = struct.unpack_from(">I", plain, at), plain[at + 4 : at + 8]
        if kind == b"IHDR":
            width, height, _, colour = struct.unpack_from(">IIBB", plain, at + 8)
            channels = CHANNELS[colour]
        elif kind == b"IDAT":
            content += plain[at + 8 : at + 8 + length]
        at += 12 + length
    rows = np.frombuffer(zlib.decompress(bytes(content)), dtype=np.uint8).reshape(height, 1 + width * channels)
    pixels = np.full((height, width, 4), 255, dtype=np.uint8)
    pixels[:, :, :channels] = rows[:, 1:].reshape(height, width, channels)  # each row begins with its filter, which is none
    return pixels.view(np.uint32)[:, :, 0]
