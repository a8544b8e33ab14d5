"""The page of a model: its configurations, the tests made on it, and where its energy goes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.report.context import StudyContext
from greenreport.report.figure import Figure
from greenreport.report.figures.energy_breakdown import components_figure, phases_figure
from greenreport.report.figures.hypothesis_ratios import forest_figure
from greenreport.report.figures.request_distributions import wait_figures
from greenreport.report.page import Page
from greenreport.report.pages.cell_table import CellTableContent, cell_table_page
from greenreport.study import Model
from greenreport.units import count


def model_page(study: StudyContext, model: Model) -> Page[CellTableContent]:
    """Return the page."""
    cells = [(label_of(cell.configuration), cell) for cell in study.dataset.cells_of(model.id)]
    facts, figures = _facts(study, model), _figures(study, model)
    return cell_table_page(study, f"models/{model.id}", "Model", model.label, "Configuration", cells, facts, figures)


def _figures(study: StudyContext, model: Model) -> Iterator[Figure]:
    for answer in study.analysis.answers:
        for part in answer.answers[:1]:  # the other metrics stand on the pages of the questions
            tests = tuple(test for test in part.finding.tests if test.model.id == model.id)
            figure = forest_figure(study, replace(part.finding, tests=tests), study.reference)
            if figure is not None:
                yield replace(figure, id=f"{figure.id}-{model.id}".replace(".", "-"))
    yield from wait_figures(study, model)
    yield from (figure for figure in (phases_figure(study, model.id), components_figure(study, model.id)) if figure is not None)


def _facts(study: StudyContext, model: Model) -> Iterator[tuple[str, str]]:
    if model.hub:
        yield "Hub", f"{model.hub}{', revision ' + model.revision if model.revision else ', revision not pinned'}"
    if model.package:
        yield "Package", f"{model.package}, GGUF file with sha256 {model.sha256}"
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
        identified = model.hub or model.path or model.package or model.architecture is not None
        yield "Weights", study.dataset.study.weights_of(model).value if identified else "those of the server"
