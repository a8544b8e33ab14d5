"""The lock of a host: a study that measures on it from elsewhere is alone there, whatever the caches."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from greenreport.between_processes import try_lock
from greenreport.errors import StoreLocked
from greenreport.execute.host import host_digest

#: Folders that every user of a host may write and that are the host's own, also where home folders are shared.
FOLDERS = (Path("/run/lock"), Path("/tmp"))


@contextmanager
def host_lock(*, shared: bool) -> Iterator[None]:
    """Hold the lock of this host.

    Args:
        shared: beside other commands of this host, which keep apart by the lock of their cache; otherwise alone.

    Raises:
        StoreLocked: a command holds it that admits no other.
    """
    with _file().open("rb") as file:
        if not try_lock(file.fileno(), shared=shared):
            raise StoreLocked(
                "another greenreport command is measuring on this host; two at once would disturb each other. Wait for it, or stop it"
            )
        yield


def _file() -> Path:
    folder = next((folder for folder in FOLDERS if os.access(folder, os.W_OK)), FOLDERS[-1])
    file = folder / f"greenreport-{host_digest()}.lock"
    with suppress(FileExistsError):  # also of another user: to read is enough for a lock
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDONLY, 0o644))
    return file
