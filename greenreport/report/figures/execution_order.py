"""When each run of a study was executed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime

import altair as alt

from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.host_shares import host_shares
from greenreport.analysis.measure.run_view import RunView
from greenreport.report.context import StudyContext
from greenreport.report.drawing.style import Looks
from greenreport.report.figure import Figure, TableCell, make_table
from greenreport.report.figures.specification import WIDTH, BandRow, Sheet, Specification
from greenreport.units import counted, number, quantity

#: A pause that readers are told of: the machine may have changed in it.
NOTABLE_PAUSE_MIN = 5.0


def execution_order_spec(rows: Sequence[BandRow], styles: Looks) -> Specification:
    """F13: time against cell, one bar per run, colour by configuration."""
    sheet = Sheet()
    labels = sorted({row.row for row in rows})
    hues = {row.row: styles[row.name].colour for row in rows if row.name in styles}
    end = max(row.end for row in rows)
    colours = alt.Scale(domain=labels, range=[hues.get(label, "currentColor") for label in labels])
    chart = (
        alt.Chart(sheet.rows(rows))
        .mark_bar(height=7)
        .encode(
            x=alt.X("start:Q", title="minutes since the first run", scale=alt.Scale(domain=[0, end], nice=False)),
            x2=alt.X2("end:Q"),
            y=alt.Y("row:N", title=None, sort=labels),
            color=alt.Color("row:N", scale=colours, legend=None),
            tooltip=[alt.Tooltip("row:N", title="cell"), alt.Tooltip("detail:N", title="run")],
        )
        .properties(width=WIDTH - 100, height=17 * len(labels))
    )
    return sheet.finish(chart, chrome=230)


def order_figure(study: StudyContext) -> Figure | None:
    """F13: when each run was executed."""
    runs = [(cell, run) for cell in study.dataset.cells for run in cell.runs if run.start_ns and run.duration_s]
    if not runs:
        return None
    hosts = {share.host_sha256: share.name for share in host_shares(study.dataset)}
    rows = []
    for cell, run, start in _starts(runs):
        where = f", host {hosts[run.host]}" if run.host in hosts else ""
        detail = f"repetition {run.repetition}, {run.outcome.value}{where}"
        rows.append(BandRow(round(start, 4), round(start + run.duration_s / 60, 4), cell.configuration.id, cell.key, detail))
    if not rows:
        return None
    length = quantity(max(row.end for row in rows) * 60, "s")
    design = study.dataset.study.protocol.order.words
    summary = f"{counted(len(rows), 'run')} within {length}; the design is {design}. Each bar is one run, each row a cell."
    table = make_table(
        "Order of execution",
        ["cell", "run", ("start", "min"), ("end", "min")],
        [[row.row, row.detail, TableCell(row.start, number(row.start)), TableCell(row.end, number(row.end))] for row in rows],
    )
    spec = execution_order_spec(rows, study.looks)
    title = f"{len(rows)} runs took {length}; order: {design}"
    pause = _longest_pause(rows)
    if not hosts and pause > NOTABLE_PAUSE_MIN:
        summary += f" The longest pause between two runs was {quantity(pause * 60, 's')}."
    if hosts:
        summary += (
            f" {counted(len(hosts), 'host')} shared the repetitions, so bars of different hosts may lie beside each other."
        )
    return Figure("order", title, f"Order of execution by cell; design: {design}.", summary, spec, table)


def _longest_pause(rows: Sequence[BandRow]) -> float:
    """Return the longest time in which no run went on, in minutes."""
    longest = end = 0.0
    for row in sorted(rows, key=lambda row: row.start):
        longest = max(longest, row.start - end)
        end = max(end, row.end)
    return longest


def _starts(runs: Sequence[tuple[CellView, RunView]]) -> Iterator[tuple[CellView, RunView, float]]:
    """Yield each run with the minutes since the first one: by the monotonic clock of the machine, by the day's where there are several."""
    if len({run.host for _, run in runs}) < 2:
        first = min(run.start_ns for _, run in runs)
        for cell, run in sorted(runs, key=lambda pair: pair[1].start_ns):
            yield cell, run, (run.start_ns - first) / 60e9
        return
    begun = [(moment, cell, run) for cell, run in runs if (moment := _moment(run.started_at)) is not None]
    earliest = min((moment for moment, _, _ in begun), default=0.0)
    for moment, cell, run in sorted(begun, key=lambda item: (item[0], item[2].start_ns)):
        yield cell, run, (moment - earliest) / 60


def _moment(text: str) -> float | None:
    """Return a time as records write it in seconds; None for what is none, which results of others may hold."""
    with suppress(ValueError):
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    return None
