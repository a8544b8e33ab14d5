"""The page of guidelines: which configuration for which objective, and the decision aid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.analysis.measure.fidelity import losses
from greenreport.report.context import StudyContext, on_models
from greenreport.report.drawing.inline_json import embedded_json
from greenreport.report.figure import Figure
from greenreport.report.figures.tradeoffs import tradeoff_figure
from greenreport.report.page import Page, study_page
from greenreport.report.pages.decision_aid import DecisionAid, decision_aid


@dataclass(frozen=True, slots=True)
class GuidelinesContent:
    """Recommendations.

    Attributes:
        aid: the decision aid; `aid_json`: the same for the page's script, safe inside a script element.
        losing: cells that lose too many right answers, each with the reason.
    """

    aid: DecisionAid | None
    aid_json: str
    heading: str
    tradeoff: Figure | None
    losing: tuple[str, ...]


def guidelines_page(study: StudyContext) -> Page[GuidelinesContent]:
    """Return the page."""
    aid = decision_aid(study)
    tradeoff = next((f for item in study.analysis.tradeoffs if (f := tradeoff_figure(study, item)) is not None), None)
    content = GuidelinesContent(
        aid=aid,
        aid_json="" if aid is None else embedded_json(asdict(aid)),
        heading=guidelines_heading(study),
        tradeoff=tradeoff,
        losing=tuple(_losing(study)),
    )
    return study_page(study, "guidelines", "guidelines.html", "Guidelines", content, () if tradeoff is None else (tradeoff,))


def _losing(study: StudyContext) -> Iterator[str]:
    models = {model.id: model.label for model in study.dataset.models}
    for (model, configuration), reason in losses(study.analysis.fidelity).items():
        yield f"{study.dataset.labels[configuration]} on {models[model]} ({reason})"


def guidelines_heading(study: StudyContext) -> str:
    """Return the configuration that leads in the first objective, and on how many models."""
    for guideline in study.analysis.guidelines:
        standing = guideline.standing
        if standing is not None:
            wins = dict(standing.wins).get(standing.leader.id, 0)
            return f"{guideline.objective.wish}: {label_of(standing.leader)} {on_models(wins, standing.models, study.dataset.subject)}"
    return "These runs do not yet show what to choose"
