"""One pure function for each kind of chart: rows in, Vega-Lite specification out.

Charts carry no title: the finding stands in the caption. Every scale has an explicit domain, jitter comes from a digest, nothing is
random, so the same rows give the same bytes. Colours are theme variables (see `style`).
"""

from greenreport.report.charts.amounts import amounts
from greenreport.report.charts.cells import matrix
from greenreport.report.charts.comparison import quotients, slope
from greenreport.report.charts.course import course
from greenreport.report.charts.distribution import distribution
from greenreport.report.charts.faithful import faithful
from greenreport.report.charts.frontier import curves, front
from greenreport.report.charts.instruments import Limits, agreement
from greenreport.report.charts.rows import (
    AgreementRow,
    AmountRow,
    BandRow,
    CellRow,
    CourseRow,
    EffectRow,
    FrontRow,
    LoadRow,
    MatchRow,
    PairRow,
    PointRow,
    QuotientRow,
    RatioRow,
    RunRow,
    SampleRow,
    SlopeRow,
    StepRow,
)
from greenreport.report.charts.runs import order, stacked, trace
from greenreport.report.charts.significance import significance
from greenreport.report.charts.tested import forest, pairs, strip
from greenreport.report.charts.tradeoffs import tradeoff

__all__ = [
    "AgreementRow",
    "AmountRow",
    "BandRow",
    "CellRow",
    "CourseRow",
    "EffectRow",
    "FrontRow",
    "Limits",
    "LoadRow",
    "MatchRow",
    "PairRow",
    "PointRow",
    "QuotientRow",
    "RatioRow",
    "RunRow",
    "SampleRow",
    "SlopeRow",
    "StepRow",
    "agreement",
    "amounts",
    "course",
    "curves",
    "distribution",
    "faithful",
    "forest",
    "front",
    "matrix",
    "order",
    "pairs",
    "quotients",
    "significance",
    "slope",
    "stacked",
    "strip",
    "trace",
    "tradeoff",
]
