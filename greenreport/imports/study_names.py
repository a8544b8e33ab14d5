"""Names that imported results can have."""

from __future__ import annotations

import re

from greenreport.errors import UsageError
from greenreport.study.field_types import IDENTIFIER
from greenreport.units import is_portable


def checked_name(name: str) -> str:
    """Return the name of a study.

    Raises:
        UsageError: no study can have it.
    """
    if re.fullmatch(IDENTIFIER, name) is None:
        raise UsageError(f"--study {name[:80]!r} is no name of a study; use a-z, 0-9, '.', '_' and '-', at most 80 characters")
    if not is_portable(name):
        raise UsageError(f"--study {name!r} cannot be the name of a file on Windows; choose another one")
    return name
