"""Records to rows and back. The only place that knows both."""

from __future__ import annotations

import hashlib
import json
import math
import re
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any, NoReturn, TypeVar

from pydantic import TypeAdapter, ValidationError

from greenreport.record import (
    Environment,
    Facts,
    Flag,
    IndexRow,
    Mark,
    Method,
    Missing,
    MissingCode,
    Outcome,
    Output,
    Phase,
    Prompt,
    RecordKind,
    Request,
    RequestError,
    RequestErrorKind,
    RunRecord,
    RunSpec,
    Trace,
    TraceKind,
    Verdict,
)
from greenreport.store.schema import SHARED_TABLES

#: Cause of meters that were not read because of where the server runs, in records from before codes were kept.
CAUSE_OF_UNREAD_METERS = "the server is not declared to run on the machine the meters measure"

RUN_COLUMNS = (
    "run_id", "kind", "study", "key", "model", "engine", "provider", "fingerprint", "repetition", "position", "outcome",
    "reason", "detail", "started_at", "duration_s", "environment", "environment_content", "spec", "facts", "flags", "missing",
)  # fmt: skip
INDEX_COLUMNS = tuple(field.name for field in fields(IndexRow) if field.name != "agreeing")
#: The parts of a record with a table each, named like its field, and the columns of each.
COLUMNS = {
    table: tuple(field.name for field in fields(kind))
    for table, kind in {
        "marks": Mark,
        "requests": Request,
        "outputs": Output,
        "prompts": Prompt,
        "verdicts": Verdict,
        "traces": Trace,
    }.items()
}


#: Fields of `RunSpec` and their keys in the store; everything else is `RunSpec.other`.
SPEC_KEYS = {
    "configuration": "configuration", "protocol": "protocol", "registration": "registration", "prompts_sha256": "prompts_sha256",
    "prompts_count": "prompts_count", "metering": "condition", "factor": "factor", "level": "load", "preparation": "what",
    "size_b": "size_b",
}  # fmt: skip

#: Half of a pair of UTF-16, which no file can hold.
SURROGATE = re.compile("[\ud800-\udfff]")

#: What is read may come from files of somebody else, so every value is checked against the type of its field.
_OBJECT = TypeAdapter(dict[str, Any])
_ENVIRONMENT, _SPEC, _FACTS = TypeAdapter(Environment), TypeAdapter(RunSpec), TypeAdapter(Facts)
_FLAGS, _MISSING = TypeAdapter(tuple[Flag, ...]), TypeAdapter(tuple[Missing, ...])
_MARK, _REQUEST, _OUTPUT = TypeAdapter(Mark), TypeAdapter(Request), TypeAdapter(Output)
_PROMPT, _VERDICT = TypeAdapter(Prompt), TypeAdapter(Verdict)
_INDEX_ROW = TypeAdapter(IndexRow)

T = TypeVar("T")


class MalformedRecord(ValueError):
    """What was read is no record of a run."""


def decoded(of: str, read: Callable[..., T], *values: Any) -> T:
    """Return what a function of this module reads from stored values.

    Args:
        of: which record and part, for the error.

    Raises:
        MalformedRecord: the values are of other types, or mean nothing.
    """
    try:
        return read(*values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        cause = f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": ")
    except (ValueError, OverflowError) as error:
        cause = str(error)
    raise MalformedRecord(f"{of} is malformed: {cause}")


def run_row(record: RunRecord) -> list[Any]:
    """Return the row of the `runs` table."""
    row = [
        record.run_id, record.kind, record.study, record.key, record.model, record.engine, record.provider,
        record.fingerprint, record.repetition, record.position, record.outcome, record.reason, record.detail,
        record.started_at, record.duration_s, record.environment.key, environment_content(record.environment),
        _json(spec_content(record.spec)),
        None if record.facts is None else _json(asdict(record.facts)),
        _json([asdict(flag) for flag in record.flags]), _json([asdict(missing) for missing in record.missing]),
    ]  # fmt: skip
    return [_cell(value) for value in row]


def part_rows(record: RunRecord, table: str) -> list[list[Any]]:
    """Return the rows of one table of `COLUMNS`; those that runs do not share begin with the id of the run."""
    owner = [] if table in SHARED_TABLES else [record.run_id]
    return [[*owner, *part_row(part, table)] for part in getattr(record, table)]


def part_row(part: object, table: str) -> list[Any]:
    """Return the columns of one part of a record."""
    return [_cell(getattr(part, name)) for name in COLUMNS[table]]


def _cell(value: object) -> object:
    if isinstance(value, RequestError):
        value = f"{value.kind}: {value.text}"
    if isinstance(value, str):
        return SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value)
    return list(value) if isinstance(value, (tuple, array)) else value


def spec_content(spec: RunSpec) -> dict[str, Any]:
    """Return everything a spec holds, by its key in the store."""
    named = {key: getattr(spec, name) for name, key in SPEC_KEYS.items()}
    return {**spec.other, **{key: value for key, value in named.items() if value not in (None, {})}}


def read_spec(text: str) -> RunSpec:
    """Return a spec from its JSON; ``load`` is the level of a trial, and the shape of the load in any other record."""
    other = _OBJECT.validate_json(text)
    keys = {name: key for name, key in SPEC_KEYS.items() if name != "level" or "factor" in other}
    named = {name: other.pop(key) for name, key in keys.items() if key in other}
    return _SPEC.validate_python({**named, "other": other})


