"""Checks of environments: names that are not declared, and what cannot be served by a Python of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from greenreport.catalog import ENGINES, Served
from greenreport.study.error_messages import Remark, unknown
from greenreport.study.spec import Study
from greenreport.study.sweep import swept


def environment_remarks(study: Study) -> Iterator[Remark]:
    """Yield every problem of the environments of a study."""
    named: list[tuple[tuple[str | int, ...], str | None]] = [
        (("configurations", index, "environment"), c.environment) for index, c in enumerate(study.configurations)
    ]
    levels = study.sweep.factors.get("environment", ()) if study.sweep is not None else ()
    named += [(("sweep", "environment", index), level) for index, level in enumerate(levels)]
    for at, name in named:
        if name is not None and name not in study.environments:
            message = unknown("environment", name, study.environments)
            yield Remark(at, message if study.environments else f"{message}; declare it under `environments:`")
    with suppress(ValueError):  # reported by the check of the sweep
        points = [point for point in swept(study.configurations, study.sweep) if study.models_of(point)]
        used = {point.environment for point in points}
        for name in study.environments:
            if name not in used:
                yield Remark(("environments", name), "no configuration names this environment", warning=True)
        own = [point for point in points if (info := ENGINES.get(point.engine)) and info.served is Served.OWN]
        if study.protocol.worker == "preloaded" and len({point.environment is None for point in own}) > 1:
            message = (
                "`worker: preloaded` forks the servers of configurations without an environment and starts those with one anew, so their "
                "starting times and memory differ for that alone; use `worker: fresh`, or give all of them an environment"
            )
            yield Remark(("protocol", "worker"), message, warning=True)
