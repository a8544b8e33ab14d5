"""Pages of a study."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace

from greenreport.analysis.hypotheses.answers import Answer, plain
from greenreport.analysis.measure.calibration import calibration
from greenreport.analysis.measure.dataset import CellView, RunView, label_of
from greenreport.analysis.measure.fidelity import reference_of, sameness
from greenreport.analysis.measure.measurement_quality import quality
from greenreport.analysis.stats import describe
from greenreport.catalog import METRICS
from greenreport.record import Outcome, Quantity
from greenreport.report.context import Page, StudyContext
from greenreport.report.exports.card import cards_of
from greenreport.report.exports.data_dictionary import COLUMNS
from greenreport.report.exports.label import energy_label
from greenreport.report.exports.observations_csv import has_values
from greenreport.report.exports.share import badge_code, badge_svg, citation
from greenreport.report.figure import Figure, embedded_json
from greenreport.report.figures import (
    agreement_figure,
    by_model,
    course_figure,
    forest_figure,
    front_figure,
    match_figure,
    matrix_figure,
    order_figure,
    pairs_figure,
    phases_figure,
    same_length,
    significance_figure,
    strip_figure,
    tokens_figure,
    trace_figure,
    tradeoff_figure,
)
from greenreport.report.pages.cold_starts import cold_content
from greenreport.report.pages.comparison_page import ComparisonLink
from greenreport.report.pages.contents import (
    CellContent,
    DataContent,
    EnvironmentContent,
    FidelityContent,
    GuidelinesContent,
    HypothesisSection,
    KeyNumber,
    MatrixContent,
    MetricRow,
    OverviewContent,
    QuestionContent,
    ReplicationContent,
    TradeoffsContent,
    ValidityContent,
)
from greenreport.report.pages.decision_aid import helper_of
from greenreport.report.pages.footprint_page import footprint_content
from greenreport.report.pages.frontier_page import frontier_content
from greenreport.report.pages.headlines import (
    data_heading,
    guidelines_heading,
    headline_scope,
    matrix_heading,
    tradeoffs_heading,
)
from greenreport.report.pages.methods_page import methods_content
from greenreport.report.pages.related_studies import Elsewhere
from greenreport.report.pages.sides import cell_link, configuration_content, model_content, slug_of
from greenreport.store.codec import spec_content
from greenreport.study import Site
from greenreport.units import counted, declared_percent
from greenreport.validity import advice

MATRIX_METRICS = (
    "energy_j",
    "duration_s",
    "j_per_output_token",
    "ttft_s",
    "ram_rss_peak_b",
    "cpu_usage_pct",
    "gpu_memory_used_b",
)
CELL_METRICS = (
    "energy_j", "energy_net_j", "prefill_energy_j", "decode_energy_j", "energy_delay_js", "j_per_request", "j_per_output_token", "power_mean_w", "idle_power_w", "duration_s", "latency_s",
    "latency_p90_s", "latency_p95_s", "latency_p99_s", "ttft_s", "ttft_p90_s", "ttft_p95_s", "tbt_s", "tbt_p90_s", "tbt_p95_s", "tbt_p99_s", "queue_s", "throughput_tokens_per_s",
    "throughput_requests_per_s", "served_well_pct", "goodput_requests_per_s", "j_per_good_request", "cpu_usage_pct", "process_cpu_pct", "ram_rss_peak_b", "ram_usage_pct",
    "profiler_cpu_pct", "gpu_usage_pct", "gpu_memory_used_b", "load_s", "compile_s", "cold_start_s",
    "cold_start_energy_j", "first_request_s", "first_request_energy_j",
)  # fmt: skip


def study_pages(
    study: StudyContext,
    study_text: str,
    compared: tuple[ComparisonLink, ...] = (),
    settings: Site | None = None,
    elsewhere: tuple[Elsewhere, ...] = (),
) -> list[Page]:
    """Return every page of a study.

    Args:
        study_text: the study file as it was read.
        compared: pages on which the study stands beside another.
        settings: those of the site; without them it has no address.
        elsewhere: what studies of the same question found, for a study without runs.
    """
    analysis = study.analysis
    reference = reference_of(study.dataset)
    pages = [_overview(study, reference, compared, elsewhere)]
    pages += [_question(study, answer, reference) for answer in analysis.answers]
    pages.append(_matrix(study))
    for model in study.dataset.models:
        side = model_content(study, model)
        pages.append(_page(study, f"models/{model.id}", "side.html", model.label, side, side.figures))
    for configuration in study.dataset.configurations:
        side = configuration_content(study, configuration)
        pages.append(
            _page(study, f"configs/{slug_of(configuration.id)}", "side.html", label_of(configuration), side, side.figures)
        )
    pages += [_cell(study, cell) for cell in study.dataset.cells]
    pages += [
        _fidelity(study, reference),
        _validity(study),
        _guidelines(study),
        _methods(study),
        _environment(study),
        _data(study, study_text, settings or Site()),
    ]
    if analysis.frontier is not None:
        content = frontier_content(study, analysis.frontier)
        shown = [figure for section in content.sections for figure in section.figures]
        pages.append(_page(study, "frontier", "frontier.html", "Throughput frontier", content, shown))
    if analysis.tradeoffs:
        figures = tuple(f for f in (tradeoff_figure(study, item) for item in analysis.tradeoffs) if f is not None)
        pages.append(
            _page(
                study,
                "tradeoffs",
                "tradeoffs.html",
                "Trade-offs",
                TradeoffsContent(figures, tradeoffs_heading(figures)),
                figures,
            )
        )
    if analysis.footprint is not None:
        footprint = footprint_content(study, analysis.footprint)
        pages.append(_page(study, "footprint", "footprint.html", "Footprint", footprint, footprint.figures))
    if analysis.replications:
        replicated = ReplicationContent(analysis.replications)
        pages.append(_page(study, "replication", "replication.html", "Replication", replicated))
    pages.append(_page(study, "claims", "claims.html", "How we know", analysis.claims))
    return pages


def _page(
    study: StudyContext, name: str, template: str, title: str, content: object, figures: Iterable[Figure | None] = ()
) -> Page:
    folder = f"{name}/" if name else ""
    description = plain(study.analysis.headline)
    kept = tuple(figure for figure in figures if figure is not None)
    return Page(
        f"{study.root}{folder}index.html", f"study/{template}", title, description, name or "overview", study, content, kept
    )


def _overview(
    study: StudyContext, reference: str | None, compared: tuple[ComparisonLink, ...], elsewhere: tuple[Elsewhere, ...]
) -> Page:
    analysis = study.analysis
    first = next((answer for answer in analysis.answers for _ in answer.answers), None)
    hero = None
    if first is not None:
        hero = forest_figure(study, first.answers[0].finding, reference)
    swept = None if analysis.frontier is None else next(iter(by_model(analysis.frontier.series).values()), None)
    if swept is not None:
        hero = front_figure(study, swept) or hero
    matrix = matrix_figure(study, first.answers[0].finding.metric.id) if first is not None else None
    content = OverviewContent(
        tuple(_numbers(study)), hero, matrix, analysis.answers, compared, swept is not None, headline_scope(study), elsewhere
    )
    return _page(study, "", "overview.html", study.dataset.study.title, content, [hero, matrix])


def _numbers(study: StudyContext) -> Iterator[KeyNumber]:
    for answer in study.analysis.answers[:3]:
        for part in answer.answers[:1]:
            if part.standing is not None and part.standing.claim is not None:
                limit = part.finding.hypothesis.smallest_effect
                slight = abs(math.log(part.standing.claim.value)) < math.log1p(limit)
                note = f"too small to matter here: less than {declared_percent(limit)}" if slight else ""
                yield KeyNumber(part.finding.metric.label, part.standing.claim, note=note)
    dataset = study.dataset
    ok, planned = dataset.outcomes[Outcome.OK], len(dataset.cells) * dataset.study.protocol.repetitions
    parts = (
        (len(dataset.models), "model"),
        (len(dataset.configurations), "configuration"),
        (dataset.study.protocol.repetitions, "repetition"),
    )
    note = ", ".join(counted(number, noun) for number, noun in parts)
    yield KeyNumber("Valid runs", None, f"{ok} of {planned}" if ok != planned else str(ok), note)


def _question(study: StudyContext, answer: Answer, reference: str | None) -> Page:
    sections = []
    for part in answer.answers:
        figures = (
            forest_figure(study, part.finding, reference),
            strip_figure(study, part.finding),
            significance_figure(study, part.finding),
            pairs_figure(study, part.finding),
        )
        sections.append(HypothesisSection(part, part.finding, tuple(f for f in figures if f is not None)))
    figures_flat = [figure for section in sections for figure in section.figures]
    content = QuestionContent(answer, tuple(sections))
    page = _page(study, f"rq/{answer.id.lower()}", "question.html", f"{answer.id}: {answer.question}", content, figures_flat)
    return replace(page, description=plain(answer.lead))


def _matrix(study: StudyContext) -> Page:
    dataset = study.dataset
    figures = [(matrix_figure(study, metric), METRICS[metric].label) for metric in MATRIX_METRICS]
    rows = []
    for model in dataset.models:
        cells = [dataset.cell(model.id, configuration.id) for configuration in dataset.configurations]
        rows.append((model.label, tuple(None if cell is None else cell_link(cell) for cell in cells)))
    columns = tuple(label_of(configuration) for configuration in dataset.configurations)
    kept = tuple(figure for figure, _ in figures if figure is not None)
    names = tuple(name for figure, name in figures if figure is not None)
    content = MatrixContent(
        kept,
        names,
        tuple(rows),
        columns,
        study.analysis.aggregates,
        matrix_heading(study, MATRIX_METRICS),
        cold_content(dataset),
    )
    return _page(study, "matrix", "matrix.html", "Matrix", content, kept)


def _cell(study: StudyContext, cell: CellView) -> Page:
    rows = []
    for metric in CELL_METRICS:
        values = cell.values(metric)
        boundary = cell.boundary(metric)
        estimated = cell.estimated(metric)
        description = describe(values) if values else None
        rows.append(MetricRow(METRICS[metric], description, boundary, estimated, "" if values else cell.absence(metric)))
    shown = _typical(cell)
    traces = (
        []
        if shown is None
        else [trace_figure(study, cell, shown, q) for q in (Quantity.POWER, Quantity.LOAD, Quantity.TEMPERATURE)]
    )
    figures = [course_figure(study, cell), *traces]
    fidelity = next(
        (f for f in study.analysis.fidelity if f.model == cell.model.id and f.configuration == cell.configuration.id), None
    )
    parameters = json.dumps(spec_content(cell.runs[-1].spec), indent=2, sort_keys=True) if cell.runs else ""
    label = label_of(cell.configuration)
    content = CellContent(
        cell, label, fidelity, tuple(rows), tuple(f for f in figures if f is not None), shown, parameters,
        study.dataset.environment, _sample(study, cell), _energy_label(study, cell),
    )  # fmt: skip
    return _page(study, f"cells/{cell.slug}", "cell.html", f"{label} on {cell.model.label}", content, figures)


def _energy_label(study: StudyContext, cell: CellView) -> str | None:
    """Return the file of a cell's label in the study's folder, without its ending."""
    label = energy_label(study, cell)
    return None if label is None else label.path.removeprefix(study.root)


def _typical(cell: CellView) -> RunView | None:
    """Return the run whose duration is the median: the one shown in full."""
    runs = sorted((run for run in cell.ok if run.value("duration_s") is not None), key=lambda run: run.value("duration_s") or 0)
    return runs[(len(runs) - 1) // 2] if runs else None


def _sample(study: StudyContext, cell: CellView) -> tuple[str, str] | None:
    """Return the first output of the cell: text and token ids."""
    for run in cell.ok:
        for request in run.requests[:1]:
            output = study.dataset.outputs.get(request.output_sha256 or "")
            if output is not None:
                return output.text, " ".join(str(token) for token in output.token_ids)
    return None


def _fidelity(study: StudyContext, reference: str | None) -> Page:
    dataset = study.dataset
    labels = dataset.labels
    models = {m.id: m.label for m in dataset.study.models}
    rows = tuple((models[f.model], labels[f.configuration], f) for f in study.analysis.fidelity)
    figures = tuple(f for f in (match_figure(study), tokens_figure(study)) if f is not None)
    name = labels.get(reference or "")
    headline = sameness(study.analysis.fidelity).headline(name or "the reference", imported=dataset.imported)
    content = FidelityContent(headline, rows, name, figures, same_length(study))
    return _page(study, "fidelity", "fidelity.html", "Fidelity", content, figures)


def _validity(study: StudyContext) -> Page:
    dataset = study.dataset
    found = quality(dataset)
    excluded = tuple((cell_link(cell), run) for cell, run in found.excluded)
    planned = len(dataset.cells) * dataset.study.protocol.repetitions
    calibrated = calibration(dataset.calibrations, dataset.study.protocol.repetitions)
    lines = () if calibrated is None else calibrated.lines()
    figures = tuple(figure for item in found.agreements if (figure := agreement_figure(study, item)) is not None)
    content = ValidityContent(found, excluded, max(planned, dataset.outcomes.total()), lines, figures)
    return _page(study, "validity", "validity.html", "Validity", content, figures)


def _guidelines(study: StudyContext) -> Page:
    helper = helper_of(study)
    data = "" if helper is None else embedded_json(asdict(helper))
    tradeoff = next((f for item in study.analysis.tradeoffs if (f := tradeoff_figure(study, item)) is not None), None)
    found = study.analysis
    content = GuidelinesContent(
        found.guidelines, found.declared, study.dataset.labels, helper, data, guidelines_heading(study), tradeoff
    )
    return _page(study, "guidelines", "guidelines.html", "Guidelines", content, [tradeoff])


def _methods(study: StudyContext) -> Page:
    order = order_figure(study)
    energy = [phases_figure(study, model.id) for model in study.dataset.models[:3]]
    content = methods_content(study, order, tuple(figure for figure in energy if figure is not None))
    return _page(study, "methods", "methods.html", "Methods", content, [order, *energy])


def _environment(study: StudyContext) -> Page:
    dataset = study.dataset
    outcomes = tuple((outcome.value.replace("_", " "), number) for outcome, number in sorted(dataset.outcomes.items()))
    known = () if dataset.environment is None else advice(dataset.environment)
    methods = {m.value for cell in dataset.cells for m in cell.methods("energy_j")}
    told = tuple(f"{b}, {' and '.join(sorted(methods))}; idle power included" for b in dataset.boundaries("energy_j"))
    timeline = any(run.start_ns and run.duration_s for run in dataset.runs)
    content = EnvironmentContent(dataset.environment, known, dataset.preparations, outcomes, told, timeline)
    return _page(study, "environment", "environment.html", "Environment", content)


def _data(study: StudyContext, study_text: str, settings: Site) -> Page:
    shown = has_values(study.dataset)
    badge, codes = (badge_svg(study).decode(), badge_code(study, settings)) if shown else ("", ())
    content = DataContent(
        study_text, *citation(study, settings), _pictures(study), data_heading(study), badge, codes, COLUMNS if shown else {}
    )
    return _page(study, "data", "data.html", "Data", content)


def _pictures(study: StudyContext) -> tuple[tuple[str, str], ...]:
    """Return (of what, file) of the cards."""
    return tuple((card.about, card.path.removeprefix(study.root)) for card in cards_of(study))
