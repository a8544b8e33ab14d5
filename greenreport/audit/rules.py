"""The table of rules: what each looks for, in the words of the report, and the function that looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from greenreport.audit import arithmetic, completeness, copies, counters, load, order, resolution, signs, work
from greenreport.audit.findings import AuditFinding, RuleId
from greenreport.audit.table import AuditedTable


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the audit.

    Attributes:
        title: what a finding of it is, as a heading.
        advice: what to do about it, as a sentence.
        check: from a table to findings; None where the table has no columns that the rule looks at.
    """

    id: RuleId
    title: str
    advice: str
    check: Callable[[AuditedTable], list[AuditFinding] | None]


# Tables are read by row.
# fmt: off
_ROWS = (
    Rule(RuleId.COUNTER_WRAP, "Counter wraps",
        "Leave the rows out, or declare the counter's range so that the wraps are undone.", counters.counter_wraps),
    Rule(RuleId.COUNTER_RESET, "Counters that fall",
        "Leave out what was measured across a fall.", counters.counter_resets),
    Rule(RuleId.RUNNING_COUNTER, "Running counters in place of energies",
        "Take differences between the end and the start of each run.", counters.running_counters),
    Rule(RuleId.COUNTER_RANGE, "Readings beyond a counter's range",
        "Do not undo wraps of such a counter; ask its tool for differences.", counters.counter_ranges),
    Rule(RuleId.NEGATIVE, "Negative values",
        "Leave the rows out, and look for what reads the counter in the wrong order.", signs.negative_values),
    Rule(RuleId.ZERO, "Zeros",
        "Leave the rows out, or the column where the instrument is too coarse.", signs.zeros),
    Rule(RuleId.CONSTANT, "Columns that never change",
        "Leave the column out, or say that it was assumed.", signs.constant_columns),
    Rule(RuleId.STUCK, "Stuck channels",
        "Read the channel at its own rate, and leave repeated readings out.", signs.stuck_channels),
    Rule(RuleId.ASSUMED_POWER, "Assumed power",
        "Call such energies estimated, and compare times instead.", signs.assumed_powers),
    Rule(RuleId.COPIED_REPETITION, "Copied repetitions",
        "Leave the copies out, and compute with the number of rows that is left.", copies.copied_repetitions),
    Rule(RuleId.COPIED_BLOCK, "Rows copied between groups",
        "Find out which group was measured, and leave the other out.", copies.copied_blocks),
    Rule(RuleId.COPIED_COLUMN, "One measurement in two columns",
        "Use the column with more digits, and do not count them as two instruments.", copies.copied_columns),
    Rule(RuleId.COPIED_NUMBER, "One number in several metrics",
        "Use none of them until the program that wrote them is corrected.", copies.copied_numbers),
    Rule(RuleId.PART_ABOVE_WHOLE, "Parts above their whole",
        "Do not call the smaller one a total; compare by a sum of parts that do not overlap.", arithmetic.parts_above_wholes),
    Rule(RuleId.IDENTITY, "Metrics that disagree with what they are made of",
        "Find out which window, requests and devices each of them is of.", arithmetic.broken_identities),
    Rule(RuleId.PERCENTILE_ORDER, "Percentiles out of order",
        "Leave the rows out; their columns are swapped or of different requests.", arithmetic.percentile_orders),
    Rule(RuleId.UNIT_SLIP, "Slips of the unit",
        "Declare the unit of these rows, or leave them out.", arithmetic.unit_slips),
    Rule(RuleId.SHIFTED_PHASE, "Energy booked to the neighbour",
        "Leave both rows out, or compare sums over both.", order.shifted_phases),
    Rule(RuleId.TRUNCATED_RUN, "Truncated runs",
        "Leave the rows out; they are of less work.", order.truncated_runs),
    Rule(RuleId.UNEQUAL_REPETITIONS, "Unequal numbers of repetitions",
        "Say why rows are missing; failed runs are a result.", completeness.unequal_repetitions),
    Rule(RuleId.REPEATED_REPETITION, "Repetition numbers that come twice",
        "Add the factor that tells them apart, or leave the repeated runs out.", completeness.repeated_repetitions),
    Rule(RuleId.MISSING_METRIC, "Metrics of some rows only",
        "Compare only groups that have the metric, and say which lack it.", completeness.missing_metrics),
    Rule(RuleId.FEW_DISTINCT, "Fewer distinct values than a measurement has",
        "State no difference smaller than a step.", resolution.few_distinct_values),
    Rule(RuleId.COARSE_CLOCK, "Times in coarse steps",
        "State no difference smaller than a step.", resolution.coarse_clocks),
    Rule(RuleId.MEANS_ONLY, "Means without spread",
        "Ask for percentiles or single requests.", completeness.means_only),
    Rule(RuleId.LITTLES_LAW, "Little's law does not hold",
        "Find out whether client or server was the limit before comparing latencies.", load.littles_law),
    Rule(RuleId.RATE_NOT_REACHED, "Rates that were not reached",
        "Put the rows at the rate that was reached, or leave them out.", load.rates_not_reached),
    Rule(RuleId.LATE_CLIENT, "A client that is late",
        "Use a faster client, and measure latency from when requests are due.", load.late_clients),
    Rule(RuleId.CHUNKS, "Chunks that are not tokens",
        "Compare mean times per token, not percentiles of gaps.", load.chunks_not_tokens),
    Rule(RuleId.FAILED_REQUESTS, "Requests that failed",
        "Say how many failed beside every latency.", completeness.failed_requests),
    Rule(RuleId.OUTPUT_LENGTH, "Answers of different length",
        "Fix the output length, or compare per output token.", work.output_lengths),
    Rule(RuleId.UNEQUAL_WORK, "A factor that sets the work",
        "Compare within equal levels only.", work.unequal_work),
    Rule(RuleId.FASTER_REPEATS, "Repetitions faster than the first",
        "Use fresh prompts in each repetition, and warm up before the first.", order.faster_repeats),
    Rule(RuleId.CLOCKS_DIFFER, "Clocks that differ",
        "Say from when to when a rate is computed.", load.differing_clocks),
    Rule(RuleId.OUTLIER, "Outliers",
        "Look at what happened in these runs; leave none out without a reason.", order.outliers),
)
# fmt: on

RULES = {rule.id: rule for rule in _ROWS}
