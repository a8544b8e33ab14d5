"""Checks of configurations whose server greenreport did not write: what is missing, and what could have no effect there."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from greenreport.catalog import ENGINES, LOAD_FACTORS, Served
from greenreport.study.cells import DEFAULTS, NAMES, Configuration
from greenreport.study.error_messages import Remark
from greenreport.study.servers import Server
from greenreport.study.spec import Study
from greenreport.study.sweep import swept

#: Keys of a request that the workload decides.
_TAKEN = (
    "model", "prompt", "messages", "max_tokens", "max_completion_tokens", "temperature", "stream", "stream_options", "ignore_eos", "n",
)  # fmt: skip
#: Texts of the sources whose number is known before they are read.
TEXTS = {"builtin": 60, "elementary": 160, "humaneval": 164}


def server_remarks(study: Study) -> Iterator[Remark]:
    """Return every problem of the servers a study names."""
    for index, configuration in enumerate(study.configurations):
        info = ENGINES.get(configuration.engine)
        if info is None:
            continue
        server = configuration.server
        if info.served is Served.OWN:
            message = f"`server` belongs to `endpoint` and `command`; {info.label} is loaded by greenreport"
            remarks = [] if server is None else [Remark(("server",), message)]
        elif server is None:
            example = '{url: "http://127.0.0.1:8000"}' if info.served is Served.RUNNING else "{command: [program, …]}"
            remarks = [Remark((), f"engine {configuration.engine!r} needs `server: {example}`")]
        else:
            remarks = [
                *(_running(server) if info.served is Served.RUNNING else _started(server)),
                *_factors(study, configuration, server),
                *_models(study, configuration, server),
                *_meters(study, configuration, server),
                *_cached(study, configuration, server),
            ]
        yield from (replace(remark, at=("configurations", index, *remark.at)) for remark in remarks)
    yield from _alike(study)


def _running(server: Server) -> Iterator[Remark]:
    if server.url is None:
        yield Remark(("server",), "engine 'endpoint' needs `url:`, such as \"http://127.0.0.1:8000\"")
    elif "{" in server.url:
        yield Remark(("server", "url"), "a placeholder belongs to `engine: command`; write the port of the server")
    if server.command:
        yield Remark(("server", "command"), "`command` belongs to `engine: command`; an endpoint is already running")


def _started(server: Server) -> Iterator[Remark]:
    if not server.command or not server.command[0]:
        yield Remark(("server",), "engine 'command' needs `command:` with the program and its arguments")
    elif server.url is None and not server.takes("port"):
        message = "greenreport chooses a free port: put '{port}' into the command, or give the `url` it answers at"
        yield Remark(("server", "command"), message)
    if "local" in server.model_fields_set:
        yield Remark(("server", "local"), "`local` belongs to `engine: endpoint`; a command always runs here")


def _factors(study: Study, configuration: Configuration, server: Server) -> Iterator[Remark]:
    """Yield factors without effect on this server, each of which would be a level in name only."""
    started = bool(server.command)
    for name, factor in LOAD_FACTORS.items():
        if not (factor.ours_alone or factor.placeholder) or not _varies(study, configuration, name):
            continue
        if factor.ours_alone:
            why = f"it is {factor.ours_alone}"
        elif started and not server.takes(name):
            why = f"put '{{{name}}}' into the command"
        elif not started and name != "dtype":  # of a server that runs, the study says what its type is
            why = f"a server that is already running has the {factor.noun} it was started with"
        else:
            continue
        yield Remark((name,), f"`{name}` has no effect here: {why}")
    if _varies(study, configuration, "replicas") and not server.takes("port"):
        hint = "put '{port}' into the command, so that each replica gets its own" if started else "an endpoint is one server"
        yield Remark(("replicas",), f"`replicas` has no effect here: {hint}")
    for option in dict.fromkeys((*configuration.options, *(study.sweep.options if study.sweep is not None else ()))):
        if option in _TAKEN:
            message = f"{option!r} is decided by the workload; options are further keys of every request"
            yield Remark(("options", option), message)


def _varies(study: Study, configuration: Configuration, factor: str) -> bool:
    """Whether a factor has another level than its default, in the configuration or through the sweep."""
    swept: dict[str, tuple[Any, ...]] = study.sweep.factors if study.sweep is not None else {}
    levels = (getattr(configuration, factor),) if factor in configuration.model_fields_set else swept.get(factor, ())
    return any(level != DEFAULTS[factor] for level in levels)


def _models(study: Study, configuration: Configuration, server: Server) -> Iterator[Remark]:
    served = max(([m.id for m in study.models_of(point)] for point in _points(study, configuration)), key=len)
    if server.model is not None and len(served) > 1:
        message = f"one name for {len(served)} models ({', '.join(served[:4])}, …): leave it out, so that each is asked for by its id, or exclude those this server does not have (`exclude:` by `configuration: {configuration.name or configuration.id}` and `model:`)"
        yield Remark(("server", "model"), message)


def _points(study: Study, configuration: Configuration) -> tuple[Configuration, ...]:
    try:
        return swept((configuration,), study.sweep)
    except ValueError:  # reported by the check of the sweep
        return (configuration,)


def _alike(study: Study) -> Iterator[Remark]:
    """Yield configurations that differ only in name: one command measured twice, or servers that take turns at one address."""
    first: dict[tuple[str, str], str] = {}
    for index, configuration in enumerate(study.configurations):
        server = configuration.server
        if server is None:
            continue
        twins = set()
        for point in _points(study, configuration):
            content = json.dumps(point.model_dump(mode="json", exclude=NAMES), sort_keys=True)
            same = {first.setdefault((model.id, content), point.id) for model in study.models_of(point)}
            twins |= {(other, point.id) for other in same - {point.id}}
        if not twins:
            continue
        one, two = min(twins)
        if server.command:
            message = f"{one!r} and {two!r} start the same command with the same settings, so they are one measurement with two names; list it once, or put what tells them apart into the command"
        else:
            message = f"{one!r} and {two!r} ask one address for the same: which server answers there is not seen; start one at a time and measure it alone (`greenreport run STUDY --only configuration={two}`)"
        yield Remark(("configurations", index), message, warning=not server.command)


def _meters(study: Study, configuration: Configuration, server: Server) -> Iterator[Remark]:
    """Yield remarks where it cannot be seen which machine or device the meters would have to measure."""
    undeclared = not server.command and "local" not in server.model_fields_set
    if undeclared and study.meters and server.url and _is_loopback(server.url):
        message = "no meter is read for this server; if it runs on this machine, say so with `local: true`"
        yield Remark(("server",), message, warning=True)
    if "provider" not in configuration.model_fields_set and any(meter.name == "nvml" for meter in study.meters):
        message = "say what the server computes on: without `provider: cuda` it is labelled CPU, and has no energy where only the GPU has a meter (`provider: cpu` if it does use the CPU)"
        yield Remark((), message, warning=True)


def _cached(study: Study, configuration: Configuration, server: Server) -> Iterator[Remark]:
    """Yield remarks on prompts that repeat: a server with a prompt cache answers them without computing them again."""
    if configuration.options.get("cache_prompt") is False:
        return
    prompts, requests = study.workload.prompts, study.workload.requests
    count = prompts.count or TEXTS.get(prompts.source)
    if requests is not None and count is not None and requests > count:
        message = f"{requests} requests repeat {count} prompts: a server that keeps its prompt cache computes the later ones only in part; give more prompts, or switch its cache off"
        yield Remark(("server",), message, warning=True)
    runs = study.protocol.most_repetitions * sum(len(study.models_of(point)) for point in _points(study, configuration))
    if not server.command and runs > 1:
        message = f"{runs} runs send the same prompts to a server that goes on running: all but the first may be answered from its prompt cache; start vLLM with --no-enable-prefix-caching, or give `options: {{cache_prompt: false}}` for llama.cpp"
        yield Remark(("server",), message, warning=True)


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
