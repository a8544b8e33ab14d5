"""Throughput and latency of each replica of a run: a slow one is invisible in the numbers of all of them together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from greenreport.analysis.measure.latency import inside, latencies_s
from greenreport.record import Mark, RunRecord


@dataclass(frozen=True, slots=True)
class Replica:
    """One server over the window of a run, by the client's clock.

    Attributes:
        number: counted from 1.
        requests: completed inside the window; waits are of those sent inside it.
        tokens_per_s: output tokens inside the window, a second of it; None where they are not counted.
        latency_p95_s: None without a request.
    """

    number: int
    requests: int
    tokens_per_s: float | None
    latency_p95_s: float | None


def replicas(record: RunRecord, window: Mark) -> tuple[Replica, ...]:
    """Return what each replica did in the window; () for one server, and for runs that did not record which server answered."""
    number = record.spec.replicas
    if number < 2 or all(request.server is None for request in record.requests):
        return ()
    return tuple(_replica(record, window, server) for server in range(number))


def _replica(record: RunRecord, window: Mark, server: int) -> Replica:
    own = tuple(request for request in record.requests if request.server == server)
    content = inside(own, window)
    latency = latencies_s(content.sent)
    counted = any(request.output_tokens is not None for request in own)
    return Replica(
        server + 1,
        len(content.completed),
        content.tokens / window.duration_s if counted and window.duration_s > 0 else None,
        float(np.percentile(latency, 95)) if latency else None,
    )
