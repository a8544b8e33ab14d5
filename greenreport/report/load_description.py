"""Descriptions of how a study loads its servers, for the methods page and for papers.

They follow from the factors that configurations and workload set, so a sweep of batches is never described as one request after
the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from greenreport.catalog import ENGINES, LOAD_FACTORS, FactorKind, Served
from greenreport.study import Configuration, Protocol, Workload
from greenreport.units import THIN, counted, listed, quantity

#: Factors that make another kind of load; replicas repeat the same kind.
_FACTORS = frozenset(name for name, factor in LOAD_FACTORS.items() if factor.kind is FactorKind.REQUESTS)
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_ARRIVALS = {"poisson": "Poisson", "constant": "evenly spaced"}
_SERVERS = {Served.OWN: "greenreport's own", Served.STARTED: "started by a command", Served.RUNNING: "an endpoint"}


def load_of(configurations: Sequence[Configuration], workload: Workload) -> str:
    """Return how servers are loaded: ``static batches of 1 to 128 prompts, one after the other``.

    Configurations that set the same factors share one description, with the range of their levels.
    """
    groups: dict[frozenset[str], list[Configuration]] = {}
    for configuration in configurations:
        groups.setdefault(_FACTORS & configuration.model_fields_set, []).append(configuration)
    return "; ".join(dict.fromkeys(_kind(group, workload) for group in groups.values()))


def _kind(group: Sequence[Configuration], workload: Workload) -> str:
    batches = sorted({c.batch_size for c in group})
    size = _span(batches) if batches[-1] > 1 else ""
    rates = sorted({c.request_rate for c in group if c.request_rate is not None})
    clients = sorted({max(c.concurrency, c.replicas) for c in group})
    several = any(c.concurrency > 1 for c in group)
    if rates:
        words = f"an open loop of {_span(rates)} requests/s ({_ARRIVALS[workload.arrivals.process]})"
        words += f", each a static batch of {size} prompts" if size else ""
    elif several:
        words = f"a closed loop of {_span(clients)} clients, each sending its next request when its last is answered"
        words += f", in static batches of {size} prompts" if size else ""
    else:
        words = f"static batches of {size} prompts, one after the other" if size else "one request after the other"
    return words + _dynamic(group) + _replicas(group, with_clients=not rates and not several)


def _dynamic(group: Sequence[Configuration]) -> str:
    """Return how large the batches get that the server makes of waiting requests."""
    sizes, waits = sorted({c.max_batch for c in group}), sorted({c.max_wait_ms for c in group})
    if sizes[-1] == 1:
        return ""
    filled = f", which wait {_span(waits)}{THIN}ms to fill" if waits[-1] > 0 else ""
    return f", put into dynamic batches of up to {_span(sizes)} requests{filled}"


def _replicas(group: Sequence[Configuration], *, with_clients: bool) -> str:
    levels = sorted({c.replicas for c in group})
    if levels == [1]:
        return ""
    words = [_NUMBERS[number] if number < len(_NUMBERS) else f"{number}" for number in levels]
    return f", on {listed(words)} replicas{' with a client each' if with_clients else ''}"


def _span(levels: Sequence[float]) -> str:
    """Print levels in order: ``8``, ``1 and 8``, ``1 to 128``."""
    ends = [f"{levels[0]:g}", f"{levels[-1]:g}"]
    if len(levels) == 1:
        return ends[0]
    return " and ".join(ends) if len(levels) == 2 else " to ".join(ends)


def sent_words(workload: Workload) -> str:
    """Return how many prompts a run sends, and what of them is a ramp."""
    sent = "each prompt once" if workload.requests is None else f"{counted(workload.requests, 'prompt')} per run"
    ramp = f"; the first {quantity(workload.ramp_s, 's')} of the load are a ramp and do not count" if workload.ramp_s else ""
    return sent + ramp


def window_words(workload: Workload) -> str:
    """Return what the measured window covers."""
    reach = (
        f"the steady part of the load: from {quantity(workload.ramp_s, 's')} after the first request was sent until the last one is sent"
        if workload.ramp_s
        else "from the first request sent to the last answer complete"
    )
    return f"{reach}, on the client's clock; start, loading, compilation and warm-up are outside"


def output_words(configurations: Sequence[Configuration], workload: Workload) -> str:
    """Return how many tokens a request asks for: ``exactly 64 output tokens``; levels where the study varies them."""
    own = sorted({c.output_tokens for c in configurations if c.output_tokens is not None})
    lengths = [] if own and all(c.output_tokens is not None for c in configurations) else [workload.generation.words()]
    lengths += [f"{'exactly' if workload.generation.exact else 'at most'} {_span(own)}"] if own else []
    return f"{' and '.join(lengths)} output tokens"


def served(configuration: Configuration) -> Served:
    """Return who serves a configuration."""
    info = ENGINES.get(configuration.engine)
    return Served.OWN if info is None else info.served


def transport_words(configurations: Sequence[Configuration], workload: Workload) -> str:
    """Return how requests reach the servers."""
    kinds = {served(configuration) for configuration in configurations}
    streamed = ", streamed" if workload.stream else ""
    if kinds == {Served.RUNNING}:
        return f"HTTP to a server that runs already, from a client in a process of its own{streamed}"
    already = "; of endpoints, to a server that runs already" if Served.RUNNING in kinds else ""
    return f"HTTP on loopback, client and server in processes of their own{streamed}{already}"


def server_words(configurations: Sequence[Configuration], protocol: Protocol) -> str:
    """Return where server processes come from, for each kind of server the study has."""
    fresh = protocol.worker == "fresh"
    words = {
        Served.OWN: "a new interpreter for each run"
        if fresh
        else "forked for each run from a process with the libraries imported",
        Served.STARTED: "started with the declared command for each run",
        Served.RUNNING: "none for a run: the server runs before, during and after the study",
    }
    kinds = list(dict.fromkeys(served(configuration) for configuration in configurations))
    if len(kinds) == 1:
        return words[kinds[0]]
    return "; ".join(f"{_SERVERS[kind]}: {words[kind]}" for kind in kinds)


def threads_words(configuration: Configuration) -> str:
    """Return the threads a configuration asks for; replicas share the cores unless the study says how many each has."""
    each = " each" if configuration.replicas > 1 else ""
    if configuration.threads:
        return f"{counted(configuration.threads, 'thread')}{each}"
    return "an equal share of the physical cores each" if each else "all physical cores"


def asked_words(configuration: Configuration) -> Iterator[str]:
    """Yield type, threads, cache and options as a study declares them; of a server greenreport did not write, what it declares."""
    if configuration.server is None:
        yield configuration.dtype
        yield threads_words(configuration)
        yield "KV cache" if configuration.kv_cache else "no KV cache"
        if configuration.environment is not None:
            yield f"libraries of {configuration.environment}"
    else:
        yield f"{configuration.dtype}, not verified" if configuration.dtype != "float32" else "type not known"
        yield f"{counted(configuration.threads, 'thread')}, not verified" if configuration.threads else "threads not known"
    yield from (f"{name} {value}" for name, value in sorted(configuration.options.items()))
