"""The command about environments of engines: make those of a study, show what is in them, write it down."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from greenreport.catalog import ENGINES
from greenreport.cli import console
from greenreport.cli.exit_codes import Exit
from greenreport.cli.options import DEFAULT_CACHE, CacheOption, OnlyOption, QuietOption, StudyArgument, parse_only
from greenreport.errors import PythonUnavailable
from greenreport.units import counted

if TYPE_CHECKING:
    from greenreport.execute.engine_environments import Environments
    from greenreport.plan import Plan


def environments(
    study: StudyArgument,
    cache: CacheOption = DEFAULT_CACHE,
    only: OnlyOption = None,
    lock: Annotated[
        Path | None,
        typer.Option("--lock", metavar="FILE", help="Write declarations that install exactly these versions again."),
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Make the environments a study declares, and show the versions in them."""
    from greenreport.cli.measuring import make_environments, named_environments, open_session
    from greenreport.execute.engine_environments import Installed
    from greenreport.execute.engine_environments import lock as locked
    from greenreport.study import Overrides

    session = open_session(study, cache, parse_only(only), Overrides())
    if not quiet:
        console.print_programs(session.planned.file.study, [cell.configuration for cell in session.planned.plan.cells])
    made = make_environments(session, named_environments(session), quiet=quiet)
    there = {name: item for name, item in made.items() if isinstance(item, Installed)}
    _print(session.planned.plan, made)
    if lock is not None:
        lock.write_text(locked(there), encoding="utf-8")
    raise typer.Exit(Exit.OK if len(there) == len(made) else Exit.UNAVAILABLE)


def _print(plan: Plan, made: Environments) -> None:
    """Print the versions of what engines compute with in their environments, and why one could not be made."""
    if not made:
        console.out.print("No configuration names an environment: greenreport's own Python serves all of them")
    for name, item in sorted(made.items()):
        if isinstance(item, PythonUnavailable):
            console.out.print(Text(f"{name}: {item}", "yellow"), soft_wrap=True)
            continue
        engines = {cell.configuration.engine for cell in plan.cells if cell.configuration.environment == name}
        computing = {library for engine in engines for library in ENGINES[engine].distributions}
        packages = item.libraries.packages
        versions = [f"{package} {version}" for package, version in packages if package in computing]
        shown = ", ".join((f"Python {item.libraries.python}", *versions))
        console.out.print(Text(f"{name}: {shown} ({counted(len(packages), 'package')})"), soft_wrap=True)


COMMANDS = (environments,)
