"""The attacks by name."""

from __future__ import annotations

from tests.attack import imports, stores, studies, tables
from tests.attack.trial import Attack

ATTACKS: dict[str, Attack] = {attack.name: attack for attack in (imports.ATTACK, stores.ATTACK, studies.ATTACK, tables.ATTACK)}
