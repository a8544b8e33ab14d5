"""Tests of the client process: it says when it has started, so that its start is not taken for idle power or for other programs."""

from __future__ import annotations

import multiprocessing

from greenreport.workloads.client import Ready, client_main
from greenreport.workloads.sender import ClientJob


def test_the_client_says_when_it_has_started() -> None:
    """Before anything is asked of it, and before it has sent any request: nothing listens at this address."""
    job = ClientJob(("http://127.0.0.1:9",), "one", (("a",),), (4,), True, False, 5.0, concurrency=3)
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=client_main, args=(theirs, job))
    process.start()
    theirs.close()
    try:
        assert ours.poll(60)
        assert isinstance(ours.recv(), Ready)
        assert not ours.poll(0.2)
    finally:
        ours.close()
        process.join(20)
    assert process.exitcode == 0
