"""The application: every command in the order of ``--help``; errors become a sentence and an exit code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from greenreport import __version__
from greenreport.cli import auditing, comparing, console, environments, hosts, models, output, results, scoring, site, study
from greenreport.cli.exit_codes import Exit, exit_code
from greenreport.errors import GreenReportError, SpecError, refusal

app = typer.Typer(
    help="Measure how small language models can be served, and publish what that costs in energy, time and memory.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    *study.COMMANDS,
    *environments.COMMANDS,
    *hosts.COMMANDS,
    *models.COMMANDS,
    *scoring.COMMANDS,
    *results.COMMANDS,
    *comparing.COMMANDS,
    *auditing.COMMANDS,
    *site.COMMANDS,
):
    app.command(command.__name__.removesuffix("_").replace("_", "-"))(command)


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False) -> None:
    if version:
        print(f"greenreport {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; every error of greenreport, and every refusal of the system, becomes a sentence and an exit code."""
    output.make_lasting()
    try:
        app()
        code: int = Exit.OK
    except SystemExit as end:  # typer ends every command so, also an interrupted one
        code = end.code if isinstance(end.code, int) else Exit.SOME_RUN_NOT_OK
    except SpecError as error:
        console.print_problems(error.problems)
        code = exit_code(error)
    except GreenReportError as error:
        console.print_error(str(error))
        code = exit_code(error)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("greenreport"):
            raise
        console.print_error(f"this needs the package {error.name}, which is not installed; pip install 'greenreport[all]'")
        code = Exit.UNAVAILABLE
    except OSError as error:
        console.print_error(refusal(error))
        code = Exit.UNAVAILABLE
    if code == Exit.INTERRUPTED:
        console.print_error("interrupted; finished work is kept. Run the same command again to continue")
    if (lost := output.lost()) is not None:
        console.print_error(f"part of the output could not be written: {refusal(lost)}")
        code = code or Exit.UNAVAILABLE
    sys.exit(code)
