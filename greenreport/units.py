"""SI units: counts such as ``110M`` read, quantities printed for people.

Values are in base units everywhere (J, W, s, B); only this module turns them into text.
A thin space (U+202F) stands between number and unit so that they never wrap apart.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Sequence

THIN = "\u202f"
MINUS = "\u2212"

_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"))
_SCALED_UNITS = frozenset({"J", "W", "B", "Hz", "J/request", "J/answer", "J/token", "Wh", "gCO₂e", "L"})
_COUNT_SUFFIX = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "B": 10**9, "G": 10**9}
_RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))})
_COUNT = re.compile(r"([0-9]{1,18}(?:\.[0-9]+)?)\s*([kKMBG]?)")


def parse_count(text: str) -> int:
    """Return the number written as ``110M``, ``1.1B`` or ``4096``.

    Raises:
        ValueError: the text is not such a number.
    """
    match = _COUNT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a count; write for example 110M, 1.1B or 4096")
    return round(float(match[1]) * _COUNT_SUFFIX[match[2]])


def parse_share(text: str) -> float:
    """Return the share written as ``0.02``, ``2%`` or ``2 %``.

    Raises:
        ValueError: the text is not such a number.
    """
    number_part, percent_sign, rest = text.partition("%")
    try:
        share = float(number_part) / (100 if percent_sign else 1)
    except ValueError:
        share = math.nan
    if rest or not math.isfinite(share):
        raise ValueError(f"{text[:40]!r} is not a share; write 0.02 or 2%")
    return share


def number(value: float, digits: int = 3) -> str:
    """Print with the given significant digits: 0.00123, 1.23, 1,230."""
    if not math.isfinite(value):
        return "not computable"
    if value == 0:
        return "0"
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, decimals)
    if rounded != 0:  # 9.996 rounds to 10.0: one digit less after the point
        decimals = digits - 1 - math.floor(math.log10(abs(rounded)))
    text = f"{rounded:,.{max(decimals, 0)}f}"
    return text.replace("-", MINUS)


def quantity(value: float, unit: str, digits: int = 3) -> str:
    """Print a value of a base unit with an SI prefix where the unit takes one: 45.1 kJ, 2.31 s, 84.0 %."""
    if not math.isfinite(value):
        return "not computable"
    if unit == "s":
        return duration(value, digits)
    if unit not in _SCALED_UNITS or value == 0:
        return f"{number(value, digits)}{THIN}{unit}" if unit else number(value, digits)
    # 999.96 J with three digits is 1,000 J: it belongs to the next prefix
    fits = (pair for pair in _PREFIXES if abs(value) >= pair[0] * (1 - 0.5 * 10**-digits))
    factor, prefix = next(fits, _PREFIXES[-1])
    return f"{number(value / factor, digits)}{THIN}{prefix}{unit}"


def duration(seconds: float, digits: int = 3) -> str:
    """Print a time: 1.23 ms, 12.3 s, 12 min 3 s, 3 h 20 min."""
    magnitude = abs(seconds)
    if magnitude < 1e-3:
        return f"{number(seconds * 1e6, digits)}{THIN}µs"
    if magnitude < 1:
        return f"{number(seconds * 1e3, digits)}{THIN}ms"
    if magnitude < 600:
        return f"{number(seconds, digits)}{THIN}s"
    return plain_duration(seconds)


def plain_duration(seconds: float) -> str:
    """Print a time for progress lines, to the second: 45 s, 12 min 3 s, 3 h 20 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}{THIN}s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}{THIN}min {rest}{THIN}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}{THIN}h {minutes}{THIN}min"


def count(value: float) -> str:
    """Print a count, a large one abbreviated: 110M, 1.1B, 4,096."""
    for factor, suffix in ((1e9, "B"), (1e6, "M")):
        if value >= factor:
            return f"{value / factor:.3g}{suffix}"
    return f"{value:,.0f}"


def counted(things: int, noun: str, plural: str | None = None) -> str:
    """Print a number of things: 1 run, 3 runs, 1,250 runs. Give a plural that is not formed with s."""
    return f"{things:,} {noun if things == 1 else plural or noun + 's'}"


def p_value(p: float | None) -> str:
    """Print a p value as journals do: 0.0213, < 0.001."""
    if p is None or not math.isfinite(p):
        return "not computable"
    return "<" + THIN + "0.001" if p < 0.001 else f"{p:.3f}"


def p_equation(p: float | None) -> str:
    """Print a p value with its relation: = 0.021, < 0.001."""
    text = p_value(p)
    return text if text.startswith("<") else f"= {text}"


def percent(share: float) -> str:
    """Print a computed share, with three digits: 38.2 %."""
    return f"{number(share * 100)}{THIN}%"


def declared_percent(share: float) -> str:
    """Print a declared share as it was written: 5 %, 2.5 %."""
    return f"{share * 100:g}{THIN}%"


def listed(parts: Sequence[str]) -> str:
    """Join parts of a sentence: a, b and c."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def capital(text: str) -> str:
    """Return a text with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def is_portable(name: str) -> bool:
    """Whether every file system takes a name: Windows keeps ``con``, ``nul`` and others, with any suffix, and drops a dot at the end."""
    return name.partition(".")[0].lower() not in _RESERVED and not name.endswith(".")


def safe_slug(text: str, taken: Sequence[str] = ()) -> str:
    """Return a name for addresses, made of a-z, 0-9, '.', '_' and '-' and different from those taken."""
    slug = (
        "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in text.lower()).strip("-.")[:60].rstrip(".")
        or "x"
    )
    slug = slug if is_portable(slug) else f"x-{slug}"
    number, unique = 2, slug
    while unique in taken:
        unique, number = f"{slug}-{number}", number + 1
    return unique


def slugs_of(texts: Iterable[str]) -> dict[str, str]:
    """Return a name for addresses for each text, different for different texts, whatever their order.

    A text that is such a name keeps it; of others that would share one, each has a digest of its text behind it.
    """
    alike: dict[str, list[str]] = {}
    for text in dict.fromkeys(texts):
        alike.setdefault(safe_slug(text), []).append(text)
    taken = set(alike)
    names: dict[str, str] = {}
    for slug, sharing in alike.items():
        for text in sharing:
            name, length = slug, 6
            while len(sharing) > 1 and text != slug and name in taken:
                name, length = (
                    f"{slug}-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:length]}",
                    length + 4,
                )
            names[text] = name
            taken.add(name)
    return names
