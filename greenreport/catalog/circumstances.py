"""The circumstances of results: quantities that tools report beside their metrics, by which an audit judges the metrics.

They are no metrics of a study: no page ranks them. Readers of other tools' files give a column one of these keys, with values in the
unit that stands here; mappings may name them too. Where a tool gives several statistics of one, each is a column of its own.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Circumstance:
    """A quantity that says under which circumstances a row of results came about.

    Attributes:
        key: of a column of a results table; unit: of its values; meaning: a clause for docs and messages.
    """

    key: str
    unit: str
    meaning: str


# Tables are read by row.
# fmt: off
_ROWS = (
    Circumstance("asked_rate_per_s", "requests/s", "the rate at which the client was asked to send requests"),
    Circumstance("achieved_rate_per_s", "requests/s", "the rate at which the client did send them"),
    Circumstance("lateness_s", "s", "how long after it was due a request was sent"),
    Circumstance("concurrency", "requests", "requests that the client keeps in flight (a load factor too)"),
    Circumstance("requests", "requests", "requests that were completed"),
    Circumstance("asked_requests", "requests", "requests that were to be sent"),
    Circumstance("failed_requests", "requests", "requests that failed"),
    Circumstance("prompt_tokens", "tokens", "tokens of the prompts: of the row in all, or with a statistic, of one request"),
    Circumstance("output_tokens", "tokens", "tokens of the answers: of the row in all, or with a statistic, of one request"),
    Circumstance("chunks", "chunks", "pieces in which the answers arrived"),
    Circumstance("started_s", "s", "wall-clock time of the beginning, seconds since 1970"),
    Circumstance("ended_s", "s", "wall-clock time of the end, seconds since 1970"),
    Circumstance("cpu_power_w", "W", "mean power of the processors, as the tool has it"),
    Circumstance("gpu_power_w", "W", "mean power of the GPUs, as the tool has it"),
    Circumstance("ram_power_w", "W", "mean power of the memory, as the tool has it"),
    Circumstance("counter_j", "J", "a reading of a running energy counter, not the energy of the row"),
)
# fmt: on

CIRCUMSTANCES = {row.key: row for row in _ROWS}
