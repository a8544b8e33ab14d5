"""The attacks by name."""

from __future__ import annotations

from tests.attack import imports, studies
from tests.attack.trial import Attack

ATTACKS: dict[str, Attack] = {attack.name: attack for attack in (imports.ATTACK, studies.ATTACK)}
