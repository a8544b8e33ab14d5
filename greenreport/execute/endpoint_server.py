"""Attach to a server that runs already, and find its processes by its port where it runs on this machine."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from greenreport.errors import MeasurementInvalid
from greenreport.execute.assignment import RunContext
from greenreport.execute.processes import Child
from greenreport.execute.serving import ExternalServer, Serving, facts_of, server_of
from greenreport.record import Mark, Phase
from greenreport.study import Model
from greenreport.workloads.exchanges import authorisation


class EndpointServer(ExternalServer):
    """A server that runs already; it is neither started nor stopped."""

    def serve(self, stack: ExitStack, context: RunContext, model: Model, log: Path, others: Sequence[Child]) -> Serving:
        begun = time.monotonic_ns()
        server = server_of(self.job.configuration)
        url = str(server.url)
        if server.local:
            require_here(url)
        name = server.model or model.id
        headers = authorisation(server.api_key_env)
        facts = facts_of(url, headers, name, context.study.protocol.load_timeout_s)
        pids = listeners(url) if server.local else ()
        if not server.local:
            process = "not declared to run on the machine the meters measure; the environment is that of the client"
        else:
            process = (
                "found by its port" if pids else "not found by its port; load of other programs cannot be told from its own"
            )
        facts = replace(facts, details=(*facts.details, ("process", process)))
        mark = Mark(Phase.START, begun, time.monotonic_ns(), note="the server ran already")
        return Serving((url,), name, headers, pids, (), facts, (mark,))


def require_here(url: str) -> None:
    """Check that an address belongs to this machine.

    Raises:
        MeasurementInvalid: it does not, so the meters would measure another machine than the server's.
    """
    host = urlsplit(url).hostname or ""
    own = {address.address.partition("%")[0] for addresses in psutil.net_if_addrs().values() for address in addresses}
    try:
        leads_to = {str(item[4][0]) for item in socket.getaddrinfo(host, None)}
    except OSError:
        leads_to = set()
    if not any(address in own or ipaddress.ip_address(address.partition("%")[0]).is_loopback for address in leads_to):
        raise MeasurementInvalid(f"`local: true`, but {host!r} is no address of this machine")


#: Programs that forward connections, and how to let the server itself listen.
_RELAYS = {
    **dict.fromkeys(
        ("docker-proxy", "rootlessport", "rootlesskit", "slirp4netns", "pasta", "gvproxy"),
        "start the container with `--network host`, so that the server itself listens on this machine",
    ),
    **dict.fromkeys(
        ("ssh", "sshd", "sshd-session", "kubectl"),
        "the server runs somewhere else: leave `local` out, or run greenreport on its machine",
    ),
}


def listeners(url: str) -> tuple[int, ...]:
    """Return the processes that listen on the port of an address, as far as this user may see them.

    Raises:
        MeasurementInvalid: the listener only forwards connections; its memory and CPU time would be taken for the server's.
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        connections = psutil.net_connections("tcp")
    except (psutil.Error, OSError):
        return ()
    listening = [c for c in connections if c.status == psutil.CONN_LISTEN and c.laddr and c.laddr.port == port]
    pids = tuple(sorted({c.pid for c in listening if c.pid}))
    for pid in pids:
        name = ""
        with contextlib.suppress(psutil.Error):
            name = psutil.Process(pid).name()
        if name in _RELAYS:
            raise MeasurementInvalid(f"`local: true`, but what listens at {url} is {name!r}, not the server; {_RELAYS[name]}")
    return pids
