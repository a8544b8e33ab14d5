"""Is a run's measurement usable? Reason codes, checks, and the verdict. Pure: from records and declared thresholds alone."""

from greenreport.validity.advice import Advice, advice
from greenreport.validity.agreement import Agreement, agreements
from greenreport.validity.checks import excludes, foreign_load, judged, validity_flags
from greenreport.validity.quantisation import Quantum, quantum
from greenreport.validity.reason_codes import CODES, Code

__all__ = [
    "CODES",
    "Advice",
    "Agreement",
    "Code",
    "Quantum",
    "advice",
    "agreements",
    "excludes",
    "foreign_load",
    "judged",
    "quantum",
    "validity_flags",
]
