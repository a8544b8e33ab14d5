"""The command line: one function per command, by subject: studies, results, site."""

from greenreport.cli.app import main

__all__ = ["main"]
