"""What each exit code of the command line means, and which errors lead to it."""

from __future__ import annotations

from enum import IntEnum

from greenreport.errors import BuildError, GreenReportError, ImportFileError, SpecError, StoreError, Unavailable, UsageError


class Exit(IntEnum):
    """What each exit code means."""

    OK = 0
    SOME_RUN_NOT_OK = 1
    WRONG_INPUT = 2  # a study file, an imported file or an argument
    UNAVAILABLE = 3  # something that is needed is missing, locked or refused by the system, or output could not be written
    SITE_NOT_BUILT = 4
    REGRESSION = 5  # what `compare --fail-if` names
    INTERRUPTED = 130


#: The first class that fits an error decides; subclasses stand before their bases.
EXIT_CODES: tuple[tuple[tuple[type[GreenReportError], ...], Exit], ...] = (
    ((SpecError, UsageError, ImportFileError), Exit.WRONG_INPUT),
    ((Unavailable, StoreError), Exit.UNAVAILABLE),
    ((BuildError,), Exit.SITE_NOT_BUILT),
    ((GreenReportError,), Exit.SOME_RUN_NOT_OK),
)


def exit_code(error: GreenReportError) -> Exit:
    """Return the exit code of an error."""
    return next(code for kinds, code in EXIT_CODES if isinstance(error, kinds))
