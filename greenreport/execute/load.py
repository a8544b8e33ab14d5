"""The load of a run: the job of the client, the window it marks, and the traces of the client and of the servers' own accounts."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from greenreport.errors import MeasurementInvalid
from greenreport.execute.assignment import RunContext
from greenreport.execute.serving import Serving
from greenreport.record import Domain, Mark, Method, Phase, Prompt, Quantity, Request, Trace, TraceKind, span_of
from greenreport.study import Configuration, output_lengths
from greenreport.workloads.api_content import Api
from greenreport.workloads.client import Finished, Warmed
from greenreport.workloads.prompts import text_digest
from greenreport.workloads.schedule import arrivals_s, batches, sampling_seeds
from greenreport.workloads.sender import ClientJob


def client_job(context: RunContext, configuration: Configuration, serving: Serving) -> ClientJob:
    """Return what the client sends in one repetition, and to which servers."""
    workload, server = context.study.workload, configuration.server
    texts = context.prompts.texts
    sent = batches(texts, workload.requests or len(texts), configuration.batch_size)
    generation = workload.generation
    rate, arrivals = configuration.request_rate, workload.arrivals
    return ClientJob(
        urls=serving.urls,
        model=serving.model,
        batches=sent,
        output_tokens=output_lengths(configuration.output_tokens or generation.output_tokens, len(sent)),
        exact=generation.exact,
        stream=workload.stream,
        timeout_s=context.study.protocol.window_timeout_s,
        concurrency=max(configuration.concurrency, configuration.replicas),  # a replica without a client would only idle
        # Every repetition draws its own arrivals, so that the spread of runs holds what chance does to a queue.
        due_s=None if rate is None else arrivals_s(len(sent), rate, arrivals.process, arrivals.seed + context.repetition - 1),
        headers=serving.headers,
        extra=tuple(configuration.options.items()) if server else (),
        api=Api(workload.api),
        system=workload.system,
        temperature=generation.temperature,
        top_p=generation.top_p,
        seeds=sampling_seeds(len(sent), generation.seed, context.repetition) if generation.temperature else (),
        tolerated=math.floor((context.study.protocol.errors or 0) * len(sent)),
    )


def asked(
    requests: Iterable[Request], job: ClientJob, rendered: Iterable[Prompt]
) -> tuple[tuple[Request, ...], tuple[Prompt, ...]]:
    """Return requests that know the digest of what they asked, and the texts behind all their digests.

    Args:
        rendered: texts that servers made of messages.
    """
    texts = [text for batch in job.batches for text in batch]
    prompts: dict[str, Prompt] = {}
    named = []
    for request in requests:
        text = texts[request.index]
        if text not in prompts:
            prompts[text] = Prompt(text_digest(text), text)
        named.append(replace(request, prompt_sha256=prompts[text].sha256))
    return tuple(named), tuple({prompt.sha256: prompt for prompt in (*prompts.values(), *rendered)}.values())


def measured_window(finished: Finished, ramp_s: float) -> Mark:
    """Return the window: all requests, or the steady part between the ramp and the last request sent.

    Raises:
        MeasurementInvalid: the load was over before the ramp was.
    """
    start = min(request.start_ns for request in finished.requests)
    if not ramp_s:
        return Mark(Phase.WINDOW, start, max(request.end_ns for request in finished.requests))
    ramped, end = start + round(ramp_s * 1e9), max(request.start_ns for request in finished.requests)
    if end <= ramped:
        lasted = (end - start) / 1e9
        raise MeasurementInvalid(
            f"the last request was sent {lasted:.1f} s after the first, within the ramp of {ramp_s:g} s; "
            "raise `requests:` of the workload or shorten `ramp_s:`"
        )
    return Mark(Phase.WINDOW, ramped, end, note=f"steady part of the load, after a ramp of {ramp_s:g} s")


def client_traces(window: Mark, finished: Finished, warmed: Warmed | None) -> Iterator[Trace]:
    """Yield the traces of the client: CPU time, first request, lateness, retries, and what answers tell of the server."""
    if warmed is not None:  # its answer is discarded like those after it, its time is not
        first_s = (warmed.first_end_ns - warmed.start_ns) / 1e9
        yield _trace(Domain.CLIENT, Quantity.FIRST_REQUEST, TraceKind.GAUGE, ((warmed.start_ns, first_s),))
    # CPU time is measured for the load as a whole, ramp included: two samples.
    began, ended = min(r.start_ns for r in finished.requests), max(r.end_ns for r in finished.requests)
    yield _trace(
        Domain.CLIENT, Quantity.CPU_TIME, TraceKind.COUNTER, ((began, 0.0), (max(ended, window.end_ns), finished.cpu_s))
    )
    if any(late for _, late in finished.sent):
        yield _trace(Domain.CLIENT, Quantity.LATENESS, TraceKind.GAUGE, finished.sent)
    for name, values in finished.spans:
        yield _trace(Domain.SERVER, span_of(name), TraceKind.GAUGE, values)
    if finished.retried_ns:
        counted = [(began, 0.0), *((at, float(number)) for number, at in enumerate(finished.retried_ns, start=1))]
        yield _trace(Domain.CLIENT, Quantity.RETRIES, TraceKind.COUNTER, counted, "requests")
    if finished.cached_tokens is not None:
        cached = ((began, 0.0), (ended, float(finished.cached_tokens)))
        yield _trace(Domain.SERVER, Quantity.CACHED_TOKENS, TraceKind.COUNTER, cached, "tokens")


def _trace(domain: str, quantity: str, kind: TraceKind, samples: Sequence[tuple[int, float]], unit: str = "s") -> Trace:
    times, values = array("q", (t for t, _ in samples)), array("d", (value for _, value in samples))
    return Trace("client", domain, quantity, kind, unit, Method.MEASURED, times, values)
