"""Mutated study files, given to ``validate``: every one is read, or refused with a sentence."""

from __future__ import annotations

import random
from pathlib import Path

from greenreport.study import load_study
from tests.attack.trial import Attack
from tests.conftest import ROOT

SEEDS = tuple(sorted((ROOT / "studies").glob("*.yaml")))
WORDS = (
    "!!int x",
    "1e400",
    "-1",
    "999999999999999999999",
    "[[[[]]]]",
    "*a",
    "&a",
    "null",
    "~",
    "\x00",
    "\ud800",
    "..",
    "/dev/zero",
)


def attempt(number: int, folder: Path) -> None:
    """Change one to five places of a shipped study and load it."""
    chance = random.Random(f"studies:{number}")
    lines = chance.choice(SEEDS).read_text(encoding="utf-8").splitlines()
    for _ in range(chance.randint(1, 5)):
        mutate(lines, chance)
    file = folder / "study.yaml"
    file.write_bytes("\n".join(lines).encode(errors="surrogatepass"))
    load_study(file)


def mutate(lines: list[str], chance: random.Random) -> None:
    """Delete, double, swap or change a line."""
    place = chance.randrange(len(lines))
    line = lines[place]
    key, colon, _ = line.partition(":")
    match chance.randrange(5):
        case 0:
            del lines[place]
        case 1:
            lines.insert(place, line)
        case 2:
            other = chance.randrange(len(lines))
            lines[place], lines[other] = lines[other], line
        case 3:
            lines[place] = f"{key}{colon} {chance.choice(WORDS)}"
        case _:
            cut = chance.randrange(len(line) + 1)
            lines[place] = line[:cut] + chance.choice(WORDS) + line[cut:]
    if not lines:
        lines.append("")


ATTACK = Attack("studies", 3_000, attempt)
