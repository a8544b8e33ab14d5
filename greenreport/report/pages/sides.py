"""One model across configurations, and one configuration across models."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

from greenreport.analysis.hypotheses.rank_ranges import place_of
from greenreport.analysis.measure.dataset import CellView, label_of
from greenreport.analysis.measure.fidelity import not_ranked, reference_of
from greenreport.analysis.measure.validity_badge import QUIET
from greenreport.analysis.stats import describe
from greenreport.catalog import METRICS, known_engines
from greenreport.record import Outcome
from greenreport.report.context import StudyContext
from greenreport.report.figure import Figure
from greenreport.report.figures import components_figure, forest_figure, hole, over_models, phases_figure, wait_figures
from greenreport.report.pages.contents import CellLink, SideContent, SideRow
from greenreport.study import Configuration, Model, Server
from greenreport.units import count, counted

SIDE_METRICS = ("energy_j", "duration_s", "j_per_output_token", "ttft_s", "ram_rss_peak_b", "weights_b")


def model_content(study: StudyContext, model: Model) -> SideContent:
    """Return the page of a model: its configurations, the tests made on it, and where its energy goes."""
    cells = [cell for cell in study.dataset.cells if cell.model.id == model.id]
    reference = reference_of(study.dataset)
    figures = []
    for answer in study.analysis.answers:
        for part in answer.answers[:1]:  # the other metrics stand on the pages of the questions
            tests = tuple(test for test in part.finding.tests if test.model.id == model.id)
            figure = forest_figure(study, replace(part.finding, tests=tests), reference)
            if figure is not None:
                figures.append(replace(figure, id=f"{figure.id}-{model.id}".replace(".", "-")))
    figures += wait_figures(study, model)
    figures += [f for f in (phases_figure(study, model.id), components_figure(study, model.id)) if f is not None]
    facts = tuple(_facts_of_model(study, model))
    return _content(
        study, "Model", model.label, "Configuration", facts, [(label_of(c.configuration), c) for c in cells], figures
    )


def configuration_content(study: StudyContext, configuration: Configuration) -> SideContent:
    """Return the page of a configuration: all models it served, and its ratio on each."""
    cells = [cell for cell in study.dataset.cells if cell.configuration.id == configuration.id]
    reference = reference_of(study.dataset)
    leads = [part.finding for answer in study.analysis.answers for part in answer.answers[:1]]
    figures = [f for finding in leads if (f := over_models(study, finding, configuration, reference)) is not None]
    facts = tuple(_facts_of_configuration(study, configuration))
    return _content(
        study, "Configuration", label_of(configuration), "Model", facts, [(cell.model.label, cell) for cell in cells], figures
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
    places = _places(study)
    rows = tuple(
        SideRow(
            name,
            cell_link(cell),
            tuple(describe(v) if (v := cell.values(m.id)) else None for m in metrics),
            places.get(cell.key, "–"),
        )
        for name, cell in cells
    )
    ranked = study.analysis.findings[0].metric.noun if places else ""
    unusual = tuple((name, cell_link(cell), text) for name, cell in cells if (text := _unusual(study, cell)))
    return SideContent(kind, label, other, facts, metrics, rows, tuple(figures), ranked, unusual)


def _places(study: StudyContext) -> Mapping[str, str]:
    """Return the place of every cell that was compared, in the metric of the first hypothesis."""
    found = {}
    for finding in study.analysis.findings[:1]:
        for item in finding.tests:
            for group in item.test.groups:
                place = place_of(item, group.name, finding.metric)
                if place is not None:
                    found[f"{item.model.id}/{group.name}"] = str(place)
    return found


def _unusual(study: StudyContext, cell: CellView) -> str:
    """Return what is unusual about a cell: runs that do not count, remarks on those that do, other outputs; else nothing."""
    parts = [] if cell.runs else ["not run"]
    for outcome, number in sorted(cell.outcomes.items()):
        if outcome is not Outcome.OK:
            reason = next((run.reason for run in cell.runs if run.outcome is outcome and run.reason), None)
            parts.append(
                f"{number} of {len(cell.runs)} runs {outcome.value.replace('_', ' ')}" + (f" ({reason})" if reason else "")
            )
    flags = Counter(flag.code for run in cell.ok for flag in run.flags if flag.code not in QUIET)
    parts += [f"{code.replace('_', ' ')} in {number} of {len(cell.ok)} valid runs" for code, number in flags.most_common()]
    reason = not_ranked(study.analysis.fidelity).get((cell.model.id, cell.configuration.id))
    parts += [] if reason is None else [f"other outputs than the reference ({reason})"]
    return "; ".join(parts)


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
    info = known_engines().get(configuration.engine)
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
            yield "Reported after load", f"{reported.dtype} on {reported.device}, {counted(reported.threads or 0, 'thread')}"
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


def cell_link(cell: CellView) -> CellLink:
    """Return the link to a cell's page with what became of the cell."""
    ok = len(cell.ok)
    text = f"{ok} of {len(cell.runs)}" if ok else hole(cell)
    return CellLink(cell.slug, text, ok, len(cell.runs))
