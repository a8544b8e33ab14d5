"""Requests and cache use that servers of others report while they serve.

They publish these at ``/metrics`` in the text format of Prometheus, under names of their own. The first question decides: a server whose answer
has none of these names is not asked again. Answers take CPU time of a server that is being measured, so it is asked once a second, or
more rarely where its answers take long, and during idle baselines as well as in the window.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from greenreport.meters.base import Channel, Meter, Sample
from greenreport.meters.http_exchange import POLL_S, BadAnswer, fetch
from greenreport.record import Domain, Quantity, TraceKind
from greenreport.study import MeterUse

NAME = "server"
#: What each kind of server calls the quantities; where a name has changed, the newer one comes first.
SERVERS: Mapping[str, Mapping[Quantity, tuple[str, ...]]] = MappingProxyType({
    "vLLM": {
        Quantity.REQUESTS_RUNNING: ("vllm:num_requests_running",),
        Quantity.REQUESTS_WAITING: ("vllm:num_requests_waiting",),
        Quantity.CACHE_USE: ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"),
        Quantity.PREEMPTIONS: ("vllm:num_preemptions_total", "vllm:num_preemptions"),
        Quantity.CACHED_TOKENS: ("vllm:prefix_cache_hits_total", "vllm:prefix_cache_hits"),
    },
    "llama.cpp": {  # until May 2025 with the use of its cache
        Quantity.REQUESTS_RUNNING: ("llamacpp:requests_processing",),
        Quantity.REQUESTS_WAITING: ("llamacpp:requests_deferred",),
        Quantity.CACHE_USE: ("llamacpp:kv_cache_usage_ratio",),
    },
    "SGLang": {  # it calls a preemption a retraction
        Quantity.REQUESTS_RUNNING: ("sglang:num_running_reqs",),
        Quantity.REQUESTS_WAITING: ("sglang:num_queue_reqs",),
        Quantity.CACHE_USE: ("sglang:token_usage",),
        Quantity.PREEMPTIONS: ("sglang:num_retracted_requests_total",),
    },
    "TGI": {
        Quantity.REQUESTS_RUNNING: ("tgi_batch_current_size",),
        Quantity.REQUESTS_WAITING: ("tgi_queue_size",),
    },
})  # fmt: skip
CHANNELS = (
    Channel(Domain.SERVER, Quantity.REQUESTS_RUNNING, TraceKind.GAUGE, "requests"),
    Channel(Domain.SERVER, Quantity.REQUESTS_WAITING, TraceKind.GAUGE, "requests"),
    Channel(Domain.SERVER, Quantity.CACHE_USE, TraceKind.GAUGE, "1"),
    Channel(Domain.SERVER, Quantity.PREEMPTIONS, TraceKind.COUNTER, "preemptions"),
    Channel(Domain.SERVER, Quantity.CACHED_TOKENS, TraceKind.COUNTER, "tokens"),
)
#: Limit of the first question, which may meet a server that has only just started; that of all others is `POLL_S`.
FIRST_S = 5.0
#: Largest share of the time that answers may take; a server that needs longer for one is asked more rarely.
ANSWERING = 0.02
#: The metrics of a large server take some hundred kB.
LARGEST_B = 4_000_000
#: Above it, not every count is a floating-point number.
LARGEST_COUNT = 2.0**53
_NAMES: Mapping[str, tuple[str, ...]] = {
    channel.quantity: tuple(name for names in SERVERS.values() for name in names.get(Quantity(channel.quantity), ()))
    for channel in CHANNELS
}
#: A name, labels, and the beginning of a number; its line is whole.
_LINE = re.compile(
    rf"^({'|'.join(name for names in _NAMES.values() for name in names)})(?:\{{.*\}})?[ \t]+(\S{{1,40}})\S*(?=\s)", re.MULTILINE
)


class ServerMetrics(Meter):
    """Asks the servers of one run; no study lists it, since it is read wherever servers answer.

    Args:
        urls: base addresses without ``/v1``, one per replica.
        headers: what every request carries besides: the key, where the servers want one.
    """

    own_interval_s = 1.0

    def __init__(self, urls: Sequence[str], headers: Mapping[str, str]) -> None:
        super().__init__(MeterUse(name=NAME))
        self.urls, self.headers = tuple(urls), {"Accept": "text/plain", **headers}
        self.due = 0.0
        self.last_ns: int | None = None
        self.counted: set[int] = set()

    def open(self) -> tuple[Channel, ...]:
        return CHANNELS

    def sample(self, *, edge: bool = False) -> Sequence[Sample]:
        begun = time.monotonic()
        if not self.urls or (begun < self.due and not edge):
            return ()
        samples = super().sample(edge=edge)
        ended = time.monotonic()
        self.due = ended + (ended - begun) / ANSWERING
        if not samples:
            self.urls = self.urls if self.last_ns else ()
            return ()
        counts = [s for s in samples if CHANNELS[s.channel].kind is TraceKind.COUNTER and s.channel not in self.counted]
        self.counted |= {sample.channel for sample in counts}
        # A counter may appear when there is something to count: it was 0 when the server answered before.
        zeros = [replace(sample, t_ns=self.last_ns, value=0.0) for sample in counts] if self.last_ns else []
        self.last_ns = samples[0].t_ns
        return [*zeros, *samples]

    def read(self) -> Sequence[float | None]:
        within_s = POLL_S if self.last_ns else FIRST_S
        deadline = time.monotonic() + within_s
        try:
            answers = [fetch(f"{url}/metrics", self.headers, within_s, deadline, LARGEST_B) for url in self.urls]
        except BadAnswer as error:
            if self.last_ns:
                self.note(f"samples are missing: a server {error}")
            return [None] * len(CHANNELS)
        servers = [_numbers(answer.decode("utf-8", "replace")) for answer in answers]
        return [_together(channel, [numbers[channel.quantity] for numbers in servers]) for channel in CHANNELS]


def _numbers(text: str) -> Mapping[str, Sequence[float] | None]:
    """Return the numbers of each quantity in an answer, one for each engine of a server; None where one cannot be."""
    found: dict[str, list[str]] = {}
    for name, value in _LINE.findall(text):
        found.setdefault(name, []).append(value)
    lines = {quantity: next((found[name] for name in names if name in found), []) for quantity, names in _NAMES.items()}
    return {quantity: _plausible(quantity, values) for quantity, values in lines.items()}


def _plausible(quantity: str, texts: Sequence[str]) -> Sequence[float] | None:
    try:
        values = [float(text) for text in texts]
    except ValueError:
        return None
    if quantity == Quantity.CACHE_USE:
        return values if all(0 <= value <= 1 for value in values) else None
    return values if all(0 <= value <= LARGEST_COUNT and value.is_integer() for value in values) else None


def _together(channel: Channel, servers: Sequence[Sequence[float] | None]) -> float | None:
    """Return the sum over all engines of all servers, or the mean of a share.

    None unless each server tells it; a counter is told by one, since others may have had nothing to count yet.
    """
    told = [numbers for numbers in servers if numbers is not None]
    needed = any if channel.kind is TraceKind.COUNTER else all
    if len(told) < len(servers) or not needed(told):
        return None
    values = [value for numbers in told for value in numbers]
    return sum(values) / len(values) if channel.quantity == Quantity.CACHE_USE else sum(values)
