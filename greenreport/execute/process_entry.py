"""What every process of a run does besides its work: lead its own process group, keep quiet, report errors to the parent.

This is one of the two places that catch every error: whatever a library raises, or a fault of greenreport, becomes a message to the
parent, and with it the outcome of the run with its traceback.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from greenreport.between_processes import forget_where_to_import
from greenreport.engines.memory_errors import is_out_of_memory, memory_words
from greenreport.errors import GreenReportError, OutOfMemory, WorkerCrashed
from greenreport.execute.host import redact

QUIET = {  # no library sends telemetry or uses the network while it is measured
    "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONWARNINGS": "ignore",
    "TRANSFORMERS_VERBOSITY": "error", "HF_HUB_DISABLE_PROGRESS_BARS": "1",
}  # fmt: skip


class Failure(Exception):
    """An error of a child process or of a preparation with its traceback or log, as the record keeps it."""

    def __init__(self, error: GreenReportError, detail: str | None = None) -> None:
        super().__init__(error, detail)
        self.error = error
        self.detail = detail


def isolate(log: Path, environment: dict[str, str]) -> None:
    """Lead a process group, ignore Ctrl-C (the parent decides), print into the log."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(QUIET | environment)
    os.environ.pop("PYTORCH_NVML_BASED_CUDA_CHECK", None)  # see `forked`
    log.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]


def end_with_parent(connection: Connection, clean_up: Callable[[], None]) -> None:
    """End this process, after `clean_up`, as soon as the parent closes its end of the pipe or is gone."""

    def wait() -> None:
        with suppress(EOFError, OSError):
            connection.recv()
        clean_up()
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def guarded(main: Callable[..., None], connection: Connection, *arguments: Any) -> None:
    """Run `main(connection, *arguments)`; send what it raises to the parent."""
    forget_where_to_import()
    try:
        main(connection, *arguments)
    except GreenReportError as error:
        _report(connection, error)
    except Exception as error:
        if is_out_of_memory(error):
            words = memory_words(error) if str(error) else "the process ran out of memory"
            _report(connection, OutOfMemory(redact(words)))
        else:
            _report(connection, WorkerCrashed(redact(f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}")[:500]))


def _report(connection: Connection, error: GreenReportError) -> None:
    with suppress(OSError):  # the parent is gone
        connection.send(Failure(error, redact(traceback.format_exc())))
