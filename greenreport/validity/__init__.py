"""Whether a run's measurement is usable: reason codes, checks, and the verdict, from records and declared thresholds alone."""

from greenreport.validity.advice import Advice, advice
from greenreport.validity.agreement import Agreement, agreements
from greenreport.validity.foreign_load_checks import foreign_load
from greenreport.validity.judge import excludes, judged, validity_flags
from greenreport.validity.quantisation import Quantum, quantum
from greenreport.validity.reason_codes import CODES, Code

__all__ = [
    "CODES", "Advice", "Agreement", "Code", "Quantum", "advice", "agreements", "excludes", "foreign_load", "judged", "quantum",
    "validity_flags",
]  # fmt: skip
