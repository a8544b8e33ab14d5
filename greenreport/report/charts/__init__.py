"""One pure function for each kind of chart: rows in, Vega-Lite specification out.

Charts carry no title: the finding stands in the caption. Every scale has an explicit domain, jitter comes from a digest, nothing is
random, so the same rows give the same bytes. Colours are theme variables (see `style`).
"""

from greenreport.report.charts.cells import matrix
from greenreport.report.charts.comparison import quotients, slope
from greenreport.report.charts.frontier import curves, front
from greenreport.report.charts.instruments import Limits, agreement
from greenreport.report.charts.rows import (
    AgreementRow,
    BandRow,
    CellRow,
    FrontRow,
    LoadRow,
    PairRow,
    PointRow,
    QuotientRow,
    RatioRow,
    RunRow,
    SampleRow,
    SlopeRow,
)
from greenreport.report.charts.runs import order, stacked, trace
from greenreport.report.charts.tested import forest, pairs, strip
from greenreport.report.charts.tradeoffs import tradeoff

__all__ = [
    "AgreementRow",
    "BandRow",
    "CellRow",
    "FrontRow",
    "Limits",
    "LoadRow",
    "PairRow",
    "PointRow",
    "QuotientRow",
    "RatioRow",
    "RunRow",
    "SampleRow",
    "SlopeRow",
    "agreement",
    "curves",
    "forest",
    "front",
    "matrix",
    "order",
    "pairs",
    "quotients",
    "slope",
    "stacked",
    "strip",
    "trace",
    "tradeoff",
]
