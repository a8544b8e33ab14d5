"""The control: a fixed piece of work by which a machine is compared with itself, before each block on a host of a cluster.

It takes about two seconds on a few cores and is the same for every study: matrix products, which keep the cores busy, and copies of more
memory than caches hold. A host whose control takes longer or shorter than it did before is no longer the host that measured before.
"""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime
from statistics import median
from uuid import uuid4

import numpy as np

from greenreport.record import Environment, Mark, Outcome, Phase, RecordKind, RunRecord, RunSpec
from greenreport.units import number

#: Raised when the work changes, so that times of different work are not compared.
CONTROL_VERSION = 1
#: Its time is the median of so many rounds; one more comes first and does not count.
ROUNDS = 7
SIZE = 768
PRODUCTS = 6
COPIED_B = 32_000_000


def control_s() -> float:
    """Return the median time of a round, s."""
    random = np.random.default_rng(CONTROL_VERSION)
    left, right = (random.random((SIZE, SIZE), dtype=np.float32) for _ in range(2))
    product, source = np.empty_like(left), np.ones(COPIED_B, dtype=np.uint8)
    target, times = np.empty_like(source), []
    for _ in range(ROUNDS + 1):
        begun = time.perf_counter()
        for _ in range(PRODUCTS):
            np.matmul(left, right, out=product)
        np.copyto(target, source)
        times.append(time.perf_counter() - begun)
    return median(times[1:])


def control_record(study: str, here: Environment, before_s: float | None, most: float) -> RunRecord:
    """Perform the control, and return its record: `invalid` with the reason where it drifted.

    Args:
        before_s: what it took here before; None the first time.
        most: largest relative difference from that, either way.
    """
    started_at, start_ns = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), time.monotonic_ns()
    taken_s = control_s()
    drift = 0.0 if before_s is None else max(taken_s / before_s, before_s / taken_s) - 1
    drifted = before_s is not None and drift > most
    way = "longer" if before_s is not None and taken_s > before_s else "shorter"
    reason = f"its control took {number(100 * drift, 2)} % {way} than before, and {number(100 * most, 2)} % are admitted"
    return RunRecord(
        run_id=uuid4().hex,
        kind=RecordKind.CONTROL,
        study=study,
        key="control",
        model="",
        engine="",
        provider="",
        fingerprint=hashlib.sha256(f"control {CONTROL_VERSION}".encode()).hexdigest(),
        repetition=0,
        position=0,
        outcome=Outcome.INVALID if drifted else Outcome.OK,
        reason=reason if drifted else None,
        started_at=started_at,
        environment=here,
        spec=RunSpec(),
        marks=(Mark(Phase.WINDOW, start_ns, start_ns + round(taken_s * 1e9)),),
    )
