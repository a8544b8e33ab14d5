"""The end of all hosts: when the study is done, and when the coordinator is interrupted."""

from __future__ import annotations

import queue
import time
from collections.abc import Sequence
from contextlib import suppress

from greenreport.cluster.host import Host, HostState
from greenreport.cluster.host_process import Event
from greenreport.cluster.messages import Dismiss, Records
from greenreport.cluster.shared_study import SharedStudy
from greenreport.errors import StoreError
from greenreport.store.codec import MalformedRecord

#: How long all hosts together may take to end.
END_S = 20.0


def end(hosts: Sequence[Host], events: queue.SimpleQueue[Event], shared: SharedStudy) -> None:
    """End every host and wait for it; a run in progress is discarded.

    Records that still arrive are stored; others are collected by the next `run`.
    """
    processes = []
    for host in hosts:
        if host.process is None:
            continue
        if host.state is HostState.IDLE:
            host.process.order(Dismiss())
        elif host.state is HostState.STARTING and host.launch.queued:
            host.process.terminate()  # what waits in a queue does not read its pipe
        host.process.close()
        host.state = HostState.LEAVING
        processes.append(host.process)
    deadline = time.monotonic() + END_S
    while time.monotonic() < deadline and any(process.process.poll() is None for process in processes):
        with suppress(queue.Empty):
            _, message, payload = events.get(timeout=0.1)
            if isinstance(message, Records):
                with suppress(StoreError, MalformedRecord):
                    shared.absorb(payload)
    for process in processes:
        if process.process.poll() is None:
            process.kill()
