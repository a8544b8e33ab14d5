"""The page of fidelity: do the configurations produce the same outputs?"""

from __future__ import annotations

import math
from dataclasses import dataclass

from greenreport.analysis.measure.fidelity import CellFidelity, gate_of, sameness
from greenreport.report.context import StudyContext
from greenreport.report.figures.fidelity import match_figure
from greenreport.report.figures.request_distributions import same_length, tokens_figure
from greenreport.report.page import Page, study_page


@dataclass(frozen=True, slots=True)
class FidelityContent:
    """Do the configurations produce the same outputs?

    Attributes:
        rows: labels of model and configuration, and how its outputs compare with those of the reference.
        same_length: a sentence, where every output has the same number of tokens.
        gated: whether a cell may be kept from being ranked by its outputs alone.
    """

    headline: str
    rows: tuple[tuple[str, str, CellFidelity], ...]
    same_length: str | None
    gated: bool


def fidelity_page(study: StudyContext) -> Page[FidelityContent]:
    """Return the page."""
    dataset, fidelity = study.dataset, study.analysis.fidelity
    models = {model.id: model.label for model in dataset.study.models}
    figures = [figure for figure in (match_figure(study), tokens_figure(study)) if figure is not None]
    reference = dataset.labels.get(study.reference or "", "the reference")
    headline = sameness(fidelity).headline(reference, imported=dataset.imported)
    rows = tuple((models[f.model], dataset.labels[f.configuration], f) for f in fidelity)
    content = FidelityContent(headline, rows, same_length(study), gate_of(dataset.study) != (0.0, math.inf))
    return study_page(study, "fidelity", "fidelity.html", "Fidelity", content, figures)
