"""Commands about hosts: doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from greenreport.cli import console
from greenreport.errors import Unavailable


def doctor(
    require: Annotated[
        list[str] | None, typer.Option("--require", metavar="METER", help="Fail unless this meter works. Repeatable.")
    ] = None,
    cluster: Annotated[Path | None, typer.Option("--cluster", help="Look at every host of this file instead.")] = None,
) -> None:
    """Show what this machine can measure and run, and the exact remedy for what it cannot."""
    from greenreport.catalog import METERS
    from greenreport.execute.doctor import examine

    if cluster is not None:
        from greenreport.cli.clustering import doctor_of_hosts

        raise typer.Exit(doctor_of_hosts(cluster, require or ()))
    environment, checks = examine()
    console.print_doctor(environment, checks)
    working = {check.name for check in checks if check.group == "meter" and check.works}
    for name in require or ():
        if name not in METERS:
            raise Unavailable(f"unknown meter {name!r}; known: {', '.join(METERS)}")
        if METERS[name].label not in working:
            raise Unavailable(f"the required meter {name} does not work here; the remedy is above")


COMMANDS = (doctor,)
