"""The factors a study can vary besides engine and provider: one row each, in the order in which a sweep combines them.

Each is a field of `study.Configuration`, which says its type, bounds, default and meaning. The row says how the factor is written:
in ids, labels and sentences, on an axis, in an imported table. Sweeps, exclusions, ``--only``, tidy tables, curves, limits and
labels follow from the rows; adding a factor is one row, one field, and the code that executes it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from greenreport.units import THIN, safe_slug


class FactorKind(StrEnum):
    """What a factor changes, in the order in which ids and labels name it."""

    ENGINE = "engine"  # how a server computes, and so how it starts
    REQUESTS = "requests"  # how requests are sent and batched
    AMOUNT = "amount"  # how many servers answer, and how many tokens a request asks for
    OPTION = "option"  # a setting that only the engine knows, by the engine's name for it


@dataclass(frozen=True, slots=True)
class LoadFactor:
    """A factor of a configuration.

    Templates take the level as ``{}``, ``{s}`` for a plural and ``{name}`` for the name of an option.

    Attributes:
        field: field of a configuration; key in study files and of ``--only``, column of tidy tables.
        mark: the level in the id of a configuration, such as ``b{:g}``.
        label: the level in a label, such as ``{:g} client{s}``; sentence: inside a sentence, where that differs.
        noun: the factor in a sentence; axis: title of a logarithmic axis. Both belong to factors whose levels make a curve.
        whole: whether an imported level must be a whole number.
        limitable: whether more of it asks for more memory and time, so that a sweep ends at a limit and ``greenreport limit`` finds it.
        part_of: the factor without which this one means nothing.
        placeholder: whether the command that starts another program's server takes it as ``{field}``.
        ours_alone: why it has no effect on a server greenreport did not write; empty where it has one.
    """

    field: str
    kind: FactorKind
    mark: str
    label: str
    noun: str = ""
    axis: str = ""
    sentence: str = ""
    whole: bool = True
    limitable: bool = False
    part_of: str | None = None
    placeholder: bool = False
    ours_alone: str = ""

    @property
    def is_load(self) -> bool:
        """Whether it changes what a server is asked to do, not how the server computes."""
        return self.kind in (FactorKind.REQUESTS, FactorKind.AMOUNT)

    def id_part(self, level: object, name: str = "") -> str:
        """Return the level as part of an id: ``b8``, ``nocache``, ``busy.true``; a text that is no name for a file has a digest behind it."""
        part = self.mark.format(level, name=name).lower()
        if self.kind is FactorKind.OPTION and part != safe_slug(part):
            return f"{safe_slug(part)}-{hashlib.sha256(part.encode('utf-8', 'surrogatepass')).hexdigest()[:6]}"
        return part

    def label_part(self, level: object, name: str = "") -> str:
        """Return the level as part of a label: ``batch 8``, ``1 client``, ``no cache``."""
        return self.label.format(level, name=name, s="" if level == 1 else "s")

    def in_sentence(self, level: float) -> str:
        """Return the level inside a sentence: ``batch 8``, ``4 clients``, ``dynamic batches of up to 8``."""
        return (self.sentence or self.label).format(level, s="" if level == 1 else "s")


# Tables are read by row.
# fmt: off
_ROWS = (
    LoadFactor("batch_size", FactorKind.REQUESTS, "b{:g}", "batch {:g}", "batch size",
        "batch size (prompts a request, logarithmic)", limitable=True),
    LoadFactor("max_batch", FactorKind.REQUESTS, "m{:g}", "dynamic batch up to {:g}", "dynamic batch size",
        "largest dynamic batch (requests, logarithmic)", "dynamic batches of up to {:g}", limitable=True, placeholder=True),
    LoadFactor("max_wait_ms", FactorKind.REQUESTS, "w{:g}", "waits {:g} ms", whole=False, part_of="max_batch",
        ours_alone="a setting of the server, which batches by its own rules"),
    LoadFactor("concurrency", FactorKind.REQUESTS, "c{:g}", "{:g} client{s}", "number of clients",
        "clients at once (logarithmic)", limitable=True),
    LoadFactor("request_rate", FactorKind.REQUESTS, "q{:g}", "{:g} requests/s", "request rate",
        "request rate (requests/s, logarithmic)", f"{{:g}}{THIN}requests/s", whole=False),
    LoadFactor("replicas", FactorKind.AMOUNT, "r{:g}", "{:g} replica{s}", "number of replicas",
        "replicas (servers side by side, logarithmic)", limitable=True),
    LoadFactor("dtype", FactorKind.ENGINE, "{}", "{}", placeholder=True),
    LoadFactor("threads", FactorKind.ENGINE, "t{:g}", "{:g} thread{s}", "number of threads", "threads (logarithmic)", placeholder=True),
    LoadFactor("kv_cache", FactorKind.ENGINE, "nocache", "no cache", ours_alone="a setting of the server"),
    LoadFactor("environment", FactorKind.ENGINE, "{}", "{}",
        ours_alone="where greenreport's own server runs; name the program of another one in its command"),
    LoadFactor("output_tokens", FactorKind.AMOUNT, "o{:g}", "{:g} output token{s}", "output length",
        "output length (tokens a request, logarithmic)", limitable=True),
    LoadFactor("options", FactorKind.OPTION, "{name}.{}", "{name} {}"),
)
# fmt: on

LOAD_FACTORS = {factor.field: factor for factor in _ROWS}
#: Factors whose levels make a curve, and a column of a tidy table.
CURVE_FACTORS = {name: factor for name, factor in LOAD_FACTORS.items() if factor.axis}
LIMITABLE = tuple(name for name, factor in LOAD_FACTORS.items() if factor.limitable)


def fields_of(factor: str) -> set[str]:
    """Return the fields of a configuration that a factor is; a dynamic batch takes its waiting time with it."""
    return {factor, *(name for name, row in LOAD_FACTORS.items() if row.part_of == factor)}
