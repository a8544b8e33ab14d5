"""The page of validity: which runs count, which do not and why, and how well the meters agree."""

from __future__ import annotations

from dataclasses import dataclass

from greenreport.analysis.measure.calibration import calibration
from greenreport.analysis.measure.measurement_quality import MeasurementQuality, quality
from greenreport.report.context import StudyContext
from greenreport.report.figures.instrument_agreement import agreement_figure
from greenreport.report.order_sentences import OrderSentence, order_sentences, settling_sentence
from greenreport.report.page import Page, study_page


@dataclass(frozen=True, slots=True)
class ValidityContent:
    """Which runs count, and why.

    Attributes:
        planned: number of runs that were planned or made.
        calibration: name and text of what measuring costs on the machine; empty where nothing was calibrated.
        order: what the order of the runs does to the tested metrics, by effect, and whether windows had settled.
    """

    quality: MeasurementQuality
    planned: int
    calibration: tuple[tuple[str, str], ...]
    order: tuple[OrderSentence, ...]


def validity_page(study: StudyContext) -> Page[ValidityContent]:
    """Return the page."""
    dataset, measured = study.dataset, quality(study.dataset)
    repetitions = dataset.repetitions
    calibrated = calibration(dataset.calibrations, repetitions)
    sentences = [sentence for item in study.analysis.order for sentence in order_sentences(item)]
    effects = list(dict.fromkeys(sentence.effect for sentence in sentences))
    sentences.sort(key=lambda sentence: effects.index(sentence.effect))
    settled = settling_sentence(study.analysis.settling)
    content = ValidityContent(
        quality=measured,
        planned=max(len(dataset.cells) * repetitions, dataset.outcomes.total()),
        calibration=() if calibrated is None else calibrated.lines(),
        order=(*sentences, *(() if settled is None else (settled,))),
    )
    figures = [f for item in measured.agreements if (f := agreement_figure(study, item)) is not None]
    return study_page(study, "validity", "validity.html", "Validity", content, figures)
