"""A small share of the attacks; `python -m tests.attack`, which `make acceptance` runs, makes all trials."""

from __future__ import annotations

import pytest

from tests.attack.attacks import ATTACKS
from tests.attack.conduct import conduct, numbers

#: What comes from others at any time: their servers, and their study files.
ALWAYS = {"servers", "studies"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in ALWAYS else pytest.mark.acceptance) for name in ATTACKS]
)
def test_greenreport_survives(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing is lost or repeated, nothing hangs, and no command prints a traceback."""
    assert conduct(ATTACKS[name], numbers(ATTACKS[name], 0.005)), capfd.readouterr().out
