"""A small share of the attacks; `python -m tests.attack` makes all trials."""

from __future__ import annotations

import pytest

from tests.attack.attacks import ATTACKS
from tests.attack.conduct import conduct, numbers


#: Kills are what many other tests are about; one more takes as long as all other attacks.
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.acceptance if name == "kills" else ()) for name in ATTACKS]
)
def test_greenreport_survives(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing is lost or repeated, nothing hangs, and no command prints a traceback."""
    assert conduct(ATTACKS[name], numbers(ATTACKS[name], 0.005)), capfd.readouterr().out
