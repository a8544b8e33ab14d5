"""The application: every command in the order of ``--help``; errors become a sentence and an exit code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from greenreport import __version__
from greenreport.cli import console, results, site, study
from greenreport.cli.exit_codes import Exit, exit_code
from greenreport.errors import GreenReportError, SpecError

app = typer.Typer(
    help="Measure how small language models can be served, and publish what that costs in energy, time and memory.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (*study.COMMANDS, *results.COMMANDS, *site.COMMANDS):
    app.command(command.__name__.removesuffix("_"))(command)


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False) -> None:
    if version:
        print(f"greenreport {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; every error of greenreport becomes a sentence and an exit code."""
    try:
        app()
    except GreenReportError as error:
        if isinstance(error, SpecError):
            console.print_problems(error.problems)
        else:
            console.print_error(str(error))
        sys.exit(exit_code(error))
    except KeyboardInterrupt:
        console.print_error("interrupted; finished runs are kept, run the same command again to continue")
        sys.exit(Exit.INTERRUPTED)
