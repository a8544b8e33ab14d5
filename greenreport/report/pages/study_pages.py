"""The pages of a study, in the order of their navigation."""

from __future__ import annotations

from collections.abc import Iterator

from greenreport.catalog import ADDED_PAGES, load_target
from greenreport.report.context import StudyContext
from greenreport.report.figures.tradeoffs import tradeoff_figure
from greenreport.report.page import Page, study_page
from greenreport.report.pages.answers_page import AnswersContent, answers_page
from greenreport.report.pages.audit_page import AuditContent, audit_page
from greenreport.report.pages.cell_page import CellContent, cell_page
from greenreport.report.pages.cell_table import CellTableContent
from greenreport.report.pages.configuration_page import configuration_page
from greenreport.report.pages.data_page import DataContent, data_page
from greenreport.report.pages.environment_page import EnvironmentContent, environment_page
from greenreport.report.pages.fidelity_page import FidelityContent, fidelity_page
from greenreport.report.pages.footprint_page import FootprintContent, footprint_page
from greenreport.report.pages.frontier_page import FrontierSection, frontier_page
from greenreport.report.pages.guidelines_page import GuidelinesContent, guidelines_page
from greenreport.report.pages.history_page import HistoryContent, history_page
from greenreport.report.pages.matrix_page import MatrixContent, matrix_page
from greenreport.report.pages.methods_page import MethodsContent, methods_page
from greenreport.report.pages.model_page import model_page
from greenreport.report.pages.multiverse_page import MultiverseSection, multiverse_page
from greenreport.report.pages.outputs_page import OutputsContent, outputs_page
from greenreport.report.pages.overview_page import OverviewContent, overview_page
from greenreport.report.pages.question_page import QuestionContent, question_page
from greenreport.report.pages.validity_page import ValidityContent, validity_page
from greenreport.report.summary import ComparisonLink
from greenreport.study import Site

StudyContent = (
    OverviewContent | QuestionContent | MatrixContent | CellTableContent | CellContent | FidelityContent | ValidityContent
    | GuidelinesContent | MethodsContent | EnvironmentContent | DataContent | FootprintContent | AnswersContent | OutputsContent
    | AuditContent | HistoryContent | tuple[FrontierSection, ...] | tuple[MultiverseSection, ...] | None
)  # fmt: skip


def study_pages(
    study: StudyContext,
    study_text: str,
    compared: tuple[ComparisonLink, ...] = (),
    settings: Site | None = None,
    related: tuple[StudyContext, ...] = (),
) -> Iterator[Page[StudyContent]]:
    """Yield every page of a study, one after the other as it is made.

    Args:
        study_text: the study file as it was read.
        compared: pages on which the study stands beside another.
        settings: those of the site; without them it has no address.
        related: studies of the same publication, for a study without runs.
    """
    analysis, dataset = study.analysis, study.dataset
    yield overview_page(study, compared, related)
    yield from (question_page(study, answer) for answer in analysis.answers)
    yield matrix_page(study)
    yield from (model_page(study, model) for model in dataset.models if not study.large)
    yield from (configuration_page(study, configuration) for configuration in dataset.configurations)
    yield from (cell_page(study, cell) for cell in dataset.cells if study.cell_page(cell))
    yield fidelity_page(study)
    yield validity_page(study)
    yield audit_page(study)
    yield guidelines_page(study)
    yield methods_page(study)
    yield environment_page(study)
    yield data_page(study, study_text, settings or Site())
    if analysis.quality is not None:
        yield answers_page(study, analysis.quality)
        yield outputs_page(study, analysis.quality)
    if analysis.frontier is not None:
        yield frontier_page(study, analysis.frontier)
    if analysis.tradeoffs:
        figures = [figure for item in analysis.tradeoffs if (figure := tradeoff_figure(study, item)) is not None]
        yield study_page(study, "tradeoffs", "tradeoffs.html", "Trade-offs", None, figures)
    if analysis.footprint is not None:
        yield footprint_page(study, analysis.footprint)
    if analysis.multiverses:
        yield multiverse_page(study)
    if analysis.replications:
        yield study_page(study, "replication", "replication.html", "Replication", None)
    if study.history is not None:
        yield history_page(study, study.history)
    yield from (load_target(info.target)(study) for info in ADDED_PAGES.values())
    yield study_page(study, "claims", "claims.html", "How we know", None)
