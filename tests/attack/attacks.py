"""The attacks by name."""

from __future__ import annotations

from tests.attack import disks, imports, kills, servers, stores, studies, tables
from tests.attack.trial import Attack

ATTACKS: dict[str, Attack] = {
    module.ATTACK.name: module.ATTACK for module in (servers, studies, tables, imports, stores, disks, kills)
}
