"""Checks across the fields of a study: references, impossible pairs, cells that cannot be run or tested."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from greenreport.catalog import ENGINES, METRICS, PROVIDERS
from greenreport.study.cells import Configuration
from greenreport.study.check_environments import environment_remarks
from greenreport.study.check_models import model_remarks
from greenreport.study.check_prompts import prompt_remarks
from greenreport.study.check_servers import server_remarks
from greenreport.study.error_messages import Remark, unknown
from greenreport.study.spec import Study
from greenreport.study.sweep import MOST_CONFIGURATIONS, point_error, swept
from greenreport.study.yaml_document import MAX_BYTES
from greenreport.units import counted

#: Cells of a study, those that are excluded too, and its runs: far more than any machine measures in a year.
MOST_CELLS = 5_000
MOST_RUNS = 100_000


def check(study: Study, folder: Path) -> list[Remark]:
    """Return every problem that one field alone does not show.

    Args:
        folder: of the study file; relative paths start there.
    """
    if study.imported is not None:  # models, configurations and runs are those of the results
        return [
            *_unique("hypotheses", (h.id for h in study.hypotheses), "hypothesis id"),
            *_hypotheses(study),
            *_references(study, folder),
        ]
    too_large = list(_size(study))
    if too_large:
        return too_large
    return [
        *_unique("models", (m.id for m in study.models), "model id"),
        *_unique("configurations", (c.id for c in study.configurations), "configuration"),
        *_unique("hypotheses", (h.id for h in study.hypotheses), "hypothesis id"),
        *_unique("meters", (m.name for m in study.meters), "meter"),
        *model_remarks(study, folder),
        *_configurations(study),
        *_sweep(study),
        *server_remarks(study),
        *environment_remarks(study),
        *_exclusions(study),
        *prompt_remarks(study, folder),
        *_fidelity(study),
        *_hypotheses(study),
        *_sequential(study),
        *_guidelines(study),
        *_references(study, folder),
        *_selection(study, folder),
        *_compared(study, folder),
    ]


def _size(study: Study) -> Iterator[Remark]:
    """Yield a remark on a study that no machine finishes, before its cells and runs are made."""
    factors = study.sweep.factors if study.sweep is not None else {}
    per_model = len(study.configurations) if study.sweep is None else sum(map(study.sweep.number, study.configurations))
    cells = len(study.models) * per_model
    at = "sweep" if factors else "models"
    if per_model > MOST_CONFIGURATIONS:
        yield Remark(
            (at,), f"the sweep makes {counted(per_model, 'configuration')}; at most {MOST_CONFIGURATIONS:,} are possible"
        )
    elif cells > MOST_CELLS:
        message = f"{counted(len(study.models), 'model')} × {counted(per_model, 'configuration')} are {cells:,} cells; at most {MOST_CELLS:,} are possible"
        yield Remark((at,), f"{message}: measure fewer at once, or in several studies")
    elif cells * study.protocol.most_repetitions > MOST_RUNS:
        most = study.protocol.most_repetitions
        message = f"{cells:,} cells × {most:,} repetitions are {cells * most:,} runs"
        yield Remark(("protocol", "repetitions"), f"{message}; at most {MOST_RUNS:,} are possible")


def _unique(section: str, names: Iterable[str], kind: str) -> Iterator[Remark]:
    listed = list(names)
    for name, times in Counter(listed).items():
        if times > 1:
            last = len(listed) - 1 - listed[::-1].index(name)
            yield Remark((section, last), f"{kind} {name!r} is listed {times} times")


def _named(at: tuple[str | int, ...], kind: str, name: object, allowed: Collection[str]) -> Iterator[Remark]:
    """Yield a remark on a name that is not among those allowed."""
    if name not in allowed:
        yield Remark(at, unknown(kind, name, allowed))


def _configurations(study: Study) -> Iterator[Remark]:
    for index, configuration in enumerate(study.configurations):
        at = ("configurations", index)
        engine = ENGINES.get(configuration.engine)
        yield from _named((*at, "engine"), "engine", configuration.engine, ENGINES)
        yield from _named((*at, "provider"), "provider", configuration.provider, PROVIDERS)
        if engine is None:
            continue
        if configuration.provider in {*PROVIDERS} - {*engine.providers} and study.models_of(configuration):
            message = f"{engine.label} has no {configuration.provider} provider (it has: {', '.join(engine.providers)})"
            meant = "; an NVIDIA GPU is `provider: cuda`" if configuration.provider == "gpu" else ""
            yield Remark(at, f"{message}{meant}; remove the pair or list it under `exclude:` with a reason")
        yield from _named((*at, "dtype"), f"dtype for {engine.label}", configuration.dtype, engine.dtypes)
        if not engine.batches and max(configuration.batch_size, configuration.max_batch) > 1:
            message = (
                f"{engine.label} answers one prompt at a time here; start its own server with `engine: command` for batches"
            )
            yield Remark(at, message)


def _sweep(study: Study) -> Iterator[Remark]:
    try:
        points = swept(study.configurations, study.sweep)
    except ValueError as error:
        yield Remark(("sweep",), point_error(error))
        return
    if not any(study.models_of(point) for point in points):
        yield Remark(("exclude",), "every cell is excluded; nothing is left to run")
    factors = study.sweep.factors if study.sweep is not None else {}
    for dtype in factors.get("dtype", ()):
        for engine in dict.fromkeys(p.engine for p in points if p.dtype == dtype and study.models_of(p)):
            info = ENGINES.get(engine)
            if info is not None and dtype not in info.dtypes:
                message = unknown(f"dtype for {info.label}", dtype, info.dtypes)
                yield Remark(("sweep", "dtype"), f"{message}; or list the pair under `exclude:` with a reason")
    sent = study.workload.requests or study.workload.prompts.count
    largest = max((point.batch_size for point in points), default=1)
    if sent is not None and largest > sent:
        message = f"a batch of {largest} prompts is never full with {sent}; give the workload at least `requests: {largest}`"
        yield Remark(("sweep" if "batch_size" in factors else "configurations",), message)
    elif sent is not None and any(sent % point.batch_size for point in points):
        size = next(point.batch_size for point in points if sent % point.batch_size)
        message = f"{sent} prompts are not a multiple of the batch size {size}: the last batch is smaller"
        yield Remark(("workload",), message, warning=True)
    yield from _never_filled(study, points)


def _never_filled(study: Study, points: Iterable[Configuration]) -> Iterator[Remark]:
    """Yield remarks on levels that no request reaches: the run would be labelled with a load it never had."""
    sent = study.workload.requests or study.workload.prompts.count
    kept = [point for point in points if study.models_of(point)]
    idle = [p for p in kept if sent is not None and p.batch_size <= sent < p.replicas * p.batch_size]
    if idle:
        most = max(idle, key=lambda p: p.replicas * p.batch_size)
        message = f"{sent} prompts do not fill a batch of {most.batch_size} on each of {most.replicas} replicas ({most.id})"
        message += f"; give the workload at least `requests: {most.replicas * most.batch_size}`"
        yield Remark(("workload",), message, warning=True)
    few = [p for p in kept if p.request_rate is None and "concurrency" in p.model_fields_set and p.concurrency < p.replicas]
    if few:
        message = f"{counted(few[0].concurrency, 'client')} cannot keep {few[0].replicas} replicas busy ({few[0].id})"
        message += ": each needs one; raise `concurrency`, or exclude it"
        yield Remark(("configurations" if study.sweep is None else "sweep",), message)
    small = [p for p in kept if p.max_batch > p.batch_size and p.request_rate is None and _together(p) < p.max_batch]
    if small:
        point = max(small, key=lambda p: p.max_batch - _together(p))
        message = f"a dynamic batch of {point.max_batch} is never full with {_together(point)} prompts under way at once"
        message += f" ({point.id}); raise `concurrency`, or send at a `request_rate`"
        yield Remark(("configurations",), message, warning=True)


def _together(point: Configuration) -> int:
    """Return the prompts that can wait at one server of a closed loop."""
    return point.batch_size * -(-max(point.concurrency, point.replicas) // point.replicas)


def _exclusions(study: Study) -> Iterator[Remark]:
    allowed = {"engine": set(ENGINES), "provider": set(PROVIDERS), "model": {m.id for m in study.models}}
    with suppress(ValueError):  # reported by the check of the sweep
        points = swept(study.configurations, study.sweep)
        allowed["configuration"] = {name for point in points for name in (point.id, point.name) if name}
    for index, exclusion in enumerate(study.exclude):
        values = exclusion.model_dump(exclude={"reason"}, exclude_none=True)
        if not values:
            message = "names no engine, provider, model, configuration or factor, so it would exclude everything"
            yield Remark(("exclude", index), message)
        for key in values:
            if key in allowed:
                yield from _named(("exclude", index, key), key, values[key], allowed[key])


def _fidelity(study: Study) -> Iterator[Remark]:
    reference = study.fidelity.reference
    pairs = [f"{c.engine}/{c.provider}" for c in study.configurations]
    if reference is not None and f"{reference.engine}/{reference.provider}" not in pairs:
        message = f"reference {reference.engine}/{reference.provider} is not among the configurations ({', '.join(pairs)})"
        yield Remark(("fidelity", "reference"), message)


def _hypotheses(study: Study) -> Iterator[Remark]:
    for index, hypothesis in enumerate(study.hypotheses):
        at = ("hypotheses", index)
        yield from _named((*at, "question"), "question", hypothesis.question, study.questions)
        yield from _named((*at, "metric"), "metric", hypothesis.metric, METRICS)
        for position, provider in enumerate(hypothesis.providers or ()):
            yield from _named((*at, "providers", position), "provider", provider, PROVIDERS)
    tested = {h.question for h in study.hypotheses}
    for question in study.questions:
        if question not in tested:
            message = f"question {question!r} has no hypothesis; it will be described, not tested"
            yield Remark(("questions", question), message, warning=True)


def _sequential(study: Study) -> Iterator[Remark]:
    """Yield remarks on hypotheses that repetitions are to be made for."""
    rule = study.protocol.sequential
    if rule is None:
        return
    at = ("protocol", "repetitions")
    if not study.hypotheses:
        yield Remark(at, "repetitions that end when contrasts are decided need a hypothesis; declare one, or give a number")
    for index, name in enumerate(rule.hypotheses):
        yield from _named((*at, "for", index), "hypothesis", name, [hypothesis.id for hypothesis in study.hypotheses])


def _selection(study: Study, folder: Path) -> Iterator[Remark]:
    source = None if study.selection is None else study.selection.source
    if source is not None and source.endswith(".json") and not (folder / source).is_file():
        yield Remark(("selection", "source"), f"{source!r} is not a file (relative to the study file)")


def _references(study: Study, folder: Path) -> Iterator[Remark]:
    for index, path in enumerate(study.references):
        if not (folder / path).is_file():
            yield Remark(("references", index), f"{path!r} is not a file (relative to the study file)")
        elif not 0 < (folder / path).stat().st_size <= MAX_BYTES:  # files of /proc say that they are empty, and may have no end
            message = f"{path!r} is empty or larger than {MAX_BYTES // 1_000_000} MB; it cannot hold published results"
            yield Remark(("references", index), message)


def _compared(study: Study, folder: Path) -> Iterator[Remark]:
    yield from _unique("compare", study.compare, "comparison with")
    for index, path in enumerate(study.compare):
        target = folder / path
        if target.is_dir() and not (target / "runs.parquet").is_file():
            message = f"{path!r} holds no exported results (runs.parquet); `greenreport export` writes them"
            yield Remark(("compare", index), message)
        elif not target.is_dir() and not (target.is_file() and target.suffix in (".yaml", ".yml")):
            message = f"{path!r} is neither a study file nor a folder of exported results (relative to the study file)"
            yield Remark(("compare", index), message)


def _guidelines(study: Study) -> Iterator[Remark]:
    for index, guideline in enumerate(study.guidelines):
        yield from _named(("guidelines", index, "metric"), "metric", guideline.metric, METRICS)
        for name, side in (("uses", guideline.uses), ("than", guideline.than)):
            if not any((c.engine, c.provider) == (side.engine, side.provider) for c in study.configurations):
                message = f"the study has no configuration {side.engine!r} on {side.provider!r}"
                yield Remark(("guidelines", index, name), message)
