"""Load generation: closed loops of one or more clients, and open loops that send at given times.

::

    closed loop   client 1  ├─request─┤├─request─┤├─request─┤      each sends its next request when the last one is answered
                  client 2  ├──request──┤├─request─┤
    open loop     due times │  │ │     │   │                        sent when due, however many are under way

Latency in an open loop counts from the time a request was due, so that a server that stalls is not excused for the requests it kept
from being sent ("coordinated omission"). How late the client itself was is recorded beside it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from greenreport.record import Output, Request, RequestError
from greenreport.study.protocol import MOST_UNDER_WAY


@dataclass(frozen=True, slots=True)
class Answered:
    """One HTTP request, with a request of the record for each of its prompts.

    Attributes:
        sent_ns: when it was really sent; later than due when the client could not keep up.
        spans: (name, seconds) of the server's work besides generating, where the server reports it.
        retried: whether it was sent again: the server had closed the connection, or asked to come back later.
        cached_tokens: tokens of its prompts that the server took from a cache; None where it does not say.
        rendered: the text that the model saw, where the server made one from messages and tells it.
    """

    requests: tuple[Request, ...]
    outputs: tuple[Output, ...]
    sent_ns: int
    spans: tuple[tuple[str, float], ...] = ()
    retried: bool = False
    cached_tokens: int | None = None
    rendered: str | None = None

    @property
    def error(self) -> RequestError | None:
        """Why it failed, if it did."""
        return next((request.error for request in self.requests if request.error is not None), None)


#: Sends the batch of this number (from 0), due at this time of the monotonic clock or now.
Send = Callable[[int, int | None], Answered]


class _Tolerance:
    """Counts failed requests, and says when there are more than a run may have."""

    def __init__(self, tolerated: int) -> None:
        self.left, self.lock = tolerated, threading.Lock()
        self.spent = threading.Event()

    def add(self, answered: Answered) -> None:
        if answered.error is not None:
            with self.lock:
                self.left -= 1
                if self.left < 0:
                    self.spent.set()


def closed_loop(senders: Sequence[Send], number: int, tolerated: int = 0) -> list[Answered]:
    """Send `number` batches, one at a time per sender; return them in the order of their prompts.

    Args:
        tolerated: errors that end nothing; the next one does.
    """
    batches = iter(range(number))
    lock, tolerance = threading.Lock(), _Tolerance(tolerated)
    stop = tolerance.spent

    def work(send: Send) -> list[Answered]:
        answers: list[Answered] = []
        try:
            while not stop.is_set():
                with lock:
                    batch = next(batches, None)
                if batch is None:
                    break
                answers.append(send(batch, None))
                tolerance.add(answers[-1])
        finally:  # whatever ended this sender, a fault of greenreport too, the others begin nothing more
            stop.set()
        return answers

    if len(senders) == 1:
        return work(senders[0])
    with ThreadPoolExecutor(len(senders)) as pool:
        return _in_order([answer for answers in pool.map(work, senders) for answer in answers])


def open_loop(new_sender: Callable[[], Send], due_s: Sequence[float], tolerated: int = 0) -> list[Answered]:
    """Send one batch at each time, counted from the call; return them in the order of their prompts.

    Args:
        new_sender: makes a sender for a thread of its own.
        tolerated: errors that end nothing; the next one does.
    """
    local = threading.local()
    tolerance = _Tolerance(tolerated)
    stop = tolerance.spent

    def work(batch: int, due_ns: int) -> Answered:
        if not hasattr(local, "send"):
            local.send = new_sender()
        answered: Answered = local.send(batch, due_ns)
        return answered

    def stop_on_failure(future: Future[Answered]) -> None:
        if future.exception() is not None:
            stop.set()
        else:
            tolerance.add(future.result())

    futures = []
    with ThreadPoolExecutor(min(len(due_s), MOST_UNDER_WAY)) as pool:
        start = time.monotonic_ns()
        for batch, due in enumerate(due_s):
            due_ns = start + round(due * 1e9)
            if stop.wait(max(0.0, (due_ns - time.monotonic_ns()) / 1e9)):
                break
            futures.append(pool.submit(work, batch, due_ns))
            futures[-1].add_done_callback(stop_on_failure)
    return _in_order([future.result() for future in futures])


def _in_order(answers: list[Answered]) -> list[Answered]:
    return sorted(answers, key=lambda answered: answered.requests[0].index)
