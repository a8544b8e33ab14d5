"""The attacks by name."""

from __future__ import annotations

from tests.attack import imports, servers, stores, studies, tables
from tests.attack.trial import Attack

ATTACKS: dict[str, Attack] = {
    attack.name: attack for attack in (servers.ATTACK, imports.ATTACK, stores.ATTACK, studies.ATTACK, tables.ATTACK)
}
