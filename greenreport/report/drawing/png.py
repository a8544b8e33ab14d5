"""Pictures: hand-made drawings as PNG, each rendered once, and PNG made small."""

from __future__ import annotations

import hashlib
from importlib import metadata
from pathlib import Path

import oxipng
import vl_convert

from greenreport.report.drawing.checked_files import read_checked, write_checked


def picture(svg: str, cache: Path, scale: float = 1) -> bytes:
    """Return a drawing as PNG, `scale` pixels per unit.

    Args:
        cache: folder of pictures, each named by the digest of everything that shows in it.
    """
    key = hashlib.sha256(
        f"{metadata.version('vl-convert-python')}:{metadata.version('pyoxipng')}:{scale}:{svg}".encode()
    ).hexdigest()
    file = cache / f"{key}.png"
    content = read_checked(file)
    if content is None:
        content = packed(vl_convert.svg_to_png(svg, scale=scale, ppi=72))
        write_checked(file, content)
    return content


def packed(png: bytes) -> bytes:
    """Return the same pixels in about a sixth of the bytes: the renderer compresses for speed and writes every pixel in full colour.

    A drawing has few colours and large areas of one, so rows are best left unfiltered, which is also the quickest.
    """
    return oxipng.optimize_from_memory(
        png, level=1, filter=[oxipng.RowFilter.NoOp], deflate=oxipng.Deflaters.libdeflater(9), strip=oxipng.StripChunks.safe()
    )
