"""Files of the cache that reach a site: each begins with the digest of its content, so a damaged or exchanged one is made again."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

DIGEST = 65  # of its hexadecimal digits and the end of their line


def read_checked(file: Path) -> bytes | None:
    """Return the content of a file that `write_checked` wrote; None where there is none, or it was changed since."""
    try:
        written = file.read_bytes()
    except FileNotFoundError:
        return None
    return written[DIGEST:] if written[:DIGEST] == _digest(written[DIGEST:]) else None


def write_checked(file: Path, content: bytes) -> None:
    """Write a file and its digest; it is never seen half written."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    part.write_bytes(_digest(content) + content)
    part.replace(file)


def sweep_parts(folder: Path) -> None:
    """Remove what processes that are gone left half written."""
    for part in folder.glob(".*.part"):
        process = part.name.rsplit(".", 2)[-2]
        if process.isdecimal() and not Path("/proc", process).exists():
            part.unlink(missing_ok=True)


def _digest(content: bytes) -> bytes:
    return f"{hashlib.sha256(content).hexdigest()}\n".encode()
