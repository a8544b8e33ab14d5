"""Options that several commands share, and how their values are read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from greenreport.errors import UsageError

DEFAULT_CACHE = Path("cache")

StudyArgument = Annotated[Path, typer.Argument(help="Study file, for example studies/quickstart.yaml.", show_default=False)]
CacheOption = Annotated[Path, typer.Option("--cache", help="Folder of the store, models and data sets.")]
OnlyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="KEY=VALUE",
        help="Select cells by model, engine, provider, dtype, configuration, batch_size, replicas, … Repeatable.",
    ),
]
WeightsOption = Annotated[
    str | None,
    typer.Option("--weights", help="Weights for every model of the study: hub or untrained; part of each cell's fingerprint."),
]
RepetitionsOption = Annotated[
    int | None, typer.Option("--repetitions", min=1, help="Repetitions of each cell, instead of the study's.")
]
PromptsOption = Annotated[Path | None, typer.Option("--prompts", help="File of prompts, for example HumanEval.jsonl.gz.")]
RecheckOption = Annotated[
    bool,
    typer.Option(
        "--recheck", help="Judge finished runs by the study's current validity rules; those they exclude are pending."
    ),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]
SiteOption = Annotated[Path, typer.Option("--site", help="Folder of the site.")]


def parse_only(only: Sequence[str] | None) -> dict[str, frozenset[str]]:
    """Parse the conditions of ``--only``.

    Args:
        only: conditions ``KEY=VALUE`` or ``KEY=A,B``; the values of one key are alternatives, different keys must all hold.

    Raises:
        UsageError: a condition is malformed, or its key is not one of `plan.CONDITIONS`.

    Example:
        ``parse_only(["engine=torch,onnx", "batch_size=8"])`` selects batches of 8 prompts on either engine.
    """
    from greenreport.plan import CONDITIONS

    conditions: dict[str, frozenset[str]] = {}
    for condition in only or ():
        key, separator, value = condition.partition("=")
        if not separator or key not in CONDITIONS or not value:
            raise UsageError(f"--only {condition!r}: write KEY=VALUE with KEY one of {', '.join(CONDITIONS)}")
        conditions[key] = conditions.get(key, frozenset()) | frozenset(value.split(","))
    return conditions
