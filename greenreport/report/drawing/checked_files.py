"""Files of the cache that reach a site: each begins with the digest of its name and content, so a damaged or exchanged one is made again."""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path

from greenreport.between_processes import process_exists
from greenreport.regular_files import read_regular

#: Bytes that each folder of the cache may take when a build begins: some thousand charts.
LIMIT = 500_000_000
DIGEST = 65  # of its hexadecimal digits and the end of their line


def read_checked(file: Path) -> bytes | None:
    """Return the content of a file that `write_checked` wrote; None where there is none that can be read, or it was changed since."""
    try:
        written = read_regular(file, LIMIT)
    except OSError:
        return None
    with suppress(OSError):  # of a cache that is read-only
        os.utime(file)
    return written[DIGEST:] if written[:DIGEST] == _digest(file, written[DIGEST:]) else None


def write_checked(file: Path, content: bytes) -> None:
    """Write a file and its digest; it is never seen half written."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(
        f".{file.name}.{secrets.token_hex(4)}.{os.getpid()}.part"
    )  # numbers of processes recur on other hosts
    try:
        part.write_bytes(_digest(file, content) + content)
        part.replace(file)
    except OSError:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def sweep(folder: Path, limit: int = LIMIT) -> None:
    """Remove what processes that are gone left half written, then the files used longest ago until the rest takes `limit` bytes."""
    for part in folder.glob(".*.part"):
        process = part.name.rsplit(".", 2)[-2]
        if process.isdecimal() and not process_exists(int(process)):
            part.unlink(missing_ok=True)
    facts = []
    for file in folder.rglob("*"):
        with suppress(FileNotFoundError):  # another build sweeps as well
            if file.is_file() and not file.name.startswith("."):
                facts.append((file, file.stat()))
    room = limit
    for file, fact in sorted(facts, key=lambda item: (-item[1].st_mtime_ns, item[0])):
        room -= fact.st_size
        if room < 0:
            file.unlink(missing_ok=True)


def _digest(file: Path, content: bytes) -> bytes:
    return f"{hashlib.sha256(file.name.encode() + b'/' + content).hexdigest()}\n".encode()
