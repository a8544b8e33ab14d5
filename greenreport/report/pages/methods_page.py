"""The page of the methods: protocol planned against actual, instruments, statistics, threats to validity."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from greenreport.analysis.hypotheses.detectable_difference import Sensitivity, sensitivities
from greenreport.analysis.hypotheses.preregistration import Preregistration, preregistration
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.stats import RANDOM_FROM, Description, describe
from greenreport.record import Mark, Phase
from greenreport.report.context import StudyContext
from greenreport.report.figure import Figure
from greenreport.report.figures.energy_breakdown import phases_figure
from greenreport.report.figures.execution_order import order_figure
from greenreport.report.figures.traces import PHASE_NAMES
from greenreport.report.load_description import window_words
from greenreport.report.page import Page, study_page
from greenreport.report.pages.study_design import (
    PROMPTS,
    FactorLevel,
    InstrumentErrors,
    instrument_errors,
    instruments,
    levels,
    protocol_facts,
    subjects,
    workload_facts,
)
from greenreport.report.pages.threats_to_validity import Threats, threats_to_validity
from greenreport.report.simulation import Nearest, Simulated, simulated

#: Phases of a run in the order of time.
ORDER = (
    Phase.COOLDOWN, Phase.START, Phase.LOAD, Phase.COMPILE, Phase.IDLE_BEFORE, Phase.WARMUP, Phase.WINDOW, Phase.IDLE_AFTER, Phase.STOP,
)  # fmt: skip
TIMING = (
    "Times are read from one monotonic clock that counts nanoseconds, which adds nothing that shows. CPU time is counted by the kernel in ticks, and "
    "other values may come in steps too: wherever the values of a metric show a step, its rounding is added to the error of their ratios."
)
MODELS_DRAWN = 3  # models whose energy is drawn by phase; the others have it on their own pages


@dataclass(frozen=True, slots=True)
class PhaseSummary:
    """A phase over all runs: planned and actual."""

    name: str
    runs: int
    planned_s: float | None
    description: Description
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MethodsContent:
    """How the study was done, and what could be wrong with it.

    Attributes:
        missing: listed meters that are not on this machine: name, cause, remedy.
        events: what meters that were read had to say: name, cause, remedy.
        workload, protocol, instruments: (name, text) of how servers were loaded, of the phases of a run as declared, and of the meters
            that were read.
        errors: what is known of the errors of the instruments that energy was read from.
        window: what the measured window covers.
        subjects: (label, source, parameters, weights) of the models.
        independence: why runs are treated as independent.
        shortfalls: a sentence for each hypothesis whose smallest effect of interest these runs cannot be expected to find.
        timing: what the clock adds to times, and rounding to values that come in steps; empty for imported values.
        funnel: models left before and after each criterion of the selection, as declared; a dash where the study does not say.
        random_from: models from which on a mean speaks of models like these.
        nearest: the simulated design nearest to the study's; None where no test is made.
    """

    phases: tuple[PhaseSummary, ...]
    missing: tuple[tuple[str, str, str], ...]
    events: tuple[tuple[str, str, str], ...]
    threats: Threats
    registered: Preregistration | None
    workload: tuple[tuple[str, str], ...]
    window: str
    independence: str
    levels: tuple[FactorLevel, ...]
    subjects: tuple[tuple[str, str, str, str], ...]
    protocol: tuple[tuple[str, str], ...]
    instruments: tuple[tuple[str, str], ...]
    errors: tuple[InstrumentErrors, ...]
    prompts: str
    sensitivities: tuple[Sensitivity, ...]
    shortfalls: tuple[str, ...]
    timing: str
    order: Figure | None
    phase_figures: tuple[Figure, ...]
    simulated: Simulated
    nearest: Nearest | None
    funnel: tuple[str, ...] = ()
    random_from: int = RANDOM_FROM


def methods_page(study: StudyContext) -> Page[MethodsContent]:
    """Return the page."""
    dataset, order = study.dataset, order_figure(study)
    size = len(dataset.configurations)
    drawn = (phases_figure(study, model.id) for model in dataset.models[:MODELS_DRAWN])
    remarks = {(m.meter, m.cause, m.remedy): m.meter in dataset.meters for run in dataset.runs for m in run.missing}
    able = sensitivities(dataset, study.analysis.findings)
    content = MethodsContent(
        phases=tuple(_phases(dataset)),
        missing=tuple(remark for remark, read in remarks.items() if not read),
        events=tuple(remark for remark, read in remarks.items() if read),
        threats=threats_to_validity(dataset, study.analysis.order),
        registered=preregistration(dataset),
        workload=tuple(workload_facts(dataset)),
        window="not known" if dataset.imported else window_words(dataset.study.workload),
        independence=_independence(dataset),
        levels=tuple(levels(dataset)),
        subjects=tuple(subjects(dataset)),
        protocol=() if dataset.imported else tuple(protocol_facts(dataset.study.protocol)),
        instruments=tuple(instruments(dataset)),
        errors=tuple(instrument_errors(dataset)),
        prompts="a source that is not known here" if dataset.imported else PROMPTS[dataset.study.workload.prompts.source],
        sensitivities=able,
        shortfalls=tuple(sentence for item in able if (sentence := item.shortfall()) is not None),
        timing="" if dataset.imported else TIMING,
        order=order,
        phase_figures=tuple(figure for figure in drawn if figure is not None),
        funnel=_funnel(dataset),
        simulated=simulated(),
        nearest=simulated().nearest(size, dataset.fewest) if dataset.fewest and size > 1 else None,
    )
    figures = (*(() if order is None else (order,)), *content.phase_figures)
    return study_page(study, "methods", "methods.html", "Methods", content, figures)


def _funnel(dataset: Dataset) -> tuple[str, ...]:
    selection = dataset.study.selection
    if selection is None:
        return ()
    numbers = (selection.candidates, *(criterion.left for criterion in selection.criteria))
    return tuple("–" if number is None else f"{number:,}" for number in numbers)


def _independence(dataset: Dataset) -> str:
    """Return why runs are treated as independent."""
    if dataset.imported:
        return "Runs are treated as independent; whether the order in which they were made allows that is not known."
    if dataset.study.protocol.order.design == "fixed":
        return "Runs are treated as independent, although their order was fixed: a slow change of the machine would look like a difference."
    return (
        "Blocks are treated as independent; the runs of one share its effect. Slow changes of the machine fall on all configurations of a "
        "block about equally, and largely cancel when these are compared within it."
    )


def _phases(dataset: Dataset) -> Iterator[PhaseSummary]:
    marks: dict[Phase, list[Mark]] = {}
    for cell in dataset.cells:
        for run in cell.ok:
            for row in run.phases:
                marks.setdefault(row.mark.phase, []).append(row.mark)
    for phase in (phase for phase in ORDER if phase in marks):
        notes = tuple(dict.fromkeys(mark.note for mark in marks[phase] if mark.note))[:3]
        planned = next((mark.planned_s for mark in marks[phase] if mark.planned_s is not None), None)
        durations = describe([mark.duration_s for mark in marks[phase]])
        yield PhaseSummary(PHASE_NAMES[phase], len(marks[phase]), planned, durations, notes)
