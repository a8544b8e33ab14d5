"""The page of answers: how many are right, what a right one takes, and what may be concluded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from greenreport.analysis.quality.judgement import ConfigurationQuality, Loss, ModelQuality, StudyQuality
from greenreport.report.context import StudyContext
from greenreport.report.figures.right_answers import cost_figure, cost_ratio_figure, shares_figure
from greenreport.report.page import Page, study_page
from greenreport.units import THIN, counted, listed, p_equation, percent


@dataclass(frozen=True, slots=True)
class ModelAnswers:
    """The answers of one model.

    Attributes:
        findings: sentences on what they mean.
        energies: whether energy per right answer is known.
        modelled: whether it is modelled from the CPU load, so that it answers nothing.
    """

    quality: ModelQuality
    findings: tuple[str, ...]
    energies: bool
    modelled: bool


@dataclass(frozen=True, slots=True)
class AnswersContent:
    """How many answers are right, and what one takes.

    Attributes:
        limits: what the judgement does not say.
        pass_at: the k of pass@k, besides 1.
    """

    headline: str
    models: tuple[ModelAnswers, ...]
    limits: tuple[str, ...]
    pass_at: tuple[int, ...]


def answers_page(study: StudyContext, quality: StudyQuality) -> Page[AnswersContent]:
    """Return the page."""
    headline = answers_headline(study, quality.models[0])
    measured = any(row.answers.joules is not None for item in quality.models for row in item.rows)
    models = quality.models
    drawn = [
        shares_figure(study, models),
        cost_ratio_figure(study, models, of_energy=True) if measured else None,
        cost_ratio_figure(study, models, of_energy=False),
        cost_figure(study, models, of_energy=measured),
    ]
    figures = [figure for figure in drawn if figure is not None]
    content = AnswersContent(
        headline=headline if len(quality.models) == 1 else f"On {quality.models[0].model.label}, {headline}",
        models=tuple(_model(study, item, quality) for item in quality.models),
        limits=tuple(_limits(study, quality)),
        pass_at=tuple(k for k in quality.declared.k if k > 1),
    )
    return study_page(study, "answers", "answers.html", "Right answers", content, figures, description=content.headline)


def answers_headline(study: StudyContext, item: ModelQuality) -> str:
    """Return how many problems the reference solves, who loses most against it, and who gains."""
    labels, reference = study.dataset.labels, item.row(item.reference)
    others = sorted((row for row in item.rows if row.difference is not None), key=_points)
    if reference is None or not others:
        return f"{labels[item.rows[0].configuration]} answers {item.rows[0].right()} correctly"
    name = labels[reference.configuration]
    of = f"{reference.right()}{' problems' if reference.answers.steady else ''}"
    if all(_points(row) == 0 for row in others):
        together = "Both configurations solve" if len(others) == 1 else f"All {len(others) + 1} configurations solve"
        return f"{together} {of}"
    worst, best = others[0], others[-1]
    shown = worst if _points(worst) < 0 else best
    text = f"{labels[shown.configuration]} solves {shown.right()}{' problems' if shown.answers.steady else ''}, {shown.beside(name)}"
    if best is shown or _points(best) == _points(shown):
        return text
    return f"{text}; {labels[best.configuration]} solves {best.against()}"


def _points(row: ConfigurationQuality) -> float:
    return 0.0 if row.difference is None else row.difference.value


def _model(study: StudyContext, item: ModelQuality, quality: StudyQuality) -> ModelAnswers:
    cells = [row.answers.cell for row in item.rows]
    return ModelAnswers(
        item,
        tuple(_findings(study, item, quality)),
        any(cell.recorded("j_per_right_answer") for cell in cells),
        any(cell.modelled("j_per_right_answer") for cell in cells),
    )


def _findings(study: StudyContext, item: ModelQuality, quality: StudyQuality) -> Iterator[str]:
    """Yield what the numbers of a model mean, in sentences."""
    labels = study.dataset.labels
    reference = labels.get(item.reference or "", "the reference")
    bound = f"{100 * quality.declared.largest_loss:g}{THIN}percentage points"
    lost = [row for row in item.rows if row.lost]
    if lost:
        names = listed([labels[row.configuration] for row in lost])
        certain = [labels[row.configuration] for row in lost if row.loss is Loss.LOST_FOR_CERTAIN]
        sure = (
            f"Of {listed(certain)} this is certain for problems of this kind"
            if certain
            else "With so few problems that is certain of none of them"
        )
        many = "loses" if len(lost) == 1 else "lose"
        yield f"{names} {many} more than {bound} against {reference}, which is more than the study allows: shown, and not ranked. {sure}."
    apart = [row for row in item.rows if row.p_adjusted is not None and row.p_adjusted < quality.alpha]
    open_rows = [row for row in item.rows if row.p_adjusted is not None and row.p_adjusted >= quality.alpha]
    if apart:
        shown = listed([f"{labels[row.configuration]} ({row.against()}, p {p_equation(row.p_adjusted)})" for row in apart])
        yield f"Shown to differ from {reference}: {shown}."
    if open_rows:
        yield f"Not shown to differ from {reference}: {listed([labels[row.configuration] for row in open_rows])}. That is no proof that they are alike; the intervals say how large a difference may be."
    ranked = [row for row in item.rows if not row.lost and row.answers.cell.median("s_per_right_answer") is not None]
    cheapest = min(ranked, key=lambda row: row.answers.cell.median("s_per_right_answer") or 0.0, default=None)
    if cheapest is not None and cheapest.configuration == item.reference and len(ranked) > 1:
        yield f"Of the configurations that are ranked, a right answer takes the least time with the reference, {reference}, itself."


def _limits(study: StudyContext, quality: StudyQuality) -> Iterator[str]:
    """Yield what the judgement does not say."""
    workload = study.dataset.study.workload
    problems = sorted({row.problems for item in quality.models for row in item.rows})
    yield (
        f"There are {problems[-1]} problems, from one source ({workload.prompts.source}). Other tasks, other prompts and other languages may give other results; the intervals apply "
        "to further problems of this kind, no more."
    )
    rows = [row for item in quality.models for row in item.rows]
    if all(row.answers.steady for row in rows):
        yield "Each configuration answers a problem correctly in every run or in none, as greedy decoding does: repeating the runs makes times and energies surer, and says nothing new about the answers."
    cut = [(row, *_cut(row)) for row in rows]
    most = max(cut, key=lambda part: part[1] / max(1, part[2]))
    if most[1]:
        label = study.dataset.labels[most[0].configuration]
        length = workload.generation.output_tokens
        limit = f" of {counted(length, 'token')}" if isinstance(length, int) else ""
        yield (
            f"An answer ends at a limit{limit}. With {label}, {percent(most[1] / most[2])} of the answers were cut there, more than with any other configuration; "
            "with more room some of them might be right."
        )
    yield "An answer counts as right when it passes the tests of its problem. Tests can be passed by wrong programs, and an answer in an unexpected form can fail them."


def _cut(row: ConfigurationQuality) -> tuple[int, int]:
    """Return how many answers of a configuration were cut at the limit of tokens, and how many there are."""
    problems = frozenset(row.answers.problems)
    ends = Counter(r.finish_reason for run in row.answers.cell.ok for r in run.requests if r.prompt_sha256 in problems)
    return ends["length"], ends.total()
