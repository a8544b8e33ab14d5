"""What the columns of the published files are: one table a file, the same words for those who read them with any program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FileColumn:
    """A column: its type as DuckDB names it, the unit of its values, what it means."""

    name: str
    type: str
    unit: str
    meaning: str


# Tables are read by row.
# fmt: off
_RUN = FileColumn("run_id", "VARCHAR", "", "the run the row belongs to")

COLUMNS: Mapping[str, tuple[FileColumn, ...]] = {
    "observations.csv": (
        FileColumn("model", "text", "", "id of the model in the study file"),
        FileColumn("engine", "text", "", "runtime engine"),
        FileColumn("provider", "text", "", "execution provider"),
        FileColumn("repetition", "integer", "", "repetition, from 1; also the block"),
        FileColumn("metric", "text", "", "id of the metric; defined in the glossary"),
        FileColumn("value", "number", "that of the row", "value of the metric in the run, in base units, all digits"),
        FileColumn("unit", "text", "", "unit of the value"),
        FileColumn("size_category", "text", "", "size category of the model, where the study gives one"),
        FileColumn("configuration", "text", "", "label of the serving configuration"),
        FileColumn("outcome", "text", "", "how the run ended; only `ok` counts in tests"),
        FileColumn("boundary", "text", "", "what an energy value includes, or who took the time"),
        FileColumn("method", "text", "", "measured or estimated"),
        FileColumn("run_id", "text", "", "the run, as in the Parquet files"),
    ),
    "runs.parquet": (
        FileColumn("run_id", "VARCHAR", "", "identifies the run in every table"),
        FileColumn("kind", "VARCHAR", "", "run, prepare, calibrate or limit"),
        FileColumn("study", "VARCHAR", "", "the study that asked for it first"),
        FileColumn("key", "VARCHAR", "", "model and configuration: the cell"),
        FileColumn("model", "VARCHAR", "", "id of the model"),
        FileColumn("engine", "VARCHAR", "", "runtime engine"),
        FileColumn("provider", "VARCHAR", "", "execution provider"),
        FileColumn("fingerprint", "VARCHAR", "", "digest of everything that could change a number"),
        FileColumn("repetition", "INTEGER", "", "repetition, from 1; also the block"),
        FileColumn("position", "INTEGER", "", "place in the seeded order of the study"),
        FileColumn("outcome", "VARCHAR", "", "ok, failed, out_of_memory, timed_out, invalid, unsupported or unfaithful"),
        FileColumn("reason", "VARCHAR", "", "why the outcome is not ok"),
        FileColumn("detail", "VARCHAR", "", "traceback or log, without paths and names of the host"),
        FileColumn("started_at", "VARCHAR", "UTC, ISO 8601", "when the run began"),
        FileColumn("duration_s", "DOUBLE", "s", "length of the run, from the first phase to the last"),
        FileColumn("environment", "VARCHAR", "", "digest of what must agree for runs to be pooled"),
        FileColumn("environment_content", "VARCHAR", "", "digest of all facts of the environment"),
        FileColumn("spec", "JSON", "", "cell, workload and protocol as executed"),
        FileColumn("facts", "JSON", "", "what the engine reported after load"),
        FileColumn("flags", "JSON", "", "validity flags"),
        FileColumn("missing", "JSON", "", "listed meters that could not be read"),
    ),
    "marks.parquet": (
        _RUN,
        FileColumn("phase", "VARCHAR", "", "cooldown, start, load, compile, idle, warm-up, window, stop …"),
        FileColumn("start_ns", "BIGINT", "ns", "begin of the phase, on the monotonic clock of the host"),
        FileColumn("end_ns", "BIGINT", "ns", "end of the phase"),
        FileColumn("planned_s", "DOUBLE", "s", "length the protocol asks for, where it does"),
        FileColumn("note", "VARCHAR", "", "remark"),
        FileColumn("steady", "BOOLEAN", "", "whether the machine was steady after a cool-down that waits for it; absent from files of earlier versions"),
    ),
    "requests.parquet": (
        _RUN,
        FileColumn("index", "INTEGER", "", "place in the list of prompts, from 0"),
        FileColumn("start_ns", "BIGINT", "ns", "sent by the client; in an open loop, when it was due"),
        FileColumn("end_ns", "BIGINT", "ns", "last byte of the answer at the client"),
        FileColumn("first_token_ns", "BIGINT", "ns", "first output token at the client, where answers are streamed"),
        FileColumn("server_start_ns", "BIGINT", "ns", "arrival at the server"),
        FileColumn("server_end_ns", "BIGINT", "ns", "completion at the server"),
        FileColumn("token_ns", "BIGINT[]", "ns", "time of every output token"),
        FileColumn("prompt_tokens", "INTEGER", "tokens", "length of the prompt"),
        FileColumn("output_tokens", "INTEGER", "tokens", "length of the output"),
        FileColumn("finish_reason", "VARCHAR", "", "why generation ended"),
        FileColumn("output_sha256", "VARCHAR", "", "the output, in the table of outputs"),
        FileColumn("answered_by", "VARCHAR", "", "name of the model the server says it used"),
        FileColumn("error", "VARCHAR", "", "error of the request"),
        FileColumn("server", "INTEGER", "", "number of the replica it was sent to; absent from files of earlier versions"),
    ),
    "outputs.parquet": (
        FileColumn("sha256", "VARCHAR", "", "digest that requests name"),
        FileColumn("text", "VARCHAR", "", "the text"),
        FileColumn("token_ids", "INTEGER[]", "", "its tokens"),
    ),
    "traces.parquet": (
        _RUN,
        FileColumn("meter", "VARCHAR", "", "instrument"),
        FileColumn("domain", "VARCHAR", "", "what it reads: a package, memory, a GPU, the machine, a process tree"),
        FileColumn("quantity", "VARCHAR", "", "energy, power, load, memory, temperature …"),
        FileColumn("kind", "VARCHAR", "", "counter (grows and may wrap) or gauge"),
        FileColumn("unit", "VARCHAR", "", "unit of the values"),
        FileColumn("method", "VARCHAR", "", "measured or estimated"),
        FileColumn("wrap_at", "DOUBLE", "that of the row", "value at which a counter starts again"),
        FileColumn("t_ns", "BIGINT[]", "ns", "times of the samples, on the monotonic clock of the host"),
        FileColumn("value", "DOUBLE[]", "that of the row", "the samples"),
    ),
    "environments.parquet": (
        FileColumn("content", "VARCHAR", "", "digest of all facts; what runs name as `environment_content`"),
        FileColumn("environment", "VARCHAR", "", "digest of what must agree for runs to be pooled"),
        FileColumn("facts", "JSON", "", "processor, memory, GPUs, driver, system, versions of libraries"),
    ),
}
# fmt: on
