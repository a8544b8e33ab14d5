"""A small share of every attack; `python -m tests.attack` makes all trials."""

from __future__ import annotations

import pytest

from tests.attack.attacks import ATTACKS
from tests.attack.conduct import conduct, numbers


@pytest.mark.parametrize("name", ATTACKS)
def test_greenreport_survives(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing is lost or repeated, nothing hangs, and no command prints a traceback."""
    assert conduct(ATTACKS[name], numbers(ATTACKS[name], 0.01)), capfd.readouterr().out
