"""Rules on the load: what was asked and what was sent, what was in flight, whether the client was the limit, and whose clock counts."""

from __future__ import annotations

import math

import numpy as np

from greenreport.audit.effects import OtherValues, effect, severity_of, without
from greenreport.audit.findings import AuditFinding, Evidence, ResultEffect, RuleId, Severity
from greenreport.audit.table import AuditedColumn, AuditedTable, Floats, Mask
from greenreport.audit.words import amount, names, rows_of
from greenreport.units import number

#: Requests in flight may differ from throughput × latency by so much: the beginning and the end of a run, and a median for a mean.
_FLIGHT_BELOW, _FLIGHT_ABOVE, _FLIGHT_GROSS = 0.7, 1.1, 1.5
#: A rate is reached if no more than this share of it is lacking, and no more than so many standard deviations of a Poisson count.
_RATE_SHARE, _RATE_DEVIATIONS = 0.10, 4.0
#: A client is late from this share of the latency on, and this time.
_LATE_SHARE, _LATE_S = 0.10, 0.01
#: Chunks are tokens if their numbers agree to this share; gaps are bursts if their median is this share of their mean.
_CHUNK_SHARE, _BURST_SHARE = 0.05, 0.1
#: Two clocks agree to this share of the time, and this time.
_CLOCK_SHARE, _CLOCK_S = 0.05, 1.0


def littles_law(table: AuditedTable) -> list[AuditFinding] | None:
    """Find loads for which requests in flight are not throughput × mean latency (Little 1961).

    The law holds for any server over a long run. More in flight than the client keeps means that a time or a rate is wrong; fewer, that the client
    did not keep so many, and was the limit. Threshold: 10 % above (50 % changes the result), 30 % below, for a run begins and ends with fewer in flight;
    50 % either way where only a median latency is known.
    """
    flight, rate, latency = table.level("concurrency"), table.mean("throughput_requests_per_s"), table.mean("latency_s")
    if flight is None or rate is None or latency is None or table.table.row == "request":
        return None
    exact = latency.column.statistic is not None
    with np.errstate(all="ignore"):
        ratio = rate.values * latency.values / flight
    ratio = np.where(np.isfinite(ratio) & (flight >= 1), ratio, math.nan)
    above, below = ratio > (_FLIGHT_ABOVE if exact else _FLIGHT_GROSS), ratio < (_FLIGHT_BELOW if exact else 1 / _FLIGHT_GROSS)
    found = []
    if above.any():
        impact = effect(table, latency, [without(latency, above)])
        gross = exact and float(np.nanmax(ratio)) > _FLIGHT_GROSS
        found.append(
            _not_in_flight(
                table,
                (rate, latency),
                above,
                float(np.nanmax(ratio)),
                severity_of(impact) if gross else Severity.DOUBTFUL,
                impact,
            )
        )
    if below.any():
        impact = effect(table, latency, [without(latency, below)])
        found.append(_not_in_flight(table, (rate, latency), below, float(np.nanmin(ratio)), Severity.DOUBTFUL, impact))
    return found


def _not_in_flight(
    table: AuditedTable, columns: tuple[AuditedColumn, AuditedColumn], rows: Mask, worst: float, severity: Severity, impact: ResultEffect | None
) -> AuditFinding:  # fmt: skip
    more = worst > 1
    which = "up to" if more else "as little as"
    why = (
        "which is impossible: a latency holds time that others spent waiting, or a rate counts other requests" if more
        else "so the client did not keep that many, and the load is not the declared one"
    )  # fmt: skip
    return AuditFinding(
        RuleId.LITTLES_LAW, severity, tuple(column.name for column in columns), table.lines(rows),
        (Evidence("rows", int(rows.sum())), Evidence(f"throughput × latency ÷ clients, {'largest' if more else 'smallest'}", worst)),
        f"In {rows_of(int(rows.sum()), len(table))}, throughput × latency is {which} {number(worst)} times the requests that the client should keep in flight, "
        f"{why}.", impact,
    )  # fmt: skip


