"""An audit: all rules over one table."""

from __future__ import annotations

import warnings

import numpy as np

from greenreport.audit.findings import Audit, AuditFinding, RuleId, Severity
from greenreport.audit.rules import RULES
from greenreport.audit.table import AuditedTable
from greenreport.imports.results_table import ResultsTable

_SEVERITIES = list(Severity)
_RULES = list(RuleId)


def audit(table: ResultsTable) -> Audit:
    """Return what is wrong with a table of results; nothing is corrected."""
    audited = AuditedTable(table)
    found: list[AuditFinding] = []
    idle: list[RuleId] = []
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # medians of columns without a value are no news
        for rule in RULES.values():
            findings = rule.check(audited) if len(table) else None
            found += findings or []
            idle += [rule.id] if findings is None else []
    found.sort(key=lambda finding: (_SEVERITIES.index(finding.severity), _RULES.index(finding.rule)))
    applied = tuple(rule for rule in RULES if rule not in idle)
    return Audit(table.source, table.format, table.digest, len(table), len(audited.groups), tuple(found), applied, tuple(idle))
