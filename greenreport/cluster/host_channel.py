"""The host's end of the two pipes: a thread reads orders, so that the end of the coordinator also ends a run in progress."""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import BinaryIO

from greenreport.cluster.messages import BrokenChannel, Dismiss, Order, Report, announce, receive, send

#: How long a run that is given up may take to stop its processes.
STOP_S = 30.0
#: Longest time between two orders to a host that has nothing to do; the coordinator says `Stay` more often.
SILENCE_S = 900.0


class HostChannel:
    """Takes orders and sends reports; standard output becomes standard error, so that nothing else is written into the pipe."""

    def __init__(self) -> None:
        self.orders: queue.SimpleQueue[tuple[Order | Report, bytes] | None] = queue.SimpleQueue()
        #: Held while a record is written: the end of the coordinator waits for it.
        self.storing = threading.Lock()
        self.source: BinaryIO = os.fdopen(os.dup(0), "rb")
        self.sink: BinaryIO = os.fdopen(os.dup(1), "wb")
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        announce(self.sink)
        threading.Thread(target=self._read, daemon=True).start()

    def next(self) -> tuple[Order | Report, bytes] | None:
        """Wait for the next order; None when the coordinator is gone, or silent for so long that the host is surely cut off."""
        with suppress(queue.Empty):
            return self.orders.get(timeout=SILENCE_S)
        return None

    def report(self, message: Report, payload: bytes = b"") -> None:
        """Send a report; a coordinator that is gone is noticed by the thread that reads."""
        try:
            send(self.sink, message, payload)
        except OSError:
            time.sleep(STOP_S)  # the thread interrupts this one
            os._exit(1)

    def _read(self) -> None:
        try:
            while (received := receive(self.source)) is not None:
                self.orders.put(received)
                if isinstance(received[0], Dismiss):
                    return
        except BrokenChannel as error:
            print(error, file=sys.stderr)
        self.orders.put(None)
        with self.storing:
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(STOP_S)
        os._exit(1)  # the processes of the run see their pipes close
