"""Records to rows and back. The only place that knows both."""

from __future__ import annotations

import hashlib
import json
import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any

from greenreport.record import (
    Environment,
    Facts,
    Flag,
    FlagCode,
    Gpu,
    Mark,
    Metering,
    Method,
    Missing,
    MissingCode,
    Outcome,
    Output,
    Phase,
    RecordKind,
    Request,
    RequestError,
    RequestErrorKind,
    RunRecord,
    RunSpec,
    Trace,
    TraceKind,
)

#: Cause of meters that were not read because of where the server runs, in records from before codes were kept.
CAUSE_OF_UNREAD_METERS = "the server is not declared to run on the machine the meters measure"

RUN_COLUMNS = (
    "run_id", "kind", "study", "key", "model", "engine", "provider", "fingerprint", "repetition", "position", "outcome",
    "reason", "detail", "started_at", "duration_s", "environment", "environment_content", "spec", "facts", "flags", "missing",
)  # fmt: skip
#: The parts of a record with a table each, named like its field, and the columns of each.
COLUMNS = {
    table: tuple(field.name for field in fields(kind))
    for table, kind in {"marks": Mark, "requests": Request, "outputs": Output, "traces": Trace}.items()
}


#: Fields of `RunSpec` and their keys in the store; everything else is `RunSpec.other`.
SPEC_KEYS = {
    "configuration": "configuration", "protocol": "protocol", "registration": "registration", "prompts_sha256": "prompts_sha256",
    "prompts_count": "prompts_count", "metering": "condition", "factor": "factor", "level": "load", "preparation": "what",
    "size_b": "size_b",
}  # fmt: skip


def run_row(record: RunRecord) -> list[Any]:
    """Return the row of the `runs` table."""
    return [
        record.run_id, record.kind, record.study, record.key, record.model, record.engine, record.provider,
        record.fingerprint, record.repetition, record.position, record.outcome, record.reason, record.detail,
        record.started_at, record.duration_s, record.environment.key, environment_content(record.environment),
        _json(spec_content(record.spec)),
        None if record.facts is None else _json(asdict(record.facts)),
        _json([asdict(flag) for flag in record.flags]), _json([asdict(missing) for missing in record.missing]),
    ]  # fmt: skip


def part_rows(record: RunRecord, table: str) -> list[list[Any]]:
    """Return the rows of one table of `COLUMNS`; all but outputs begin with the id of the run."""
    owner = [] if table == "outputs" else [record.run_id]
    return [[*owner, *(_cell(getattr(part, name)) for name in COLUMNS[table])] for part in getattr(record, table)]


def _cell(value: object) -> object:
    if isinstance(value, RequestError):
        return f"{value.kind}: {value.text}"
    return list(value) if isinstance(value, (tuple, array)) else value


def spec_content(spec: RunSpec) -> dict[str, Any]:
    """Return everything a spec holds, by its key in the store."""
    named = {key: getattr(spec, name) for name, key in SPEC_KEYS.items()}
    return {**spec.other, **{key: value for key, value in named.items() if value not in (None, {})}}


def read_spec(text: str) -> RunSpec:
    """Return a spec from its JSON; ``load`` is the level of a trial, and the shape of the load in any other record."""
    other = json.loads(text)
    keys = {name: key for name, key in SPEC_KEYS.items() if name != "level" or "factor" in other}
    named = {name: other.pop(key) for name, key in keys.items() if key in other}
    for name, enum in (("metering", Metering), ("preparation", Phase)):
        if name in named:
            named[name] = enum(named[name])
    return RunSpec(**named, other=other)


def environment_row(environment: Environment) -> list[Any]:
    """Return the row of the `environments` table."""
    return [environment_content(environment), environment.key, _json(asdict(environment))]


def environment_content(environment: Environment) -> str:
    """Return the digest of everything known of an environment."""
    return hashlib.sha256(_json(asdict(environment)).encode()).hexdigest()


def read_environment(text: str) -> Environment:
    """Return an environment from the JSON of its row."""
    facts = json.loads(text)
    facts["gpus"] = tuple(Gpu(**gpu) for gpu in facts["gpus"])
    facts["libraries"] = tuple((name, version) for name, version in facts["libraries"])
    return Environment(**facts)


def read_run(row: Mapping[str, Any], environment: Environment, parts: Mapping[str, Sequence[Any]]) -> RunRecord:
    """Return a record from its row of `runs` and the parts read from the other tables."""
    facts = None if row["facts"] is None else json.loads(row["facts"])
    parsed: dict[str, Any] = {
        "kind": RecordKind(row["kind"]),
        "outcome": Outcome(row["outcome"]),
        "environment": environment,
        "spec": read_spec(row["spec"]),
        "facts": None if facts is None else Facts(**{**facts, "details": tuple(map(tuple, facts["details"]))}),
        "flags": tuple(Flag(FlagCode(flag.pop("code")), **flag) for flag in json.loads(row["flags"])),
        "missing": tuple(_read_missing(**missing) for missing in json.loads(row["missing"])),
        **{table: tuple(parts.get(table, ())) for table in COLUMNS},
    }
    return RunRecord(**{field.name: row[field.name] for field in fields(RunRecord) if field.name not in parsed}, **parsed)


def _read_missing(meter: str, cause: str, remedy: str, code: str | None = None) -> Missing:
    if code is None and cause == CAUSE_OF_UNREAD_METERS:
        code = MissingCode.SERVER_ELSEWHERE
    return Missing(meter, cause, remedy, None if code is None else MissingCode(code))


def read_mark(phase: str, start_ns: int, end_ns: int, planned_s: float | None, note: str | None, steady: bool | None) -> Mark:
    """Return a mark from its columns.

    Earlier versions kept no `steady`: there the note of a cool-down that waited for a steady machine begins with the verdict.
    """
    if steady is None and phase == Phase.COOLDOWN and note is not None:
        steady = not note.startswith("not steady")
    return Mark(Phase(phase), start_ns, end_ns, planned_s, note, steady)


def read_request(*columns: Any) -> Request:
    """Return a request from its columns."""
    request = Request(*columns)
    error = None if request.error is None else read_request_error(str(request.error))
    return replace(request, token_ns=tuple(request.token_ns), error=error)


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


def read_output(sha256: str, text: str, token_ids: Iterable[int]) -> Output:
    """Return an output from its columns."""
    return Output(sha256, text, tuple(token_ids))


def read_trace(
    meter: str, domain: str, quantity: str, kind: str, unit: str, method: str, t_ns: Any, value: Any, wrap_at: float
) -> Trace:
    """Return a trace from its columns: times and values as numpy arrays, and NaN where a counter does not wrap."""
    times, values = array("q", t_ns.tobytes()), array("d", value.tobytes())
    wrap = None if math.isnan(wrap_at) else float(wrap_at)
    return Trace(meter, domain, quantity, TraceKind(kind), unit, Method(method), times, values, wrap)


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