def rates_not_reached(table: AuditedTable) -> list[AuditFinding] | None:
    """Find rows whose client sent fewer requests per second than it was asked to.

    Their latencies are those of the load that was sent and stand at the load that was asked for. Threshold: 10 %, and four standard deviations of a
    Poisson count of the requests. Where the client sent in time and the server completed less, the server is full: that is a result, and a note.
    """
    asked = table.level("asked_rate_per_s")
    asked = table.level("request_rate") if asked is None else asked
    sent, completed = table.mean("achieved_rate_per_s"), table.mean("throughput_requests_per_s")
    reached = sent or completed
    if asked is None or reached is None or table.table.row == "request":
        return None
    requests = table.mean("requests")
    counts = requests.values if requests is not None else np.full(len(table), math.nan)
    noise = np.where(counts > 0, _RATE_DEVIATIONS / np.sqrt(np.maximum(counts, 1)), 0.0)
    with np.errstate(all="ignore"):
        ratio = np.where(asked > 0, reached.values / asked, math.nan)
    rows = ratio < 1 - np.maximum(_RATE_SHARE, noise)
    if not rows.any():
        return []
    first = int(np.flatnonzero(rows)[np.argmin(ratio[rows])])
    timed = table.mean("ttft_s") or table.mean("latency_s") or reached
    impact = effect(table, timed, [without(timed, rows)])
    columns = tuple(dict.fromkeys((reached.name, timed.name)))
    by_client = sent is not None
    why = (
        "their times stand at a load that was never sent"
        if by_client
        else "the server completes no more, or the client sends no more"
    )
    return [AuditFinding(
        RuleId.RATE_NOT_REACHED, severity_of(impact) if by_client else Severity.NOTE, columns, table.lines(rows),
        (
            Evidence("rows", int(rows.sum())), Evidence("smallest share of the asked rate", float(ratio[first])),
            *(Evidence(f"{what}, line {table.table.lines[row]}", float(values[row]), "requests/s")
              for row in np.flatnonzero(rows)[:20] for what, values in (("asked", asked), ("reached", reached.values))),
        ),
        f"{rows_of(int(rows.sum()), len(table))} reached less than the rate that was asked for, at worst {number(float(reached.values[first]), 4)} of "
        f"{number(float(asked[first]), 4)} requests/s: {why}.", impact,
    )]  # fmt: skip


def late_clients(table: AuditedTable) -> list[AuditFinding] | None:
    """Find rows whose client sent requests later than they were due.

    Users would have waited from the moment a request was due; a client that is late leaves that waiting out (coordinated omission), and it is the client
    that was measured. Threshold: 10 % of the mean latency, and 10 ms.
    """
    late, latency = table.mean("lateness_s"), table.mean("latency_s") or table.mean("ttft_s")
    if late is None or latency is None:
        return None
    rows = (late.values > _LATE_SHARE * latency.values) & (late.values > _LATE_S)
    if not rows.any():
        return []
    worst = int(np.flatnonzero(rows)[np.argmax(late.values[rows])])
    waited = OtherValues(
        "with the time that requests waited in the client", latency.values + np.nan_to_num(np.maximum(late.values, 0))
    )
    impact = effect(table, latency, [waited])
    return [AuditFinding(
        RuleId.LATE_CLIENT, severity_of(impact), (late.name, latency.name), table.lines(rows),
        (
            Evidence("rows", int(rows.sum())), Evidence("largest mean lateness", float(late.values[worst]), "s"),
            Evidence("latency of that row", float(latency.values[worst]), "s"),
            *(Evidence(f"lateness, line {table.table.lines[row]}", float(late.values[row]), "s") for row in np.flatnonzero(rows)[:20]),
        ),
        f"In {rows_of(int(rows.sum()), len(table))}, the client sent requests late, at worst by {amount(float(late.values[worst]), 's', 3)} on average where the "
        f"latency is {amount(float(latency.values[worst]), 's', 3)}: the client is the limit, and its waiting is left out of the latency.", impact,
    )]  # fmt: skip


