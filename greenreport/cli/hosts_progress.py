"""What is shown while many hosts measure: on a terminal a line for each host and one for the whole, elsewhere a line for each finished run."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.live import Live
from rich.markup import escape
from rich.text import Text

from greenreport.cli.console import PHASES, out, print_warning
from greenreport.cluster.host import Host, HostState
from greenreport.record import Outcome, RunRecord
from greenreport.units import plain_duration

#: The whole is drawn again at most so often.
SHORTEST_S = 0.2


class HostsProgress:
    """Shows what hosts do; implements `coordinator.HostsReporter`."""

    def __init__(self, *, quiet: bool) -> None:
        self.quiet = quiet
        self.hosts: dict[str, Host] = {}
        self.stored = self.total = 0
        self.begun = time.monotonic()
        self.live = None if quiet or not out.is_terminal else Live(console=out, auto_refresh=False, transient=True)

    def __enter__(self) -> HostsProgress:
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live:
            self.live.stop()

    def asked(self, runs: int) -> None:
        self.total += runs

    def changed(self, host: Host) -> None:
        new = host.name not in self.hosts
        self.hosts[host.name] = host
        if self.live:
            self.live.update(Text("\n").join(Text.from_markup(line) for line in self._lines()), refresh=True)
        elif new:
            self._print(f"{host.name}: {host.what}")

    def run_ended(self, host: Host, record: RunRecord) -> None:
        self.stored += 1
        outcome = record.outcome.value.replace("_", " ") + (f": {record.reason}" if record.reason else "")
        run = f"[{self.stored}/{max(self.total, self.stored)}] {host.name} {record.key} repetition {record.repetition}"
        if not self.quiet:
            colour = "green" if record.outcome is Outcome.OK else "yellow"
            text = f"{escape(run)} [{colour}]{escape(outcome)}[/] in {plain_duration(record.duration_s)}{self._left()}"
            out.print(text, soft_wrap=True)

    def lost(self, host: Host) -> None:
        again = "left out" if host.state is HostState.LEFT_OUT else "it is started again"
        print_warning(f"{host.name}: {host.reason}; {again}")
        self.changed(host)

    def note(self, text: str) -> None:
        print_warning(text)

    def _lines(self) -> Sequence[str]:
        width = max(map(len, self.hosts), default=0)
        lines = []
        for host in self.hosts.values():
            what = host.what if host.state in (HostState.WORKING, HostState.STARTING) else host.state.value
            phase = f" · {PHASES.get(host.phase, host.phase.value)}" if host.phase is not None else ""
            lines.append(f"{escape(host.name.ljust(width))}  {escape(what)}{phase}")
        return [*lines, f"[bold]{self.stored}/{self.total}[/] of all runs{self._left()}"]

    def _left(self) -> str:
        if not self.stored or self.stored >= self.total:
            return ""
        left_s = (time.monotonic() - self.begun) / self.stored * (self.total - self.stored)
        return f" · about {plain_duration(left_s)} left"

    def _print(self, text: str) -> None:
        if not self.quiet:
            out.print(Text(text), soft_wrap=True)
