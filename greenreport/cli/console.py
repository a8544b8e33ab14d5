"""What the commands print: problems, tables, and the progress of a study.

On a terminal one line at the bottom shows the current run; it is redrawn only at phase changes and never inside a window.
Elsewhere there is a plain line for each preparation and each finished run, and one before what may take longer than a minute.
``--quiet`` prints errors only.
"""

from __future__ import annotations

import shlex
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from greenreport.errors import Problem
from greenreport.record import Environment, Outcome, Phase, RunRecord
from greenreport.units import counted, declared_percent, plain_duration, quantity

if TYPE_CHECKING:  # names of types only: importing them would take most of the time of `--version`
    from greenreport.analysis.hypotheses.stopping import StoppingLook
    from greenreport.execute.doctor import Check
    from greenreport.plan import PendingRun, Plan
    from greenreport.store import Spooled
    from greenreport.study import Configuration, Sequential, Study

#: Without a terminal, a phase is announced when nothing was printed for so long, or before a window that may take so long.
MOST_SILENT_S = 60.0

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

#: Phases of a run in words.
PHASES = {
    Phase.COOLDOWN: "cooling down", Phase.START: "starting the server", Phase.IDLE_BEFORE: "idle baseline",
    Phase.WARMUP: "warming up", Phase.WINDOW: "measuring", Phase.IDLE_AFTER: "idle baseline", Phase.STOP: "stopping",
}  # fmt: skip


def print_problems(problems: Iterable[Problem]) -> None:
    """Print problems of a study file, one a line."""
    for problem in problems:
        err.print(Text(str(problem), style="yellow" if problem.warning else "red"), soft_wrap=True)


def print_error(message: str) -> None:
    """Print an error as a sentence."""
    err.print(Text("error: ", style="bold red") + Text(message), soft_wrap=True)


def print_warning(message: str) -> None:
    """Print what may spoil the work, as a sentence."""
    err.print(Text(f"warning: {message}", style="yellow"), soft_wrap=True)


def print_stored(runs: int) -> None:
    """Print what an interruption did not cost."""
    stored = (
        "no run of this command was finished"
        if not runs
        else f"{counted(runs, 'run')} of this command {'is' if runs == 1 else 'are'} stored"
    )
    err.print(f"{stored}; the run in progress was discarded", soft_wrap=True)


