"""Hand-made drawings as pictures: SVG in, PNG out, each rendered once."""

from __future__ import annotations

import hashlib
import zlib
from importlib import metadata
from pathlib import Path

import vl_convert

from greenreport.report.drawing.checked_files import read_checked, write_checked

HEADER = 8
LEVEL = 6


def picture(svg: str, cache: Path, scale: float = 1) -> bytes:
    """Return a drawing as PNG, `scale` pixels per unit.

    Args:
        cache: folder of pictures, each named by the digest of everything that shows in it.
    """
    key = hashlib.sha256(f"{metadata.version('vl-convert-python')}:{scale}:{svg}".encode()).hexdigest()
    file = cache / f"{key}.png"
    content = read_checked(file)
    if content is None:
        content = packed(vl_convert.svg_to_png(svg, scale=scale, ppi=72))
        write_checked(file, content)
    return content


def packed(png: bytes) -> bytes:
    """Return the same picture, compressed better: the renderer compresses for speed, to three times the size."""
    chunks: list[tuple[bytes, bytes]] = []
    at = HEADER
    while at < len(png):
        size = int.from_bytes(png[at : at + 4], "big")
        chunks.append((png[at + 4 : at + 8], png[at + 8 : at + 8 + size]))
        at += size + 12
    pixels = zlib.decompress(b"".join(content for kind, content in chunks if kind == b"IDAT"))
    head = [(kind, content) for kind, content in chunks if kind not in (b"IDAT", b"IEND")]
    return png[:HEADER] + b"".join(
        len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")
        for kind, content in [*head, (b"IDAT", zlib.compress(pixels, LEVEL)), (b"IEND", b"")]
    )
