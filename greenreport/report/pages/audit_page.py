"""The page of the audit: what is wrong with the runs of a study, seen as a table, and what each defect does to the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from greenreport.audit import RULES, Audit, AuditFinding, ResultAnswer, ResultEffect, Rule, Severity, audit
from greenreport.audit.run_rows import row_names
from greenreport.audit.words import amount, compared, p_text
from greenreport.report.context import StudyContext
from greenreport.report.page import Page, study_page
from greenreport.results import runs_table
from greenreport.units import counted, number

#: Of so many runs the names are printed; findings.json and ``greenreport audit --json`` have all.
SHOWN_RUNS = 30
#: What a severity means, below its heading.
MEANINGS = {
    Severity.CHANGES_RESULT: "A comparison gives a different result without these values, or with others in their place.",
    Severity.DOUBTFUL: "The values alone cannot decide: somebody has to look at how they were measured.",
    Severity.NOTE: "No number is wrong; whoever uses these should know.",
}


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """An answer on one basis, as the cells of a table; `p` is empty where nothing was tested."""

    basis: str
    said: str
    p: str
    rows: int


@dataclass(frozen=True, slots=True)
class FindingView:
    """A finding as the page shows it.

    Attributes:
        runs: names of the affected runs, the first of them; others: how many more there are.
        compared: what the answers compare, empty where no answer depends on the finding.
        share: in how many comparisons the answer changes, in words.
    """

    finding: AuditFinding
    rule: Rule
    runs: tuple[str, ...]
    others: int
    compared: str
    share: str
    answers: tuple[AnswerRow, ...]


@dataclass(frozen=True, slots=True)
class AuditContent:
    """The findings on the runs of a study.

    Attributes:
        audit: None where the study has no run that counts.
        sections: findings by severity with what the severity means, without those that have none.
        applied, idle: titles of rules that had something to look at, and of those that had not.
    """

    audit: Audit | None
    sections: tuple[tuple[Severity, str, tuple[FindingView, ...]], ...]
    applied: tuple[str, ...]
    idle: tuple[str, ...]


def audit_page(study: StudyContext) -> Page[AuditContent]:
    """Return the page."""
    table = runs_table(study.dataset)
    if not len(table):
        content = AuditContent(None, (), (), tuple(rule.title for rule in RULES.values()))
        return study_page(study, "audit", "audit.html", "Audit", content, description="There are no runs yet to look at.")
    found, names = audit(table), row_names(table)
    sections = tuple(
        (severity, MEANINGS[severity], tuple(_view(finding, names) for finding in found.of(severity)))
        for severity in Severity
        if found.of(severity)
    )
    applied, idle = (tuple(RULES[rule].title for rule in rules) for rules in (found.applied, found.idle))
    content = AuditContent(found, sections, applied, idle)
    return study_page(study, "audit", "audit.html", "Audit", content, description=headline(found))


def headline(found: Audit) -> str:
    """Return what an audit found, in one sentence."""
    changing, doubtful = len(found.of(Severity.CHANGES_RESULT)), len(found.of(Severity.DOUBTFUL))
    doubts = f"{counted(doubtful, 'finding is', 'findings are')} doubtful"
    if changing:
        change = f"{counted(changing, 'finding changes', 'findings change')} a result"
        return f"{change}, and {counted(doubtful, 'is', 'are')} doubtful" if doubtful else change
    return f"No finding changes a result; {doubts}" if doubtful else "No finding changes a result, and none is doubtful"


def _view(finding: AuditFinding, names: Mapping[int, str]) -> FindingView:
    runs = tuple(names[line] for line in finding.lines[:SHOWN_RUNS])
    effect = finding.effect
    share = ""
    if effect is not None and effect.comparisons > 1:
        share = (
            f"The answer changes in {effect.changed} of {effect.comparisons} comparisons; this is the one that changes most."
        )
    answers = () if effect is None else tuple(_answer(item, effect) for item in (effect.as_is, *effect.instead))
    about = "" if effect is None else compared(effect)
    return FindingView(finding, RULES[finding.rule], runs, len(finding.lines) - len(runs), about, share, answers)


def _answer(answer: ResultAnswer, effect: ResultEffect) -> AnswerRow:
    said = "no row is left" if not answer.rows else amount(answer.mean, effect.unit)
    if answer.best and answer.best == answer.worst:
        said = "all levels are equal"
    elif answer.best:
        factor = "" if answer.ratio is None else f" by a factor of {number(answer.ratio)}"
        said = f"{answer.best} is better than {answer.worst}{factor}"
    return AnswerRow(answer.basis, said, "" if answer.p is None else p_text(answer.p), answer.rows)
