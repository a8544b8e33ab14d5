"""Loops that send requests: one after the other, N clients at once, or at times that do not wait for answers.

::

    closed loop   client 1  ├─request─┤├─request─┤├─request─┤      each sends its next request when the last one is answered
                  client 2  ├──request──┤├─request─┤
    open loop     due times │  │ │     │   │                        sent when due, however many are under way

Latency in an open loop counts from the time a request was due: a server that stalls must not be excused for the requests it
kept from being sent ("coordinated omission"). How late the client itself was is recorded beside it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from greenreport.record import Output, Request
from greenreport.study.protocol import MOST_UNDER_WAY


@dataclass(frozen=True, slots=True)
class Answered:
    """One HTTP request: its prompts as requests of the record.

    Attributes:
        sent_ns: when it was really sent; later than due when the client could not keep up.
        spans: (name, seconds) of what the server did besides generating, where it tells.
    """

    requests: tuple[Request, ...]
    outputs: tuple[Output, ...]
    sent_ns: int
    spans: tuple[tuple[str, float], ...] = ()

    @property
    def error(self) -> str | None:
        """Why it failed, if it did."""
        return next((request.error for request in self.requests if request.error is not None), None)


#: Sends the batch of this number (from 0), due at this time of the monotonic clock or now.
Send = Callable[[int, int | None], Answered]


def closed_loop(senders: Sequence[Send], number: int) -> list[Answered]:
    """Send `number` batches, each sender one at a time; the first error ends it."""
    if len(senders) == 1:
        return _one_by_one(senders[0], number)
    found: list[Answered] = []
    lock, stop = threading.Lock(), threading.Event()
    waiting = iter(range(number))

    def work(send: Send) -> None:
        while not stop.is_set():
            with lock:
                batch = next(waiting, None)
            if batch is None:
                return
            answered = send(batch, None)
            with lock:
                found.append(answered)
            if answered.error is not None:
                stop.set()

    threads = [threading.Thread(target=work, args=(send,)) for send in senders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return _in_order(found)


def _one_by_one(send: Send, number: int) -> list[Answered]:
    found = []
    for batch in range(number):
        found.append(send(batch, None))
        if found[-1].error is not None:
            break
    return found


def open_loop(new_sender: Callable[[], Send], due_s: Sequence[float]) -> list[Answered]:
    """Send one batch at each time, counted from the call; the first error ends it.

    Args:
        new_sender: makes a sender for a thread of its own.
    """
    local = threading.local()
    stop = threading.Event()

    def work(batch: int, due_ns: int) -> Answered:
        if not hasattr(local, "send"):
            local.send = new_sender()
        answered: Answered = local.send(batch, due_ns)
        if answered.error is not None:
            stop.set()
        return answered

    futures = []
    with ThreadPoolExecutor(min(len(due_s), MOST_UNDER_WAY)) as pool:
        start = time.monotonic_ns()
        for batch, due in enumerate(due_s):
            due_ns = start + round(due * 1e9)
            if stop.wait(max(0.0, (due_ns - time.monotonic_ns()) / 1e9)):
                break
            futures.append(pool.submit(work, batch, due_ns))
    return _in_order([future.result() for future in futures])


def _in_order(found: list[Answered]) -> list[Answered]:
    """Order by time of sending, with a failed request last: it says how the window ended."""
    return sorted(found, key=lambda answered: (answered.error is not None, answered.requests[0].index))
