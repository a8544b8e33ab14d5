"""Standard output and error that end no command: a full disk, a closed terminal or a reader that has gone costs words, never a run."""

from __future__ import annotations

import errno
import io
import os
import sys
from pathlib import Path
from typing import TextIO


class LastingStream(io.TextIOWrapper):
    """A stream that drops what cannot be written, and keeps the error; a character its encoding lacks is replaced."""

    error: OSError | None = None

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            self._give_up(error)
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """Send the rest nowhere, what is buffered too, so that nothing fails again when the interpreter ends."""
        self.error = error
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)


def make_lasting() -> None:
    """Make both streams lasting; each closed one leads nowhere, or the next file that is opened would take its number and its words."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # it gets the lowest number that is free
    sys.stdout, sys.stderr = _lasting(sys.stdout), _lasting(sys.stderr)


def lost() -> OSError | None:
    """Return why words for standard output were lost; None where they were not, or their reader wanted no more."""
    sys.stdout.flush()
    error = sys.stdout.error if isinstance(sys.stdout, LastingStream) else None
    return None if error is None or error.errno == errno.EPIPE else error


def _lasting(stream: TextIO | None) -> TextIO:
    if stream is None:  # closed before we began
        return Path(os.devnull).open("w", encoding="utf-8")
    if not isinstance(stream, io.TextIOWrapper) or isinstance(stream, LastingStream):
        return stream
    encoding, lines = stream.encoding, stream.line_buffering
    return LastingStream(stream.detach(), encoding, "replace", line_buffering=lines)
