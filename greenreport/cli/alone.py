"""The lock of a cache: what measures, and what would disturb a measurement, runs alone."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from greenreport.between_processes import try_lock
from greenreport.errors import StoreError
from greenreport.execute.host import require_linux
from greenreport.execute.host_lock import host_lock


@contextmanager
def alone(cache: Path, *, here: bool = True) -> Iterator[None]:
    """Hold the lock of a cache: two measurements on it would disturb each other.

    Args:
        here: what follows measures on this host; otherwise it only looks after other hosts.

    A batch system's stop (SIGTERM) and a terminal that closes (SIGHUP) are treated like Ctrl-C: the run in progress is discarded,
    its processes end.

    Raises:
        Unavailable: this is no Linux.
        StoreError: another process holds the lock or measures on this host for a study on many, or the cache cannot be written.
    """
    require_linux()
    with ExitStack() as stack:
        try:
            cache.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context((cache / "run.lock").open("a+", encoding="utf-8"))
        except OSError as error:
            raise StoreError(f"the cache {cache} cannot be written: {error.strerror}; use another --cache") from None
        if not try_lock(file.fileno()):
            file.seek(0)
            raise StoreError(
                f"another greenreport run (process {file.read().strip() or 'unknown'}) is measuring; "
                "two at once would disturb each other. Wait for it, or stop it"
            )
        if here:
            stack.enter_context(host_lock(shared=True))
        file.truncate(0)
        with suppress(OSError):  # the number is for people only
            file.write(str(os.getpid()))
            file.flush()
        for stop in filter(None, (signal.SIGTERM, getattr(signal, "SIGHUP", None))):
            if signal.getsignal(stop) is not signal.SIG_IGN:  # as under nohup
                stack.callback(signal.signal, stop, signal.signal(stop, signal.default_int_handler))
        yield
