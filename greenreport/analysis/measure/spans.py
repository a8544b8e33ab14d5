"""Stages of serving in time and energy: queue, tokenise, infer, detokenise, serialise.

Stages of different requests overlap: while one is inferred another waits, and the prompts of a batch share their inference. So
every moment of the window belongs to one stage, the first of `PRIORITY` that any request is in; moments without one are the rest.
Times and energies of the stages then add up to those of the window.

A stream is turned into text and written piece by piece while inference goes on. That time belongs to inference in the window and is
reported separately (`concurrent`); it is not part of any sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from greenreport import traces as tr
from greenreport.analysis.measure.energy import boundary_components, traces_of
from greenreport.analysis.measure.latency import latencies_s
from greenreport.record import Domain, Mark, RunRecord, ServerStage, span_of

PRIORITY = (ServerStage.INFER, ServerStage.TOKENISE, ServerStage.DETOKENISE, ServerStage.SERIALISE, ServerStage.QUEUE)
REST = "client, network"

Pieces = tr.Ints


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of serving over the window of a run.

    Attributes:
        median_s: median over the requests; a request can wait in a queue while another is inferred.
        window_s: time of the window that belongs to the stage.
        energy_j: energy of the boundary in that time; None without energy.
        resolved: whether the stage lasts for at least two samples of the energy meters at a time. Else its energy is its time at
            the mean power around it, which gives an upper order of magnitude and no more.
    """

    name: str
    median_s: float
    window_s: float
    energy_j: float | None
    resolved: bool


def stages(record: RunRecord, window: Mark) -> tuple[Stage, ...]:
    """Return the stages of the window, the rest last; () where the server does not report its spans."""
    if window.end_ns <= window.start_ns:
        return ()
    spans = _spans(record)
    latency = latencies_s(record.requests)
    if not spans or not latency:
        return ()
    pieces = _partition(spans, window)
    span = window.start_ns, window.end_ns
    traces = traces_of(boundary_components(record, *span), record, *span)
    interval_ns = max((tr.usual_interval_s(trace) for trace in traces), default=0.0) * 1e9
    medians = {name: float(np.median(spans[name][:, 1] - spans[name][:, 0])) / 1e9 for name in spans}
    medians[REST] = max(0.0, float(np.median(latency)) - sum(medians.values()))
    result = []
    for name in (*spans, REST):
        lengths = pieces[name][:, 1] - pieces[name][:, 0]
        parts = [tr.energy_within(trace, span, pieces[name]) for trace in traces]
        energies = [part for part in parts if part is not None]
        lasts = float(np.median(lengths)) if len(lengths) else 0.0
        energy_j = sum(energies) if traces and len(energies) == len(parts) else None
        resolved = bool(traces) and lasts >= 2 * interval_ns
        result.append(Stage(name, medians[name], float(lengths.sum()) / 1e9, energy_j, resolved))
    return tuple(result)


@dataclass(frozen=True, slots=True)
class Beside:
    """Work for streams while inference goes on, by the server's clock; waits for the interpreter are part of it.

    Attributes:
        requests: HTTP requests that report it.
        median_s: median over them.
        total_s: over all of them.
    """

    name: str
    requests: int
    median_s: float
    total_s: float


def concurrent(record: RunRecord) -> tuple[Beside, ...]:
    """Return what the server did for streams while inference went on; () where it reports none."""
    named = ((name, record.trace(Domain.SERVER, span_of(f"concurrent_{name}"))) for name in ServerStage)
    durations = [(name, tr.values_of(trace)) for name, trace in named if trace is not None and len(trace.value)]
    return tuple(Beside(name, len(d), float(np.median(d)), float(d.sum())) for name, d in durations)


def _spans(record: RunRecord) -> dict[str, Pieces]:
    """Return start and end in ns of every span the server reported, by stage; a request passes through the stages one after the other."""
    named = [(name, trace) for name in ServerStage if (trace := record.trace(Domain.SERVER, span_of(name))) is not None]
    if not named or len({len(trace.value) for _, trace in named}) != 1 or not len(named[0][1].value):
        return {}
    at = tr.times_of(named[0][1]).astype(np.int64)
    spans: dict[str, Pieces] = {}
    for name, trace in named:
        end = at + np.rint(tr.values_of(trace) * 1e9).astype(np.int64)
        spans[name] = np.stack([at, end], axis=1)
        at = end
    return spans


def _partition(spans: Mapping[str, Pieces], window: Mark) -> dict[str, Pieces]:
    """Give every moment of the window to one stage; return the pieces of each as rows of start and end in ns."""
    span = window.start_ns, window.end_ns
    clipped = {name: np.clip(of_stage, *span) for name, of_stage in spans.items()}
    edges = np.unique(np.concatenate([span, *(of_stage.ravel() for of_stage in clipped.values())]))
    owner = np.full(len(edges) - 1, -1)
    names = [name for name in PRIORITY if name in clipped]
    for place, name in reversed(list(enumerate(names))):
        change = np.zeros(len(edges), dtype=np.int64)
        np.add.at(change, np.searchsorted(edges, clipped[name][:, 0]), 1)
        np.add.at(change, np.searchsorted(edges, clipped[name][:, 1]), -1)
        owner[np.cumsum(change)[:-1] > 0] = place
    starts = np.flatnonzero(np.diff(owner, prepend=-2))  # where another stage begins
    ends = np.append(starts[1:], len(owner))
    pieces = np.stack([edges[starts], edges[ends]], axis=1)
    kind = owner[starts]
    return {name: pieces[kind == place] for place, name in enumerate(names)} | {REST: pieces[kind == -1]}
