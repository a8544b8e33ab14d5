"""Checks on requests and answers: were they sent when due, and did the server do the work it was asked to do?"""

from __future__ import annotations

from collections import Counter

import numpy as np

from greenreport import traces as tr
from greenreport.record import Domain, FlagCode, Quantity, Request, RunRecord
from greenreport.study import Study, output_lengths
from greenreport.study.protocol import MOST_UNDER_WAY
from greenreport.units import declared_percent
from greenreport.validity.quantisation import quantum
from greenreport.validity.window_checks import Faults

#: A request of an open loop may be sent this late, or this share of the mean time between requests.
LATE_S, LATE_SHARE = 0.005, 0.1


def _quantised(record: RunRecord, _: Study) -> Faults:
    usual = Counter(r.output_tokens for r in record.requests if r.error is None).most_common(1)
    alike = [r for r in record.requests if r.error is None and r.output_tokens == usual[0][0]] if usual else []
    gaps = [(r.token_ns[-1] - r.token_ns[0]) / 1e9 / (len(r.token_ns) - 1) for r in alike if len(r.token_ns) > 1]
    natural = float(np.median(gaps)) if gaps else None
    spans = dict.fromkeys((r.start_ns, r.end_ns) for r in alike)  # the prompts of one batch share one time
    period = quantum([(end - start) / 1e9 for start, end in spans], natural)
    if period is not None:
        multiples = ", ".join(f"{k}×" for k in period.multiples[:6])
        yield FlagCode.LATENCY_QUANTISED, f"request times sit on {multiples} {period.period * 1e3:.0f} ms"


def _token_counts(record: RunRecord, study: Study) -> Faults:
    generation = study.workload.generation
    configuration = next((c for c in study.configurations if f"{record.model}/{c.id}" == record.key), None)
    asked = (configuration.output_tokens if configuration is not None else None) or generation.output_tokens
    batch = configuration.batch_size if configuration is not None else 1  # prompts that share a request ask for equal lengths
    lengths = output_lengths(asked, max((r.index // batch for r in record.requests), default=-1) + 1)
    answered = _answered(record)
    wrong = [r.index for r in answered if generation.exact and r.output_tokens != lengths[r.index // batch]]
    if wrong and all(r.output_tokens is None for r in answered):
        streamed = ", at least not of streamed answers" if study.workload.stream else ""
        detail = f"the server tells no token counts{streamed}, so nobody knows whether it did the same work"
        yield FlagCode.TOKEN_COUNT_MISMATCH, detail
    elif wrong:
        expected = f"{asked} tokens" if isinstance(asked, int) else "as many tokens as were asked for"
        yield (FlagCode.TOKEN_COUNT_MISMATCH, f"{len(wrong)} of {len(answered)} answers do not have exactly {expected}")


def _model_name(record: RunRecord, _: Study) -> Faults:
    model = record.model if record.facts is None or record.facts.model is None else record.facts.model
    others = {str(r.answered_by) for r in _answered(record) if r.answered_by != model}
    if others:
        yield FlagCode.WRONG_MODEL, f"answers name the model {', '.join(sorted(others))}, not {model}"


def _late(record: RunRecord, _: Study) -> Faults:
    """An open loop whose client sends late offers another load than the study asks for."""
    trace = record.trace(Domain.CLIENT, Quantity.LATENESS)
    if trace is None or len(trace.value) < 2:
        return
    late_s = float(np.percentile(tr.values_of(trace), 99))
    gap_s = float(trace.t_ns[-1] - trace.t_ns[0]) / 1e9 / (len(trace.t_ns) - 1)
    if late_s > max(LATE_S, LATE_SHARE * gap_s):
        full = _most_waiting(record) > MOST_UNDER_WAY
        why = f"; {MOST_UNDER_WAY} were under way, the most the client sends before answers come" if full else ""
        late = f"1 % of requests were sent {late_s * 1e3:.0f} ms late or later"
        yield FlagCode.LATE_REQUESTS, f"{late}; one was due every {gap_s * 1e3:.0f} ms{why}"


def _most_waiting(record: RunRecord) -> int:
    """Return the largest number of requests that were due and not answered at one time."""
    spans = sorted({(request.start_ns, request.end_ns) for request in record.requests})  # prompts of one batch share a request
    due, ended = np.array([start for start, _ in spans]), np.sort([end for _, end in spans])
    return int(np.max(np.arange(1, len(spans) + 1) - np.searchsorted(ended, due, side="right"), initial=0))


def _retried(record: RunRecord, _: Study) -> Faults:
    times = _growth(record, Quantity.RETRIES, Domain.CLIENT)
    if times > 0:
        number = len({(request.start_ns, request.end_ns) for request in record.requests})
        yield (
            FlagCode.RETRIED,
            f"{times:,.0f} of {number:,} requests were sent again: the server had closed the connection, or asked to come back later",
        )


def _failed(record: RunRecord, study: Study) -> Faults:
    """Requests that failed, in a run that counts since its study allows so many."""
    failed = [request.error for request in record.requests if request.error is not None]
    if failed:
        kinds = ", ".join(
            f"{number} {kind.value.replace('_', ' ')}" for kind, number in Counter(e.kind for e in failed).most_common()
        )
        admitted = f"; the study allows {declared_percent(study.protocol.errors)}" if study.protocol.errors else ""
        yield (
            FlagCode.FAILED_REQUESTS,
            f"{len(failed):,} of {len(record.requests):,} requests failed ({kinds}){admitted}; the last one: {failed[-1].text}",
        )


def _preempted(record: RunRecord, _: Study) -> Faults:
    """A server that runs out of room for the state of its requests goes on, and does part of its work twice."""
    times = _growth(record, Quantity.PREEMPTIONS)
    if times > 0:
        yield (FlagCode.PREEMPTED, f"the server took requests back {times:,.0f} times while the load lasted, for lack of room")


def _prompt_cached(record: RunRecord, _: Study) -> Faults:
    """A prompt that begins like an earlier one is computed in part; a server that keeps running has seen those of earlier runs."""
    tokens = _growth(record, Quantity.CACHED_TOKENS)
    prompt_tokens = [request.prompt_tokens for request in _answered(record)]
    if tokens > 0:
        of = "" if None in prompt_tokens else f" of {sum(filter(None, prompt_tokens)):,}"
        detail = f"the server took {tokens:,.0f}{of} tokens of prompts from its cache instead of computing them"
        yield FlagCode.PROMPT_CACHED, detail


def _answered(record: RunRecord) -> list[Request]:
    return [request for request in record.requests if request.error is None]


def _growth(record: RunRecord, quantity: Quantity, domain: Domain = Domain.SERVER) -> float:
    """Return by how much a counter grew while the load lasted, the largest where several counted; 0 where nobody did."""
    if not record.requests:
        return 0.0
    began, ended = min(r.start_ns for r in record.requests), max(r.end_ns for r in record.requests)
    counters = [trace for trace in record.traces if (trace.domain, trace.quantity) == (domain, quantity)]
    spans = [tr.around(trace, began, ended)[1] for trace in counters]
    return max((float(values[-1] - values[0]) for values in spans if len(values)), default=0.0)


REQUEST_CHECKS = (_quantised, _token_counts, _model_name, _late, _retried, _failed, _preempted, _prompt_cached)
