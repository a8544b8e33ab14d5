"""The figures of a study: which rows go into which chart, and the sentences around it."""

from greenreport.report.figures.agreement import agreement_figure, signed
from greenreport.report.figures.cells import hole, matrix_figure, median_of
from greenreport.report.figures.comparison import quotient_figure, slope_figure
from greenreport.report.figures.frontier import by_model, curves_figure, front_figure, series_looks
from greenreport.report.figures.runs import order_figure, phases_figure, trace_figure
from greenreport.report.figures.tested import forest_figure, pairs_figure, strip_figure
from greenreport.report.figures.tradeoffs import tradeoff_figure
from greenreport.report.figures.words import PHASE_NAMES, metric_bands, ratio_text, times

__all__ = [
    "PHASE_NAMES",
    "agreement_figure",
    "by_model",
    "curves_figure",
    "forest_figure",
    "front_figure",
    "hole",
    "matrix_figure",
    "median_of",
    "metric_bands",
    "order_figure",
    "pairs_figure",
    "phases_figure",
    "quotient_figure",
    "ratio_text",
    "series_looks",
    "signed",
    "slope_figure",
    "strip_figure",
    "times",
    "trace_figure",
    "tradeoff_figure",
]
