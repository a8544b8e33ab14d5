"""Incremental builds: pages of studies for which nothing has changed are kept from the last build.

The memory of a site lies in the cache. For each digest of everything that pages are made from, it holds the files of the pages
and the summaries of the studies for the rest of the site. A file that was deleted or changed by hand is made again.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

import greenreport
from greenreport.catalog import GROUPS, added
from greenreport.report.summary import Summary
from greenreport.study import Site

#: Libraries whose versions show in pages.
LIBRARIES = (
    "altair", "duckdb", "jinja2", "markupsafe", "numpy", "pandas", "pydantic", "scikit-posthocs", "scipy", "statsmodels", "vl-convert-python",
)  # fmt: skip
SOURCES = frozenset({".py", ".html", ".css", ".js", ".svg", ".json", ".txt"})


@dataclass(frozen=True)
class Kept:
    """The pages of a study, or of studies that are compared with each other.

    Attributes:
        pages: number of pages.
        files: path in the site → SHA-256.
    """

    summaries: tuple[Summary, ...]
    pages: int
    files: dict[str, str]


_MEMORY = TypeAdapter(dict[str, Kept])


def read_memory(cache: Path, site: Path) -> dict[str, Kept]:
    """Return the memory of a site by key (`key_of`); empty if there is none or it cannot be read."""
    try:
        return _MEMORY.validate_json(_file(cache, site).read_bytes())
    except (OSError, ValidationError):
        return {}


def write_memory(cache: Path, site: Path, memory: dict[str, Kept]) -> None:
    """Write the memory of a site for the next build."""
    file = _file(cache, site)
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_bytes(_MEMORY.dump_json(memory))
    part.replace(file)


def _file(cache: Path, site: Path) -> Path:
    return cache / "pages" / f"{hashlib.sha256(str(site.resolve()).encode()).hexdigest()[:16]}.json"


def program_digest(folders: Sequence[Path]) -> str:
    """Return the digest of the program, of its templates and of the user's, of the libraries that make pages, and of the packages that add to greenreport."""
    digest = hashlib.sha256(f"{sys.version}\n".encode())
    adding = {entry.dist.name for group in GROUPS for entry in added(group) if entry.dist is not None}
    for name in (*LIBRARIES, *sorted(adding)):
        digest.update(f"{name} {metadata.version(name)}\n".encode())
    for folder in (Path(greenreport.__file__).parent, *folders):
        for file in sorted(folder.rglob("*")):
            if file.is_file() and (file.suffix in SOURCES or folder in folders):
                digest.update(f"{file.relative_to(folder)}\n".encode())
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def key_of(program: str, settings: Site, feed: bool, studies: Sequence[tuple[str, str]]) -> str:
    """Return the digest of everything the pages of some studies are made from.

    Args:
        studies: slug and stamp of each.
    """
    parts = [program, settings.model_dump(mode="json"), feed, [list(item) for item in studies]]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
