"""The figures of a study: which rows go into which chart, and the sentences around it."""

from greenreport.report.figures.agreement import agreement_figure, signed
from greenreport.report.figures.cells import hole, matrix_figure
from greenreport.report.figures.comparison import quotient_figure, slope_figure
from greenreport.report.figures.course import course_figure
from greenreport.report.figures.fidelity import match_figure
from greenreport.report.figures.footprint import amount_words, footprint_figures
from greenreport.report.figures.frontier import by_model, curves_figure, series_looks
from greenreport.report.figures.frontier_front import front_figure
from greenreport.report.figures.requests import same_length, tokens_figure, wait_figures
from greenreport.report.figures.runs import order_figure, phases_figure, trace_figure
from greenreport.report.figures.sides import components_figure, over_models
from greenreport.report.figures.significance import significance_figure
from greenreport.report.figures.tested import forest_figure, pairs_figure, strip_figure
from greenreport.report.figures.tradeoffs import tradeoff_figure
from greenreport.report.figures.words import PHASE_NAMES, metric_bands, ratio_text, times

__all__ = [
    "PHASE_NAMES",
    "agreement_figure",
    "amount_words",
    "by_model",
    "components_figure",
    "course_figure",
    "curves_figure",
    "footprint_figures",
    "forest_figure",
    "front_figure",
    "hole",
    "match_figure",
    "matrix_figure",
    "metric_bands",
    "order_figure",
    "over_models",
    "pairs_figure",
    "phases_figure",
    "quotient_figure",
    "ratio_text",
    "same_length",
    "series_looks",
    "signed",
    "significance_figure",
    "slope_figure",
    "strip_figure",
    "times",
    "tokens_figure",
    "trace_figure",
    "tradeoff_figure",
    "wait_figures",
]
