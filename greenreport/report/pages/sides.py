"""One model across configurations, and one configuration across models."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace

from greenreport.analysis.dataset import CellView, label_of
from greenreport.analysis.fidelity import reference_of
from greenreport.analysis.stats import describe
from greenreport.catalog import METRICS, engines
from greenreport.report.context import StudyContext
from greenreport.report.figure import Figure
from greenreport.report.figures import forest_figure, hole, wait_figures
from greenreport.report.pages.contents import CellLink, SideContent, SideRow
from greenreport.study import Configuration, Model, Server
from greenreport.units import count

SIDE_METRICS = ("energy_j", "duration_s", "j_per_output_token", "ttft_s", "ram_rss_peak_b", "weights_b")


def model_content(study: StudyContext, model: Model) -> SideContent:
    """Return the page of a model: its configurations, and the tests made on it."""
    cells = [cell for cell in study.dataset.cells if cell.model.id == model.id]
    reference = reference_of(study.dataset.study, study.dataset)
    figures = []
    for answer in study.analysis.answers:
        for part in answer.answers[:1]:  # the other metrics stand on the pages of the questions
            tests = tuple(test for test in part.finding.tests if test.model.id == model.id)
            figure = forest_figure(study, replace(part.finding, tests=tests), reference)
            if figure is not None:
                figures.append(replace(figure, id=f"{figure.id}-{model.id}".replace(".", "-")))
    figures += wait_figures(study, model)
    facts = tuple(_facts_of_model(study, model))
    return _content(
        study, "Model", model.label, "Configuration", facts, [(label_of(c.configuration), c) for c in cells], figures
    )


def configuration_content(study: StudyContext, configuration: Configuration) -> SideContent:
    """Return the page of a configuration: all models it served."""
    cells = [cell for cell in study.dataset.cells if cell.configuration.id == configuration.id]
    facts = tuple(_facts_of_configuration(study, configuration))
    return _content(
        study, "Configuration", label_of(configuration), "Model", facts, [(cell.model.label, cell) for cell in cells], []
    )


def _content(
    study: StudyContext,
    kind: str,
    label: str,
    other: str,
    facts: tuple[tuple[str, str], ...],
    cells: list[tuple[str, CellView]],
    figures: list[Figure],
) -> SideContent:
    metrics = tuple(METRICS[name] for name in SIDE_METRICS if study.dataset.has(name))
    rows = tuple(
        SideRow(name, cell_link(cell), tuple(describe(v) if (v := cell.values(m.id)) else None for m in metrics))
        for name, cell in cells
    )
    return SideContent(kind, label, other, facts, metrics, rows, tuple(figures))


def _facts_of_model(study: StudyContext, model: Model) -> Iterator[tuple[str, str]]:
    if model.hub:
        yield "Hub", f"{model.hub}{', revision ' + model.revision if model.revision else ', revision not pinned'}"
    if model.parameters:
        yield "Parameters", count(model.parameters)
    if model.size_category is not None:
        yield "Size category", str(model.size_category)
    if model.architecture is not None:
        shape = ", ".join(f"{name} {value}" for name, value in model.architecture.shape.items())
        yield "Architecture", f"{model.architecture.type}: {shape}"
    if model.release:
        yield "Release", model.release
    if model.affiliation:
        yield "Affiliation", model.affiliation
    for name, value in model.published.items():
        yield f"Published {name.replace('_', ' ')}", f"{value:g} (as published, not measured here)"
    if not study.dataset.imported:
        known = model.hub or model.path or model.architecture is not None
        yield "Weights", study.dataset.study.weights_of(model).value if known else "those of the server"


def _facts_of_configuration(study: StudyContext, configuration: Configuration) -> Iterator[tuple[str, str]]:
    info = engines().get(configuration.engine)
    if info is not None:
        yield "Engine", f"{info.label}: {info.summary}"
    yield "Execution provider", configuration.provider
    if study.dataset.imported:
        return
    if configuration.server is not None:
        yield from _facts_of_server(configuration, configuration.server)
    else:
        yield "Type", configuration.dtype
        yield "KV cache", "on" if configuration.kv_cache else "off"
        share = "an equal share of the physical cores" if configuration.replicas > 1 else "all physical cores"
        yield "Threads", str(configuration.threads or share)
    for name, value in configuration.options.items():
        yield f"Option {name}", str(value)
    reported = next(
        (
            run.facts
            for cell in study.dataset.cells
            if cell.configuration.id == configuration.id
            for run in cell.ok
            if run.facts
        ),
        None,
    )
    if reported is not None:
        if reported.dtype is not None:
            yield "Reported after load", f"{reported.dtype} on {reported.device}, {reported.threads} threads"
        if reported.model is not None:
            yield "Model of the server", reported.model
        if reported.parameters and configuration.server is not None:
            yield "Reported parameters", count(reported.parameters)
        for name, value in reported.details:
            yield f"Reported {name}", value


def _facts_of_server(configuration: Configuration, server: Server) -> Iterator[tuple[str, str]]:
    """What the study declares of a server greenreport did not write; nothing of it could be verified."""
    if server.command:
        yield "Command", shlex.join(server.command)
    elif server.url is not None:
        yield "Address", server.url
        yield "Measured by the meters of the study", "yes" if server.local else "no: it is not declared to run on their machine"
    yield "Type", f"{configuration.dtype} as declared, not verified" if configuration.dtype != "float32" else "not known"
    yield "KV cache", "not known"
    yield "Threads", f"{configuration.threads} as declared, not verified" if configuration.threads else "not known"


def slug_of(identifier: str) -> str:
    """Return a name for a folder; option values in an identifier may hold a stroke."""
    return identifier.replace("/", "--")


def cell_slug(cell: CellView) -> str:
    """Return the folder of a cell's page."""
    return slug_of(cell.key)


def cell_link(cell: CellView) -> CellLink:
    """Return the link to a cell's page with what became of the cell."""
    ok = len(cell.ok)
    text = f"{ok} of {len(cell.runs)}" if ok else hole(cell)
    return CellLink(cell_slug(cell), text, ok, len(cell.runs))
