"""Mutated tables of results measured elsewhere: each is imported and can be analysed, or is refused with its lines."""

from __future__ import annotations

import random
from pathlib import Path

from greenreport.analysis.analyse import analyse
from greenreport.analysis.measure.imported_dataset import imported_dataset
from greenreport.catalog import CURVE_FACTORS, METRICS
from greenreport.cli.results import answers_in_words
from greenreport.imports.formats.tidy import REQUIRED
from greenreport.results.importing import import_results
from greenreport.store import Store
from greenreport.store.observations import observed_studies
from greenreport.workspace import STORE_FILE
from tests.attack.trial import Attack

CELLS = (
    "", " ", "0", "-1", "1", "2", "10000", "10001", "99999999999999999999", "9" * 5000, "1e308", "1e-320", "-0.0", "inf", "nan", "0x10", "1_000",
    "٣", "²", "NaN", "x" * 200, "x" * 201, "x" * 140_000, '"', '""', '"a\nb"', "\0", "\x1b[31m", "\u202e", "\ufeff", "<script>alert(1)</script>",
    "{{ 7*7 }}", "../../etc", "…", "-", ".", "=cmd()", "'; DROP TABLE runs; --", "energy_j", "duration_s", "J", "s",
)  # fmt: skip


def attempt(number: int, folder: Path) -> None:
    """Change one to four places of a table, import it, and answer its questions."""
    chance = random.Random(f"tables:{number}")
    lines = made(chance)
    for _ in range(chance.randint(1, 4)):
        mutate(lines, chance)
    content = "\n".join(",".join(line) for line in lines).encode("utf-8", "surrogatepass")
    if chance.random() < 0.2:
        content = spoiled(content, chance)
    file = folder / "table.csv"
    file.write_bytes(content)
    store = Store(folder / "cache" / STORE_FILE)
    import_results(store, [file], "elsewhere", kind="tidy")
    for name, table in observed_studies(store).items():
        list(answers_in_words(analyse(imported_dataset(name, *table))))


def made(chance: random.Random) -> list[list[str]]:
    """Return a sound table, cell by cell, with a column of loads in every other one."""
    load = chance.choice([*CURVE_FACTORS]) if chance.random() < 0.5 else None
    lines = [[*REQUIRED, "size_category", "host", *([load] if load else [])]]
    for model in ("one", "two"):
        for engine in ("TORCH", "ONNX"):
            for repetition in range(1, 4):
                for metric in ("energy_j", "duration_s"):
                    value = f"{chance.uniform(1, 100):.3f}"
                    row = [model, engine, "CPU", str(repetition), metric, value, METRICS[metric].unit, "1", "lab"]
                    lines.append([*row, *([str(2**repetition)] if load else [])])
    return lines


def mutate(lines: list[list[str]], chance: random.Random) -> None:
    """Change a cell, a column, a row or the head."""
    line = chance.choice([line for line in lines if line])
    place = chance.randrange(len(line))
    match chance.randrange(6):
        case 0:
            del line[place]
        case 1:
            lines.append(list(line))
        case 2:
            lines.remove(line)
            lines.append([])
        case 3:
            value = chance.choice(CELLS)
            for other in lines[1:]:
                other[place : place + 1] = [value]
        case _:
            line[place] = chance.choice(CELLS)


def spoiled(content: bytes, chance: random.Random) -> bytes:
    """Cut, double or garble the bytes of a table."""
    cut = chance.randrange(len(content))
    return chance.choice(
        (
            content[:cut],
            content[:cut] + b"\xff\xfe" + content[cut:],
            content.replace(b"\n", b"\r"),
            b"\x1f\x8b" + content,
            content[:cut] * 50,
        )
    )


ATTACK = Attack("tables", 1_500, attempt)
