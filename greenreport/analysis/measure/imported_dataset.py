"""Datasets made of imported tables: models and configurations are those of the table, everything else is unknown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from greenreport.analysis.measure.dataset import JOINT, CellView, Dataset
from greenreport.analysis.measure.observation import Observation
from greenreport.analysis.measure.run_view import RunView
from greenreport.record import Outcome
from greenreport.store.tidy_csv import TidyRow, configuration_of
from greenreport.study import Configuration, Hypothesis, Model, Protocol, Study
from greenreport.units import safe_slug

QUESTIONS = {
    "RQ1": ("How does the serving configuration affect energy consumption?", ("energy_j",)),
    "RQ2": ("How does the serving configuration affect execution time?", ("duration_s",)),
    "RQ3": (
        "How does the serving configuration affect computing-resource utilisation?",
        ("cpu_usage_pct", "ram_usage_pct", "gpu_usage_pct", "gpu_memory_utilization_pct", "gpu_memory_used_pct"),
    ),
}

#: Engine, provider and loads: what makes a configuration.
Group = tuple[str, str, tuple[tuple[str, float], ...]]


def imported_dataset(name: str, source: str, rows: Sequence[TidyRow]) -> Dataset:
    """Return a dataset from imported rows: models and configurations are those of the table, everything else is unknown."""
    models: dict[str, Model] = {}
    configurations: dict[Group, Configuration] = {}
    for row in rows:
        if row.model not in models:
            slug = safe_slug(row.model, [model.id for model in models.values()])
            models[row.model] = Model(id=slug, name=row.model, size_category=row.size_category)
        if (row.engine, row.provider, row.load) not in configurations:
            configurations[row.engine, row.provider, row.load] = configuration_of(row.engine, row.load).model_copy(
                update={"provider": safe_slug(row.provider), "name": f"{row.engine}{JOINT}{row.provider}"}
            )
    metrics = {row.metric for row in rows}
    hypotheses = tuple(
        Hypothesis(id=f"H{question[2:]}.{number}", question=question, metric=metric)
        for question, (_, listed) in QUESTIONS.items()
        for number, metric in enumerate(listed)
        if metric in metrics
    )
    asked = {hypothesis.question for hypothesis in hypotheses}
    study = Study(
        study=safe_slug(name),
        title=f"Imported results: {name}",
        questions={question: text for question, (text, _) in QUESTIONS.items() if question in asked},
        models=tuple(models.values()),
        configurations=tuple(configurations.values()),
        protocol=Protocol(repetitions=max(row.repetition for row in rows)),
        hypotheses=hypotheses,
    )
    grouped: dict[tuple[str, Group], list[TidyRow]] = {}
    for row in rows:
        grouped.setdefault((row.model, (row.engine, row.provider, row.load)), []).append(row)
    cells = tuple(
        CellView(model, configuration, tuple(_runs(grouped[label, group])))
        for label, model in models.items()
        for group, configuration in configurations.items()
        if (label, group) in grouped
    )
    return Dataset(study, cells, source=source, imported=True)


def _runs(rows: Sequence[TidyRow]) -> Iterator[RunView]:
    values: dict[int, dict[str, Observation]] = {}
    for row in rows:
        observation = Observation(row.metric, row.value, boundary="as imported")
        values.setdefault(row.repetition, {})[row.metric] = observation
    for repetition, observations in sorted(values.items()):
        yield RunView(f"imported-{repetition}", repetition, 0, Outcome.OK, None, "", 0, 0.0, observations=observations)