def chunks_not_tokens(table: AuditedTable) -> list[AuditFinding] | None:
    """Find times between tokens that are times between chunks.

    Servers send several tokens in one piece, or pieces of a token. Gaps between pieces are then mostly near zero with long pauses between, and
    their percentiles say nothing of tokens. Threshold: chunks and tokens differ by 5 %, or the median gap is less than a tenth of the mean.
    """
    chunks, tokens = table.mean("chunks"), table.mean("output_tokens")
    gaps = table.statistics("tbt_s")
    mean, median = gaps.get("mean"), gaps.get("p50")
    if (chunks is None or tokens is None) and (mean is None or median is None):
        return None
    found = []
    if chunks is not None and tokens is not None:
        with np.errstate(all="ignore"):
            ratio = np.where(chunks.values > 0, tokens.values / chunks.values, math.nan)
        if (rows := np.abs(np.log(ratio)) > math.log1p(_CHUNK_SHARE)).any():
            found.append(AuditFinding(
                RuleId.CHUNKS, Severity.DOUBTFUL, (chunks.name, tokens.name), table.lines(rows),
                (Evidence("rows", int(rows.sum())), Evidence("tokens ÷ chunks, median", float(np.median(ratio[rows])))),
                f"In {rows_of(int(rows.sum()), len(table))} a chunk holds {number(float(np.median(ratio[rows])))} tokens (median): times between chunks are not "
                "times between tokens.",
            ))  # fmt: skip
    if mean is not None and median is not None and (rows := median.values < _BURST_SHARE * mean.values).any():
        worst = int(np.flatnonzero(rows)[np.argmin(median.values[rows] / mean.values[rows])])
        found.append(AuditFinding(
            RuleId.CHUNKS, Severity.DOUBTFUL, (median.name, mean.name), table.lines(rows),
            (
                Evidence("rows", int(rows.sum())), Evidence("median gap", float(median.values[worst]), "s"),
                Evidence("mean gap", float(mean.values[worst]), "s"),
            ),
            f"In {rows_of(int(rows.sum()), len(table))} the median gap between tokens is as little as {amount(float(median.values[worst]), 's', 3)} where the mean is "
            f"{amount(float(mean.values[worst]), 's', 3)}: tokens arrive several at a time, and percentiles of the gaps are not times of a token.",
        ))  # fmt: skip
    return found


def differing_clocks(table: AuditedTable) -> list[AuditFinding] | None:
    """Find durations that differ from end − start.

    One of the two includes what the other leaves out: starting, warming up, another stage, or a clock that was set. Everything per second depends on
    which is meant. Threshold: 5 % and 1 s.
    """
    started, ended, duration = table.single("started_s"), table.single("ended_s"), table.single("duration_s")
    if started is None or ended is None or duration is None:
        return None
    span = ended.values - started.values
    rows = np.abs(span - duration.values) > np.maximum(_CLOCK_SHARE * duration.values, _CLOCK_S)
    if not rows.any():
        return []
    worst = int(np.flatnonzero(rows)[np.argmax(np.abs(np.log(np.maximum(span[rows], 1e-9) / duration.values[rows])))])
    return [_clocks(table, duration, (started, ended), span, worst, int(rows.sum()), table.lines(rows))]


def _clocks(
    table: AuditedTable, duration: AuditedColumn, clock: tuple[AuditedColumn, AuditedColumn], span: Floats, worst: int, count: int,
    lines: tuple[int, ...],
) -> AuditFinding:  # fmt: skip
    impact = effect(table, duration, [OtherValues("by end − start", np.where(np.isfinite(span), span, math.nan))])
    return AuditFinding(
        RuleId.CLOCKS_DIFFER, severity_of(impact), (duration.name, *(column.name for column in clock)), lines,
        (
            Evidence("rows", count), Evidence("duration", float(duration.values[worst]), "s"),
            Evidence("end − start", float(span[worst]), "s"), Evidence("ratio", float(span[worst] / duration.values[worst])),
        ),
        f"In {rows_of(count, len(table))}, {names([duration.name])} is not the time from the start to the end: {amount(float(duration.values[worst]), 's')} and "
        f"{number(float(span[worst]), 4)} s in the worst. Rates per second depend on which is meant.", impact,
    )  # fmt: skip
