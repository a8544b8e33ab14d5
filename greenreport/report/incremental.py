"""Incremental builds: pages of studies for which nothing has changed are kept from the last build.

The memory of a site lies in the cache. For each digest of everything that pages are made from, it holds the files of the pages
and the summaries of the studies for the rest of the site. A file that was deleted or changed by hand is made again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from greenreport.report.summary import Summary
from greenreport.study import Site


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


def key_of(program: str, settings: Site, feed: bool, studies: Sequence[tuple[str, str]]) -> str:
    """Return the digest of everything the pages of some studies are made from.

    Args:
        studies: slug and stamp of each.
    """
    parts = [program, settings.model_dump(mode="json"), feed, [list(item) for item in studies]]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
