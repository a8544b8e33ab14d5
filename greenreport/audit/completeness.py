"""Rules on what is missing: repetitions, metrics of some rows, requests that failed, spread behind means."""

from __future__ import annotations

from collections import Counter

import numpy as np

from greenreport.audit.effects import effect, without
from greenreport.audit.findings import AuditFinding, Evidence, RuleId, Severity
from greenreport.audit.table import AuditedColumn, AuditedTable
from greenreport.audit.words import names, rows_of
from greenreport.imports.results_table import Role
from greenreport.units import counted, percent

#: Groups that lack more than this share of the usual number of rows are doubtful, others worth a note.
_MISSING_SHARE = 0.2
#: Requests that failed are of another kind than those that did not, from this share on.
_FAILED_SHARE = 0.01
#: So many groups are named.
_NAMED = 6


def unequal_repetitions(table: AuditedTable) -> list[AuditFinding] | None:
    """Find groups with fewer or more rows than most.

    Runs that failed are missing where the load was heaviest, so what is left is not what was planned; and tests that assume equal numbers do not hold.
    Threshold: any difference is a note, more than a fifth of the usual number is doubtful.
    """
    if len(table.groups) < 2 or not table.repeats:
        return None
    sizes = [len(rows) for rows in table.groups]
    usual = Counter(sizes).most_common(1)[0][0]
    other = [(size, rows) for size, rows in zip(sizes, table.groups, strict=True) if size != usual]
    if not other or usual == 1:
        return []
    far = any(abs(size - usual) > _MISSING_SHARE * usual for size, _ in other)
    shown = ", ".join(f"{table.name_of(rows)}: {size}" for size, rows in other[:_NAMED]) + (" …" if len(other) > _NAMED else "")
    return [AuditFinding(
        RuleId.UNEQUAL_REPETITIONS, Severity.DOUBTFUL if far else Severity.NOTE, (), (),
        (
            Evidence("usual number of rows", usual), Evidence("groups with another", len(other)), Evidence("fewest", min(sizes)),
            Evidence("most", max(sizes)),
        ),
        f"{len(other)} of {counted(len(sizes), 'group')} do not have the usual {counted(usual, 'row')} ({shown}).",
    )]  # fmt: skip


def repeated_repetitions(table: AuditedTable) -> list[AuditFinding] | None:
    """Find repetition numbers that occur twice in one group.

    Either two runs were counted as one, or a factor is missing whose levels would tell them apart. There is no threshold.
    """
    numbers = next((np.asarray(c.values, dtype=np.float64) for c in table.table.of(Role.REPETITION)), None)
    if numbers is None:
        return None
    again = np.zeros(len(table), dtype=bool)
    for rows in table.groups:
        known = rows[np.isfinite(numbers[rows])]
        _, first = np.unique(numbers[known], return_index=True)
        again[np.delete(known, first)] = True
    if not again.any():
        return []
    return [AuditFinding(
        RuleId.REPEATED_REPETITION, Severity.DOUBTFUL, (), table.lines(again), (Evidence("rows", int(again.sum())),),
        f"{rows_of(int(again.sum()), len(table))} have the number of a repetition that their group has already: a factor is missing that tells "
        "them apart, or runs were repeated without being replaced.",
    )]  # fmt: skip


def missing_metrics(table: AuditedTable) -> list[AuditFinding] | None:
    """Find metrics that some rows have and others lack.

    Where values are missing in some groups only, the groups are compared by those that were measured, which chance or failure chose. Threshold: any
    blank is a note; where a group has some values and lacks more than a fifth, it is doubtful.
    """
    if not table.columns or len(table) < 2:
        return None
    return [_missing(table, c) for c in table.columns if c.present.any() and not c.present.all()]


def _missing(table: AuditedTable, column: AuditedColumn) -> AuditFinding:
    shares = [float(np.mean(~column.present[rows])) for rows in table.groups]
    part, whole = [share for share in shares if 0 < share < 1], sum(share == 1 for share in shares)
    count = int(np.count_nonzero(~column.present))
    where = [f"{counted(whole, 'group')} of {len(shares)} {'has' if whole == 1 else 'have'} none at all"] if whole else []
    where += (
        [
            f"{counted(len(part), 'group')} {'has' if len(part) == 1 else 'have'} it in some of {'its' if len(part) == 1 else 'their'} rows"
        ]
        if part
        else []
    )
    return AuditFinding(
        RuleId.MISSING_METRIC, Severity.DOUBTFUL if max(part, default=0) > _MISSING_SHARE else Severity.NOTE, (column.name,),
        table.lines(~column.present), (Evidence("rows", count), Evidence("groups without any", whole), Evidence("groups with some", len(part))),
        f"{rows_of(count, len(table))} have no `{column.name}`: {' and '.join(where)}.",
    )  # fmt: skip


def failed_requests(table: AuditedTable) -> list[AuditFinding] | None:
    """Find rows in which requests failed or were never sent.

    The slowest requests fail first, so the times of those that are left are too good, and the energy was spent on all. Threshold: 1 % of the requests.
    """
    done, failed, asked = (table.mean(key) for key in ("requests", "failed_requests", "asked_requests"))
    if failed is not None:
        lost = failed.values
        whole = lost + done.values if done is not None else np.full(len(table), np.nan)
    elif done is not None and asked is not None:
        lost, whole = asked.values - done.values, asked.values
    else:
        return None
    with np.errstate(all="ignore"):
        share = np.where(np.isfinite(whole), lost / whole, np.where(lost > 0, 1.0, 0.0))
    rows = np.isfinite(share) & (share > _FAILED_SHARE)
    if not rows.any():
        return []
    timed = table.mean("latency_s") or table.mean("duration_s")
    return [AuditFinding(
        RuleId.FAILED_REQUESTS, Severity.DOUBTFUL, tuple(c.name for c in (failed or asked, done) if c is not None), table.lines(rows),
        (Evidence("rows", int(rows.sum())), Evidence("largest share", float(share[rows].max()))),
        f"In {rows_of(int(rows.sum()), len(table))}, requests failed or were never sent, up to {percent(float(share[rows].max()))} of them: times are of those "
        "that succeeded.", None if timed is None else effect(table, timed, [without(timed, rows)]),
    )]  # fmt: skip


def means_only(table: AuditedTable) -> list[AuditFinding] | None:
    """Find reports that give a metric's mean and nothing of its spread.

    Latencies have long tails: a mean says neither what most requests nor what the slowest ones took, and no interval can be computed. There is no
    threshold; counts and totals are not meant.
    """
    stems: dict[str, set[str]] = {}
    for column in table.columns:
        if column.column.statistic is not None:
            stems.setdefault(column.key, set()).add(column.column.statistic)
    if not stems:
        return None
    alone = sorted(key for key, known in stems.items() if known == {"mean"})
    if not alone:
        return []
    columns = [c.name for c in table.columns if c.key in alone]
    return [AuditFinding(
        RuleId.MEANS_ONLY, Severity.NOTE, tuple(columns), (), (Evidence("metrics with a mean only", len(alone)), Evidence("metrics", len(stems))),
        f"{len(alone)} of {counted(len(stems), 'aggregated metric')} have a mean and no other statistic ({names(columns)}): nothing can be said of "
        "their tails, and no interval computed.",
    )]  # fmt: skip
