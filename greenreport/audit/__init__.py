"""What is wrong with a table of results: rules over rows that should be alike, with evidence in numbers and the effect on the answer."""

from greenreport.audit.audit import audit
from greenreport.audit.findings import Audit, AuditFinding, Evidence, ResultAnswer, ResultEffect, RuleId, Severity
from greenreport.audit.rules import RULES, Rule
from greenreport.audit.words import describe

__all__ = [
    "RULES",
    "Audit",
    "AuditFinding",
    "Evidence",
    "ResultAnswer",
    "ResultEffect",
    "Rule",
    "RuleId",
    "Severity",
    "audit",
    "describe",
]
