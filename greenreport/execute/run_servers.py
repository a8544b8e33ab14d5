"""The servers of a run, started or found.

::

    engines of greenreport ─ replicas × our server ─┐
    engine: command ──────── replicas × a command ──┼─▶ Serving: urls │ pids │ children │ facts │ marks
    engine: endpoint ─────── a server that runs ────┘

Replicas start together, as they do when a service starts. Each has the threads of the configuration, or its share of the physical
cores, and a log of its own. The first one that fails ends the run with its reason. Our servers answer only to the key of their run,
which is drawn anew for each and kept nowhere.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from greenreport.catalog import ENGINES, Served, load_target
from greenreport.engines.base import EngineJob
from greenreport.execute.assignment import RunContext
from greenreport.execute.processes import Child, receive_each
from greenreport.execute.serving import LOADING, ExternalServer, Serving, agreed, covering, log_of, name_of, with_sharing
from greenreport.execute.worker import ServeJob, ServerReady, server_main
from greenreport.study import Model
from greenreport.workloads.exchanges import bearer


def serve(
    stack: ExitStack, context: RunContext, model: Model, job: EngineJob, log: Path, others: Sequence[Child] = ()
) -> Serving:
    """Return the servers of a run, ready to answer.

    Args:
        stack: what is started is stopped when it closes.
        log: file of the first server; further replicas have files next to it (see `log_of`).
        others: processes whose end also ends the wait.

    Raises:
        GreenReportError: why there is no server; `Failure` from a server process likewise.
    """
    info = ENGINES[job.configuration.engine]
    if info.served is not Served.OWN:
        server: ExternalServer = load_target(info.target)(job)
        return server.serve(stack, context, model, log, others)
    launched = time.monotonic_ns()
    environment = {"OMP_NUM_THREADS": str(job.threads), "MKL_NUM_THREADS": str(job.threads)}
    children, api_key = [], secrets.token_urlsafe()
    for number in range(1, job.configuration.replicas + 1):
        file, name = log_of(log, number), name_of(number, job.configuration.replicas)
        work = ServeJob(model.id, job, launched, api_key)
        child = context.launcher.start_engine(name, job.python, server_main, work, file, environment)
        stack.callback(child.stop)
        children.append(child)
    ready = receive_each(children, ServerReady, context.study.protocol.load_timeout_s, others, LOADING)
    facts = with_sharing(agreed([item.facts for item in ready]), job)
    urls = tuple(f"http://127.0.0.1:{item.port}" for item in ready)
    pids = tuple(child.pid for child in children)
    return Serving(urls, model.id, bearer(api_key), pids, tuple(children), facts, covering([item.marks for item in ready]))
