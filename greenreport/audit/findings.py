"""What an audit says: findings with their evidence in numbers, and what each defect does to the answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters, the worst first."""

    CHANGES_RESULT = "changes the result"
    DOUBTFUL = "doubtful"
    NOTE = "note"


class RuleId(StrEnum):
    """The rules of an audit, in the order of `rules.RULES`."""

    COUNTER_WRAP = "counter-wrap"
    COUNTER_RESET = "counter-reset"
    RUNNING_COUNTER = "running-counter"
    COUNTER_RANGE = "counter-range"
    NEGATIVE = "negative-value"
    ZERO = "zero-value"
    CONSTANT = "constant-column"
    STUCK = "stuck-channel"
    ASSUMED_POWER = "assumed-power"
    COPIED_REPETITION = "copied-repetition"
    COPIED_BLOCK = "copied-block"
    COPIED_COLUMN = "copied-column"
    COPIED_NUMBER = "copied-number"
    PART_ABOVE_WHOLE = "part-above-whole"
    IDENTITY = "broken-identity"
    PERCENTILE_ORDER = "percentile-order"
    UNIT_SLIP = "unit-slip"
    SHIFTED_PHASE = "shifted-phase"
    TRUNCATED_RUN = "truncated-run"
    UNEQUAL_REPETITIONS = "unequal-repetitions"
    REPEATED_REPETITION = "repeated-repetition"
    MISSING_METRIC = "missing-metric"
    FEW_DISTINCT = "few-distinct-values"
    COARSE_CLOCK = "coarse-clock"
    MEANS_ONLY = "means-only"
    LITTLES_LAW = "littles-law"
    RATE_NOT_REACHED = "rate-not-reached"
    LATE_CLIENT = "late-client"
    CHUNKS = "chunks-not-tokens"
    FAILED_REQUESTS = "failed-requests"
    OUTPUT_LENGTH = "output-length"
    UNEQUAL_WORK = "unequal-work"
    FASTER_REPEATS = "faster-repeats"
    CLOCKS_DIFFER = "clocks-differ"
    OUTLIER = "outlier"


class GroupComparison(StrEnum):
    """The test that compares the levels of a factor."""

    WELCH = "Welch's t test"
    KRUSKAL = "Kruskal–Wallis test"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One number of a finding: what it is, its value, and its unit (empty for counts and ratios)."""

    name: str
    value: float
    unit: str = ""


@dataclass(frozen=True, slots=True)
class ResultAnswer:
    """What the rows say of the compared levels, on one basis: as the file has them, without some, or corrected.

    Attributes:
        basis: which values were used, as a phrase ("as the file has it", "without the 29 rows").
        best, worst: the levels with the best and the worst mean; empty where nothing can be compared.
        ratio: mean of the larger of the two ÷ mean of the smaller; None where a mean is not positive, or one level is left.
        mean: of all values that were compared, in the metric's unit; NaN where none is left.
        p: of the test between all levels; None where the levels have too few rows for one.
        rows: how many were compared.
    """

    basis: str
    best: str
    worst: str
    ratio: float | None
    mean: float
    p: float | None
    rows: int


@dataclass(frozen=True, slots=True)
class ResultEffect:
    """What a defect does to the answer: the comparison it changes most, as the file has it and otherwise.

    Attributes:
        column: the metric that is compared, as the file spells it; unit: of the means.
        factor: the column whose levels are compared; empty where the table has one group.
        within: the levels of all other factors, which are held equal; empty where there are none.
        test: which test the p values are of; None where there are none.
        as_is: the answer of the table as it is; instead: the answers on other bases, the first being the one to believe.
        changed, comparisons: in how many comparisons of the table the answer changes, and how many hold affected rows.
    """

    column: str
    unit: str
    factor: str
    within: str
    test: GroupComparison | None
    as_is: ResultAnswer
    instead: tuple[ResultAnswer, ...]
    changed: int
    comparisons: int

    @property
    def material(self) -> bool:
        """Whether the answer changes (see `answer_changes`)."""
        return answer_changes(self.as_is, self.instead[0])


#: A ratio or mean that changes by less does not change an answer: it is below what two instruments of this field agree to.
MATERIAL_SHARE = 0.02
ALPHA = 0.05
#: A p value of another order of magnitude is another answer.
MATERIAL_P = 10.0


def answer_changes(first: ResultAnswer, second: ResultAnswer) -> bool:
    """Return whether two answers differ: another best level, a ratio 2 % apart, a p value across 0.05 or ten times another.

    Without levels to compare, their means are.
    """
    if first.best != second.best or (first.ratio is None) != (second.ratio is None):
        return True
    if first.ratio is None or second.ratio is None:
        return not abs(second.mean - first.mean) <= MATERIAL_SHARE * abs(
            first.mean
        )  # so is no mean at all, where no row is left
    if abs(second.ratio - first.ratio) > MATERIAL_SHARE * first.ratio:
        return True
    if first.p is None or second.p is None:
        return False
    low, high = sorted((max(first.p, 1e-300), max(second.p, 1e-300)))
    return low < ALPHA <= high or (high > MATERIAL_P * low and low < ALPHA)


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """One defect, or one thing to know, of a table of results.

    Attributes:
        columns: the columns it is in, as the file spells them.
        lines: the lines of the file it is in, ascending; empty where it is in the column as a whole.
        evidence: the numbers it rests on.
        sentence: what was found, with its numbers, for people.
        effect: what it does to the answer; None where no answer depends on it.
    """

    rule: RuleId
    severity: Severity
    columns: tuple[str, ...]
    lines: tuple[int, ...]
    evidence: tuple[Evidence, ...]
    sentence: str
    effect: ResultEffect | None = None

    def number(self, name: str) -> float:
        """Return a number of the evidence.

        Raises:
            KeyError: the finding has none of that name.
        """
        return {item.name: item.value for item in self.evidence}[name]


@dataclass(frozen=True, slots=True)
class Audit:
    """All findings on one table.

    Attributes:
        source, format, digest: of the table; rows, groups: how many it has, a group being rows that should be alike.
        findings: the worst first, then in the order of the rules.
        applied: the rules that had something to look at; idle: those for which the table has no columns.
    """

    source: str
    format: str
    digest: str
    rows: int
    groups: int
    findings: tuple[AuditFinding, ...]
    applied: tuple[RuleId, ...]
    idle: tuple[RuleId, ...]

    def of(self, severity: Severity) -> tuple[AuditFinding, ...]:
        """Return the findings of a severity."""
        return tuple(finding for finding in self.findings if finding.severity is severity)

    def by(self, rule: RuleId) -> tuple[AuditFinding, ...]:
        """Return the findings of a rule."""
        return tuple(finding for finding in self.findings if finding.rule is rule)
