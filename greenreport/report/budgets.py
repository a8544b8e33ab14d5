"""How much pages, pictures and studies may weigh."""

from __future__ import annotations

import gzip
import re
import struct
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from greenreport.report.pages.explorer_page import CSV as CELLS

#: Largest size in bytes after gzip, by the ending of a path.
BUDGETS = (
    ("report.html", 5_000_000),
    ("cells/", 300_000),
    (".html", 150_000),
    (".css", 15_000),
    ("theme.", 1_000),
    ("app.", 15_000),
    ("tables.", 5_000),
    ("share.", 15_000),
    ("vega.", 330_000),
    ("search-index.", 100_000),
)
#: Largest size of a page in bytes as a browser parses it, as a whole or for each of its figures where that is more; the report in one
#: file has all pages in it.
PAGE_BYTES, FIGURE_BYTES, ALL_PAGES = 300_000, 120_000, "report.html"
#: What the pages of a study may weigh in bytes, without its data and the tables of its figures, which readers take with them, and how many files it may have;
#: each as a whole, or for each cell where that is more.
STUDY_BYTES, CELL_BYTES = 12_000_000, 450_000
#: What a study may weigh for each of its cells where these have no pages of their own, in bytes.
LISTED_BYTES = 10_000
STUDY_FILES, CELL_FILES = 350, 15
#: Largest size of a picture in bytes, and for each million of its pixels where that is more.
PICTURE_BYTES, MEGAPIXEL_BYTES = 40_000, 50_000


def too_heavy(files: Mapping[str, Path]) -> Iterator[tuple[str, str]]:
    """Yield what weighs more than it may: path and reason.

    Args:
        files: every file of a site by its path in the site.
    """
    yield from _transfers(files)
    yield from _pages_and_pictures(files)
    yield from _studies(files)


def _transfers(files: Mapping[str, Path]) -> Iterator[tuple[str, str]]:
    """Yield texts that are too long to send, compressed as servers send them."""
    for path, file in files.items():
        if not path.endswith((".html", ".css", ".js")):
            continue
        limit = next((size for part, size in BUDGETS if part in path), None)
        weight = len(gzip.compress(file.read_bytes(), 6))
        if limit is not None and weight > limit:
            yield path, f"{weight / 1000:.0f} kB after gzip, more than {limit / 1000:.0f} kB"


def _pages_and_pictures(files: Mapping[str, Path]) -> Iterator[tuple[str, str]]:
    for path, file in files.items():
        size = file.stat().st_size
        if path.endswith(".html") and not path.endswith(ALL_PAGES) and size > PAGE_BYTES:
            limit = max(PAGE_BYTES, FIGURE_BYTES * file.read_bytes().count(b'<figure id="fig-'))
            if size > limit:
                yield path, f"{size / 1000:.0f} kB, more than {limit / 1000:.0f} kB"
        if path.endswith(".png") and size > (most_b := max(PICTURE_BYTES, MEGAPIXEL_BYTES * _megapixels(file))):
            yield path, f"{size / 1000:.0f} kB, more than {most_b / 1000:.0f} kB for its size"


def _studies(files: Mapping[str, Path]) -> Iterator[tuple[str, str]]:
    """Yield studies that weigh more, or have more files, than their cells explain."""
    listed = _listed_cells(files.get(CELLS))
    for root in sorted({match[0] for path in files if (match := re.match(r"s/[^/]+/", path))}):
        own = [path for path in files if path.startswith(root)]
        cells = sum(bool(re.fullmatch(rf"{re.escape(root)}cells/[^/]+/index\.html", path)) for path in own)
        weight = sum(
            files[path].stat().st_size for path in own if not path.startswith(f"{root}data/") and not path.endswith(".csv")
        )
        most_b = max(STUDY_BYTES, cells * CELL_BYTES, listed[root] * LISTED_BYTES)
        most = max(STUDY_FILES, cells * CELL_FILES)
        if weight > most_b:
            yield root, f"{weight / 1e6:.1f} MB without its data, more than {most_b / 1e6:.1f} MB"
        if len(own) > most:
            yield root, f"{len(own)} files, more than {most}"


def _listed_cells(file: Path | None) -> Counter[str]:
    """Return how many cells the explorer lists of each study, by the study's folder."""
    if file is None:
        return Counter()
    last = re.findall(
        rb",(s/[^/,\r\n]+/)[^,\r\n]*$", file.read_bytes(), re.MULTILINE
    )  # the last column is the address of the page
    return Counter(root.decode(errors="replace") for root in last)


def _megapixels(file: Path) -> float:
    """Return the size of a PNG in millions of pixels, from its header."""
    with file.open("rb") as stream:
        width, height = struct.unpack(">16x2I", stream.read(24).ljust(24, b"\0"))
    return float(width * height / 1e6)
