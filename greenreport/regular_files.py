"""Files that people name, of which only regular ones are read, and none beyond a bound; and the folder of what every study shares.

A device never ends, a pipe waits for its writer, and opening some devices already does something, so what a path leads to is
looked at before it is opened. Files of /proc say that they are empty, and are read as such.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path


def read_regular(path: Path, most_bytes: int) -> bytes:
    """Return the content of a file.

    Raises:
        OSError: it is no regular file, is larger than the bound or cannot be read; `strerror` says which.
    """
    size = regular_size(path, most_bytes)
    with path.open("rb") as stream:
        return stream.read(size)


def regular_size(path: Path, most_bytes: int) -> int:
    """Return the size of a file that may be opened, in bytes.

    Raises:
        OSError: see `read_regular`.
    """
    try:
        found = path.stat()
    except ValueError:  # NUL
        raise FileNotFoundError(errno.ENOENT, "there is no such file") from None
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder")
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is a device, a pipe or a socket, not a regular file")
    if found.st_size > most_bytes:
        raise OSError(errno.EFBIG, f"it is larger than {most_bytes // 1_000_000} MB")
    return found.st_size


def read_regular_text(path: Path, most_bytes: int) -> str:
    r"""Return the content of a UTF-8 file, its lines separated by ``\n``.

    Raises:
        OSError: see `read_regular`.
        UnicodeDecodeError: it is not UTF-8.
    """
    return io.StringIO(read_regular(path, most_bytes).decode(), newline=None).read()


def user_cache(name: str) -> Path:
    """Return a folder of what is made once for a user, whichever study needs it: below ``~/.cache/greenreport``, or below ``XDG_CACHE_HOME``.

    A user without a home, as in some containers, has one in which nothing can be kept; so has one whose folder others own or may write to,
    since what lies there reaches every site.
    """
    named = os.environ.get("XDG_CACHE_HOME", "")
    try:
        home = (
            Path(named) if Path(named).is_absolute() else Path.home() / ".cache"
        )  # a relative one is invalid (XDG Base Directory)
    except RuntimeError:
        home = Path(os.devnull)
    folder = home / "greenreport" / name
    return folder if home.is_absolute() and _ours(folder.parent) and _ours(folder) else Path(os.devnull) / name


def _ours(folder: Path) -> bool:
    """Whether a folder, which is made where it is missing, belongs to this user and nobody else may write to it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        facts = folder.stat()
        if not hasattr(os, "geteuid"):
            return True
        return {folder.lstat().st_uid, facts.st_uid} == {os.geteuid()} and not facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    except OSError:
        return False