def environment_row(environment: Environment) -> list[Any]:
    """Return the row of the `environments` table."""
    return [environment_content(environment), environment.key, _json(asdict(environment))]


def environment_content(environment: Environment) -> str:
    """Return the digest of everything known of an environment."""
    return hashlib.sha256(_json(asdict(environment)).encode()).hexdigest()


def read_environment(text: str) -> Environment:
    """Return an environment from the JSON of its row."""
    return _ENVIRONMENT.validate_json(text)


def read_run(row: Mapping[str, Any], environment: Environment, parts: Mapping[str, Sequence[Any]]) -> RunRecord:
    """Return a record from its row of `runs` and the parts read from the other tables.

    Raises:
        ValueError: a part is wrong; pydantic's errors are among these.
    """
    parsed: dict[str, Any] = {
        "kind": RecordKind(row["kind"]),
        "outcome": Outcome(row["outcome"]),
        "environment": environment,
        "spec": read_spec(row["spec"]),
        "facts": None if row["facts"] is None else _FACTS.validate_json(row["facts"]),
        "flags": _FLAGS.validate_json(row["flags"]),
        "missing": tuple(map(_with_code, _MISSING.validate_json(row["missing"]))),
        **{table: tuple(parts.get(table, ())) for table in COLUMNS},
    }
    spec: RunSpec = parsed["spec"]
    if parsed["kind"] is RecordKind.LIMIT and (spec.factor is None or spec.level is None):
        raise ValueError("spec: a search for a limit needs a factor and a level")
    return RunRecord(**{field.name: row[field.name] for field in fields(RunRecord) if field.name not in parsed}, **parsed)


def read_index_row(*columns: Any) -> IndexRow:
    """Return a row of the index from its columns."""
    row = _INDEX_ROW.validate_python(dict(zip(INDEX_COLUMNS, columns, strict=True)))
    if not math.isfinite(row.duration_s):
        raise ValueError(f"duration_s: {row.duration_s} is no length")
    return row


def _with_code(missing: Missing) -> Missing:
    if missing.code is None and missing.cause == CAUSE_OF_UNREAD_METERS:
        return replace(missing, code=MissingCode.SERVER_ELSEWHERE)
    return missing


def read_mark(*columns: Any) -> Mark:
    """Return a mark from its columns.

    Earlier versions kept no `steady`: there the note of a cool-down that waited for a steady machine begins with the verdict.
    """
    mark = _MARK.validate_python(dict(zip(COLUMNS["marks"], columns, strict=True)))
    if mark.steady is None and mark.phase is Phase.COOLDOWN and mark.note is not None:
        return replace(mark, steady=not mark.note.startswith("not steady"))
    return mark


def read_request(*columns: Any) -> Request:
    """Return a request from its columns."""
    values = dict(zip(COLUMNS["requests"], columns, strict=True))
    error = None if values["error"] is None else read_request_error(values["error"])
    return _REQUEST.validate_python({**values, "error": error})


#: How the errors of earlier records begin, which have no kind.
_EARLIER_ERRORS = {
    "OutOfMemory": RequestErrorKind.OUT_OF_MEMORY,
    "the request outlasted its limit": RequestErrorKind.TIMED_OUT,
    "the server closed the connection": RequestErrorKind.DISCONNECTED,
    "the answer is no completion": RequestErrorKind.MALFORMED,
}


def read_request_error(text: str) -> RequestError:
    """Return the error of a request from ``kind: text``, or from the text alone as earlier records have it."""
    kind, _, rest = text.partition(": ")
    if kind in set(RequestErrorKind):
        return RequestError(RequestErrorKind(kind), rest)
    beginnings = (kind for beginning, kind in _EARLIER_ERRORS.items() if text.startswith(beginning))
    return RequestError(next(beginnings, RequestErrorKind.SERVER), text)


def read_output(*columns: Any) -> Output:
    """Return an output from its columns."""
    return _OUTPUT.validate_python(dict(zip(COLUMNS["outputs"], columns, strict=True)))


def read_prompt(*columns: Any) -> Prompt:
    """Return a prompt from its columns."""
    return _PROMPT.validate_python(dict(zip(COLUMNS["prompts"], columns, strict=True)))


def read_verdict(*columns: Any) -> Verdict:
    """Return a verdict from its columns."""
    return _VERDICT.validate_python(dict(zip(COLUMNS["verdicts"], columns, strict=True)))


def read_trace(
    meter: str, domain: str, quantity: str, kind: str, unit: str, method: str, t_ns: Any, value: Any, wrap_at: float
) -> Trace:
    """Return a trace from its columns: times and values as numpy arrays, and NaN where a counter does not wrap."""
    if (t_ns.dtype, value.dtype) != ("int64", "float64") or hasattr(t_ns, "mask") or hasattr(value, "mask"):
        raise ValueError(f"{meter} {domain} {quantity}: a time or a value is no number")
    times, values = array("q", t_ns.tobytes()), array("d", value.tobytes())
    if len(times) != len(values):
        raise ValueError(f"{meter} {domain} {quantity}: {len(times)} times and {len(values)} values")
    wrap = None if math.isnan(wrap_at) else float(wrap_at)
    return Trace(meter, domain, quantity, TraceKind(kind), unit, Method(method), times, values, wrap)


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, default=_refused)


def _refused(value: object) -> NoReturn:
    raise ValueError(f"{type(value).__name__} is no JSON")
