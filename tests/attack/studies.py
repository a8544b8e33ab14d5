"""Mutated study files, given to what `validate` and `plan` call: every one is read, or refused with a sentence that has a line."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import socket
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from greenreport.cli import console
from greenreport.errors import SpecError
from greenreport.plan import pending
from greenreport.study import Overrides
from greenreport.workspace import open_plan
from tests.attack.trial import Attack, Defeat, Ending
from tests.conftest import ROOT, minimal_study

SEEDS = tuple(sorted([*(ROOT / "studies").glob("*.yaml"), *(ROOT / "docs" / "examples").glob("*.yaml")]))
#: Longer than any message has to be.
LONGEST_LINE = 2000

Chance = random.Random
Place = tuple[Any, Any]  # a mapping or a list, and a key or an index of it

NUMBERS = (
    0, -1, 1, 2**31, 2**63 - 1, 2**63, 10**30, 10**300, 1e308, -1e308, 5e-324, 0.1, float("nan"), float("inf"), True, False, None,
)  # fmt: skip
TEXTS = (
    "", " ", "x" * 400, "x" * 30_000, "..", "../../../etc/passwd", "/dev/zero", "/proc/kmsg", "/proc/self/mem", "pipe", "socket", "/",
    "loop", "bomb.txt.gz", "\x00", "\x1b[2J", "\ud800", "\u202e", "é" * 300, "null", "1e999", "0x10", "9" * 5000, "{port}",
    "{{ 7 * 7 }}", "{% raw %}", "<script>", "[/red]", "http://[::1", "http://h:99999", "%s%n", "-", "torch", "cpu", "cuda", "hub", "path",
)  # fmt: skip
KEYS = ("", "<<", "__class__", "model_config", "name", "path", "weights", "options", "sweep", "x" * 1000, "\x00", "1", "é")
#: Raw YAML in place of a value.
RAW = (
    "!!int x", "!!float x", "!!bool x", "!!null x", "!!binary x", "!!set {a}", "!!python/object/apply:os.system [ls]", "&a [*a]", "*a",
    "[" * 100, "? [a]\n", "{<<: 1}", "{a: 1, a: 2}", "|\n  x", "%TAG", "1e400", ".nan", "-.inf", "- - - -", "\t", "'", '"\\x00"', '"\\ud800"', "!<x> y",
)  # fmt: skip


def attempt(number: int, folder: Path) -> None:
    """Change one to five places of a shipped study, or write a bomb; then read and plan it."""
    chance = Chance(f"studies:{number}")
    (folder / "prompts.jsonl").write_text('{"prompt": "x"}\n', encoding="utf-8")
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to("loop")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(folder / "socket"))
    file = folder / "study.yaml"
    file.write_bytes(chance.choice(WAYS)(chance, folder).encode(errors="surrogatepass"))
    overrides = chance.choice(
        (None, Overrides("untrained"), Overrides(None, 3), Overrides(None, None, folder / "prompts.jsonl"))
    )
    try:
        planned = open_plan(file, overrides)
    except SpecError as error:
        long = [str(problem) for problem in error.problems if len(str(problem)) > LONGEST_LINE]
        if long or not error.problems:
            raise Defeat(Ending.TRACEBACK, f"a message of {max(map(len, long), default=0)} characters") from None
        raise
    shown, console.out.file = console.out.file, io.StringIO()
    try:
        console.print_plan(planned.plan, pending(planned.plan, (), "here"), 1.0)
    finally:
        console.out.file = shown


def damaged_text(chance: Chance, _folder: Path) -> str:
    """Return a study with lines deleted, doubled, swapped, cut or filled with something else."""
    lines = chance.choice(SEEDS).read_text(encoding="utf-8").splitlines()
    for _ in range(chance.choice((1, 1, 2, 5))):
        place, other = chance.randrange(len(lines)), chance.randrange(len(lines))
        line = lines[place]
        key, colon, _ = line.partition(":")
        cut = chance.randrange(len(line) + 1)
        lines[place : place + 1] = chance.choice((
            [], [line, line], [lines[other]], [f"{key}{colon} {chance.choice(RAW)}"], [line[:cut] + chance.choice(RAW) + line[cut:]],
            [line[:cut]], [f"{key}{colon} {chance.choice(RAW)}", line],
        ))  # fmt: skip
        lines = lines or [""]
    return "\n".join(lines)


def damaged_values(chance: Chance, folder: Path) -> str:
    """Return a study whose values have other types, sizes, keys and neighbours."""
    seed = chance.choice([*SEEDS, None])
    study = minimal_study() if seed is None else deepcopy(parsed(seed))
    study["weights"] = "untrained" if chance.random() < 0.7 else study.get("weights", "hub")
    for _ in range(chance.choice((1, 1, 2, 5))):
        mapping, key = chance.choice(list(places(study)))
        value = mapping[key]
        match chance.randrange(9):
            case 0 if isinstance(mapping, dict):
                del mapping[key]
            case 1 if isinstance(mapping, dict):
                mapping[chance.choice(KEYS)] = value
            case 2:
                mapping[key] = chance.choice(NUMBERS)
            case 3:
                mapping[key] = chance.choice(TEXTS)
            case 4:
                mapping[key] = [deepcopy(value) for _ in range(chance.choice((0, 1, 2, 400)))]
            case 5:
                mapping[key] = {chance.choice(KEYS): value}
            case 6:
                mapping[key] = nested(chance.choice((5, 70, 200)), value)
            case 7 if isinstance(value, list) and value:
                mapping[key] = [deepcopy(chance.choice(value)) for _ in range(chance.choice((2, 50, 1100)))]
            case _:
                other, there = chance.choice(list(places(study)))
                mapping[key] = deepcopy(other[there])
    text = json.dumps(study, indent=1, default=str)  # which is YAML
    if "bomb.txt.gz" in text:
        gzip_bomb(folder / "bomb.txt.gz")
    return text


def bomb(chance: Chance, _folder: Path) -> str:
    """Return a small study that would be a large one: crossed or zipped levels, models, runs, exclusions, aliases."""
    study: dict[str, Any] = minimal_study()
    size = chance.choice((100, 1000, 5000))
    levels = list(range(1, size + 1))
    factors = chance.sample(
        ("batch_size", "concurrency", "replicas", "max_batch", "output_tokens", "threads"), chance.randint(1, 4)
    )
    study["workload"]["requests"] = 10_000_000
    match chance.randrange(6):
        case 0:
            study["sweep"] = dict.fromkeys(factors, levels) | {"combine": chance.choice(("cross", "zip"))}
        case 1:
            study["sweep"] = {"options": {f"o{number}": levels for number in range(chance.randint(1, 40))}}
        case 2:
            study["models"] = [{**study["models"][0], "id": f"m{number}"} for number in range(min(size, 999))]
            study["sweep"] = {factors[0]: levels[: chance.choice((5, 10, 11, 1000))]}
        case 3:
            study["protocol"]["repetitions"] = chance.choice((10_000, 10**9))
            study["sweep"] = {factors[0]: levels[: chance.choice((10, 100, 1000))]}
        case 4:
            study["sweep"] = {"batch_size": levels[:1000]}
            study["exclude"] = [{"batch_size": level, "reason": "x"} for level in levels[:300]]
        case _:
            text = "a: &a [x, x, x, x, x, x, x, x, x]\n"
            return text + "".join(
                f"{c}: &{c} [{', '.join([f'*{p}'] * 9)}]\n" for p, c in zip("abcdefg", "bcdefgh", strict=True)
            )
    return str(yaml.safe_dump(study, sort_keys=False))


@cache
def parsed(file: Path) -> dict[str, Any]:
    """Return the values of a study file."""
    values: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return values


def places(value: Any) -> list[Place]:
    """Return every place of a value that holds another."""
    items = list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    return [found for key, item in items for found in [(value, key), *places(item)]]


def nested(depth: int, value: Any) -> Any:
    """Return a value inside so many lists."""
    for _ in range(depth):
        value = [value]
    return value


def gzip_bomb(file: Path) -> None:
    """Write a small archive of a large text."""
    with gzip.open(file, "wb", compresslevel=1) as stream:
        for _ in range(20):
            stream.write(bytes(5_000_000))


WAYS: tuple[Callable[[Chance, Path], str], ...] = (damaged_text, damaged_values, damaged_values, damaged_values, bomb)
ATTACK = Attack("studies", 3_000, attempt)
