"""A server that runs beside a study."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.execute.external_studies import Outside, starter


@pytest.fixture
def outside() -> Iterator[Outside]:
    """Return a function that starts a server as somebody else would, and returns its address."""
    with ExitStack() as stack:
        yield starter(stack)
