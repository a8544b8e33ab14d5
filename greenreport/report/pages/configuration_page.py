"""The page of a configuration: all models it served, and its ratio on each."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.catalog import ENGINES
from greenreport.report.context import StudyContext
from greenreport.report.figures.hypothesis_ratios import ratios_over_models_figure
from greenreport.report.page import Page
from greenreport.report.pages.cell_table import CellTableContent, cell_table_page
from greenreport.study import Configuration, Server
from greenreport.units import count, counted


def configuration_page(study: StudyContext, configuration: Configuration) -> Page[CellTableContent]:
    """Return the page."""
    cells = [(cell.model.label, cell) for cell in study.dataset.cells if cell.configuration.id == configuration.id]
    leads = [part.finding for answer in study.analysis.answers for part in answer.answers[:1]]
    figures = [
        f for finding in leads if (f := ratios_over_models_figure(study, finding, configuration, study.reference)) is not None
    ]
    folder = configuration.id.replace("/", "--")  # option values may hold a stroke
    facts = _facts(study, configuration)
    return cell_table_page(study, f"configs/{folder}", "Configuration", label_of(configuration), "Model", cells, facts, figures)


def _facts(study: StudyContext, configuration: Configuration) -> Iterator[tuple[str, str]]:
    info = ENGINES.get(configuration.engine)
    if info is not None:
        yield "Engine", f"{info.label}: {info.summary}"
    yield "Execution provider", configuration.provider
    if study.dataset.imported:
        return
    if configuration.server is not None:
        yield from _server_facts(configuration, configuration.server)
    else:
        yield "Type", configuration.dtype
        yield "KV cache", "on" if configuration.kv_cache else "off"
        share = "an equal share of the physical cores" if configuration.replicas > 1 else "all physical cores"
        yield "Threads", str(configuration.threads or share)
    for name, value in configuration.options.items():
        yield f"Option {name}", str(value)
    cells = (cell for cell in study.dataset.cells if cell.configuration.id == configuration.id)
    reported = next((run.facts for cell in cells for run in cell.ok if run.facts), None)
    if reported is not None:
        if reported.dtype is not None:
            yield "Reported after load", f"{reported.dtype} on {reported.device}, {counted(reported.threads or 0, 'thread')}"
        if reported.model is not None:
            yield "Model of the server", reported.model
        if reported.parameters and configuration.server is not None:
            yield "Reported parameters", count(reported.parameters)
        for name, value in reported.details:
            yield f"Reported {name}", value


def _server_facts(configuration: Configuration, server: Server) -> Iterator[tuple[str, str]]:
    """Yield what the study declares of a server that is not greenreport's; none of it could be verified."""
    if server.command:
        yield "Command", shlex.join(server.command)
    elif server.url is not None:
        yield "Address", server.url
        yield "Measured by the meters of the study", "yes" if server.local else "no: it is not declared to run on their machine"
    yield "Type", f"{configuration.dtype} as declared, not verified" if configuration.dtype != "float32" else "not known"
    yield "KV cache", "not known"
    yield "Threads", f"{configuration.threads} as declared, not verified" if configuration.threads else "not known"