def print_plan(plan: Plan, pending: Sequence[PendingRun], left_s: float | None) -> None:
    """Print cells, what is pending and why."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("cell")
    table.add_column("runs done", justify="right")
    table.add_column("pending", justify="right")
    table.add_column("because")
    reasons: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for item in pending:
        reasons[item.run.cell.key][item.reason.value] += 1
    repetitions = Counter(run.cell.key for run in plan.runs)
    for cell in plan.cells:
        why = reasons[cell.key]
        because = ", ".join(f"{reason} ({number})" if len(why) > 1 else reason for reason, number in why.items())
        table.add_row(cell.key, str(repetitions[cell.key] - why.total()), str(why.total() or "–"), because)
    out.print(table)
    for excluded in plan.excluded[:1]:
        example = f"{excluded.configuration.id}: {escape(excluded.reason)}"
        out.print(f"[dim]{len(plan.excluded)} cells excluded by design, for example {example}[/]")
    print_programs(plan.study, [cell.configuration for cell in plan.cells])
    study = plan.study
    cells = sum(len(study.models_of(configuration)) for configuration in study.configurations)  # of a block, also with --only
    out.print(f"Order: {study.protocol.order.balance(cells, study.protocol.most_repetitions)}", soft_wrap=True)
    time_left = "" if left_s is None or not pending else f", about {plain_duration(left_s)}"
    out.print(f"{len(plan.cells)} cells, {len(plan.runs)} runs, [bold]{len(pending)} pending[/]{time_left}")


def print_rule(
    rule: Sequential, cells: int, left_s: float | None, most_left_s: float | None, look: StoppingLook | None
) -> None:
    """Print the rule that ends a study, the range of its cost, and what is known so far.

    Args:
        left_s, most_left_s: estimated duration of the pending runs, and of all that may follow, s.
    """
    runs = f"{cells * rule.at_least:,} to {cells * rule.at_most:,} runs"
    times = (
        ()
        if left_s is None or most_left_s is None
        else (f"about {plain_duration(left_s)} to {plain_duration(most_left_s)} from now",)
    )
    whose = f" of {', '.join(rule.hypotheses)}" if rule.hypotheses else ""
    out.print(
        f"Ends by itself: at least {rule.at_least} blocks, at most {rule.at_most} ({', '.join((runs, *times))}). After each block from block "
        f"{rule.at_least} on the contrasts{whose} are looked at, until each is decided or its interval is within {declared_percent(rule.until.interval_width)}; "
        "α is spent in proportion to the blocks",
        soft_wrap=True,
    )
    if look is not None:
        out.print(str(look), soft_wrap=True)


def print_programs(study: Study, configurations: Iterable[Configuration]) -> None:
    """Print what a run would start or ask, as the study file has it: whoever runs a study runs its commands."""
    starts = [(f"meter {use.name}", use.program) for use in study.meters if use.program]
    asks = [(f"meter {use.name}", use.address) for use in study.meters if use.address]
    listed = list({configuration.id: configuration for configuration in configurations}.values())
    named = {
        configuration.environment: study.environments[configuration.environment]
        for configuration in listed
        if configuration.environment
    }
    starts += [(f"environment {name}", item.python) for name, item in named.items() if item.python]
    installs = [
        (f"environment {name}", ", ".join((*item.requirements, *(f"from {index}" for index in item.indexes))))
        for name, item in named.items()
        if item.is_made
    ]
    for configuration in listed:
        server = configuration.server
        if server is None:
            continue
        key = f", with the API key in ${server.api_key_env}" if server.api_key_env else ""
        if server.command:
            starts.append((configuration.id, f"{shlex.join(server.command)}{key}"))
        else:
            asks.append((configuration.id, f"{server.url}{key}"))
    for heading, lines in (
        ("Programs this study starts", starts),
        ("Packages this study installs, which may run code", installs),
        ("Addresses this study contacts", asks),
    ):
        if lines:
            out.print(f"{heading}:")
        for who, what in lines:
            shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in f"  {who}: {what}")
            out.print(Text(shown), soft_wrap=True)


def print_doctor(environment: Environment, checks: Sequence[Check]) -> None:
    """Print what the machine can do, with the remedy under each thing it cannot."""
    memory = quantity(environment.memory_b, "B")
    cores = f"{environment.physical_cores} cores, {environment.logical_cpus} CPUs"
    out.print(f"[bold]{escape(environment.cpu_model)}[/], {cores}, {memory} memory, {escape(environment.os)}")
    group = ""
    for check in checks:
        if check.group != group:
            group = check.group
            out.print(f"\n[bold]{group}[/]")
        mark = "[green]yes[/]" if check.works else ("[yellow]note[/]" if group == "host" else "[red]no [/]")
        out.print(f"  {mark} {escape(check.name)}: {escape(check.detail)}", soft_wrap=True)
        if check.remedy:
            out.print(f"      [cyan]{escape(check.remedy)}[/]", soft_wrap=True)


class Progress:
    """Shows the progress of a study; implements `runner.Reporter`."""

    def __init__(self, *, quiet: bool, left_s: float | None) -> None:
        self.quiet = quiet
        self.left_s = left_s
        self.number = self.total = 0
        self.current = ""
        self.started = 0.0
        self.spent: list[float] = []
        self.stored = 0
        self.printed = float("-inf")  # when the last plain line was printed, on the monotonic clock
        self.live = None if quiet or not out.is_terminal else Live(console=out, auto_refresh=False, transient=True)
        self.obstacles: Counter[tuple[str, str]] = Counter()

    def __enter__(self) -> Progress:
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live:
            self.live.stop()
        for (cell, reason), number in self.obstacles.items():
            out.print(f"[yellow]not run[/] {escape(cell)} ({counted(number, 'run')}): {escape(reason)}", soft_wrap=True)

    def preparing(self, what: str) -> None:
        """Say what is downloaded or converted, if need be."""
        self._line(f"preparing {what}")
        self._announce(f"preparing {what}")

    def run_begins(self, pending: PendingRun, number: int, total: int) -> None:
        self.number, self.total, self.started = number, total, time.monotonic()
        self.current = f"{pending.run.cell.key} repetition {pending.run.repetition}"

    def phase(self, phase: Phase) -> None:
        """Draw the line of the new phase; nothing is drawn again before the next one, and so nothing inside a window."""
        name = PHASES.get(phase, phase.value)
        self._line(f"[bold]{self.number}/{self.total}[/] {escape(self.current)} · {name}{self._left()}")
        silent = time.monotonic() - self.printed >= MOST_SILENT_S
        if silent or (phase is Phase.WINDOW and max(self.spent, default=MOST_SILENT_S) >= MOST_SILENT_S):
            self._announce(f"[{self.number}/{self.total}] {self.current}: {name}{self._left()}")

    def run_ended(self, record: RunRecord) -> None:
        """Count a run that is stored, and print its outcome."""
        self.stored += 1
        if not record.marks and record.outcome is not Outcome.OK:
            self.obstacles[record.key, record.reason or record.outcome.value] += 1
            return
        self.spent.append(time.monotonic() - self.started)
        if self.quiet:
            return
        colour = "green" if record.outcome is Outcome.OK else "yellow"
        outcome = f"[{colour}]{record.outcome.value.replace('_', ' ')}[/]" + (
            f": {escape(record.reason)}" if record.reason else ""
        )
        run = escape(f"[{self.number}/{self.total}] {self.current}")
        out.print(f"{run} {outcome} in {plain_duration(self.spent[-1])}{self._left()}", soft_wrap=True)
        self.printed = time.monotonic()

    def looked(self, look: StoppingLook | None) -> None:
        """Say what was found after a block, where a rule ends the study."""
        if look is not None and not self.quiet:
            out.print(Text(str(look), style="bold"), soft_wrap=True)

    def spooled(self, records: Spooled) -> None:
        """Say where records wait that the store could not take."""
        print_warning(str(records))

    def _left(self) -> str:
        left_s = fmean(self.spent) * max(0, self.total - len(self.spent)) if self.spent else self.left_s
        return f" · about {plain_duration(left_s)} left" if left_s else ""

    def _announce(self, text: str) -> None:
        """Print a plain line where no line is redrawn."""
        if not self.quiet and self.live is None:
            out.print(Text(text), soft_wrap=True)
            self.printed = time.monotonic()

    def _line(self, text: str) -> None:
        if self.live:
            self.live.update(Text.from_markup(text), refresh=True)
