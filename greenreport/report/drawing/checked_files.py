"""Files of the cache that reach a site: each begins with the digest of its content, so a damaged or exchanged one is made again."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from greenreport.between_processes import process_exists

#: Bytes that each folder of the cache may take when a build begins: some thousand charts.
LIMIT = 500_000_000
DIGEST = 65  # of its hexadecimal digits and the end of their line


def read_checked(file: Path) -> bytes | None:
    """Return the content of a file that `write_checked` wrote; None where there is none, or it was changed since."""
    try:
        written = file.read_bytes()
    except FileNotFoundError:
        return None
    with suppress(OSError):  # of a cache that is read-only
        os.utime(file)
    return written[DIGEST:] if written[:DIGEST] == _digest(written[DIGEST:]) else None


def write_checked(file: Path, content: bytes) -> None:
    """Write a file and its digest; it is never seen half written."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    part.write_bytes(_digest(content) + content)
    part.replace(file)


def sweep(folder: Path, limit: int = LIMIT) -> None:
    """Remove what processes that are gone left half written, then the files used longest ago until the rest takes `limit` bytes."""
    for part in folder.glob(".*.part"):
        process = part.name.rsplit(".", 2)[-2]
        if process.isdecimal() and not process_exists(int(process)):
            part.unlink(missing_ok=True)
    facts = ((file, file.stat()) for file in folder.rglob("*") if file.is_file() and not file.name.startswith("."))
    room = limit
    for file, fact in sorted(facts, key=lambda item: (-item[1].st_mtime_ns, item[0])):
        room -= fact.st_size
        if room < 0:
            file.unlink(missing_ok=True)


def _digest(content: bytes) -> bytes:
    return f"{hashlib.sha256(content).hexdigest()}\n".encode()
