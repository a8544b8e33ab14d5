"""Records to rows and back. The only place that knows both."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import asdict
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
MARK_COLUMNS = ("phase", "start_ns", "end_ns", "planned_s", "note", "steady")
REQUEST_COLUMNS = (
    "index", "start_ns", "end_ns", "first_token_ns", "server_start_ns", "server_end_ns", "token_ns", "prompt_tokens",
    "output_tokens", "finish_reason", "output_sha256", "answered_by", "error", "server",
)  # fmt: skip


#: Fields of `RunSpec` and their keys in the store; everything else is `RunSpec.other`.
SPEC_KEYS = {
    "configuration": "configuration", "protocol": "protocol", "registration": "registration", "prompts_sha256": "prompts_sha256",
    "prompts_count": "prompts_count", "metering": "condition", "factor": "factor", "level": "load", "preparation": "what",
    "size_b": "size_b",
}  # fmt: skip


def run_row(record: RunRecord) -> list[Any]:
    """Return the row of the `runs` table."""
    return [
        record.run_id, record.kind.value, record.study, record.key, record.model, record.engine, record.provider,
        record.fingerprint, record.repetition, record.position, record.outcome.value, record.reason, record.detail,
        record.started_at, record.duration_s, record.environment.key, environment_content(record.environment),
        _json(spec_content(record.spec)),
        None if record.facts is None else _json(asdict(record.facts)),
        _json([asdict(flag) for flag in record.flags]), _json([asdict(missing) for missing in record.missing]),
    ]  # fmt: skip


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


def mark_rows(record: RunRecord) -> list[list[Any]]:
    """Return the rows of the `marks` table."""
    return [[record.run_id, m.phase.value, m.start_ns, m.end_ns, m.planned_s, m.note, m.steady] for m in record.marks]


def request_rows(record: RunRecord) -> list[list[Any]]:
    """Return the rows of the `requests` table."""
    rows = []
    for request in record.requests:
        values = {column: getattr(request, column) for column in REQUEST_COLUMNS}
        values["token_ns"] = list(request.token_ns)
        values["error"] = None if request.error is None else f"{request.error.kind}: {request.error.text}"
        rows.append([record.run_id, *values.values()])
    return rows


def output_rows(record: RunRecord) -> list[list[Any]]:
    """Return the rows of the `outputs` table."""
    return [[output.sha256, output.text, list(output.token_ids)] for output in record.outputs]


def trace_rows(record: RunRecord) -> list[list[Any]]:
    """Return the rows of the `traces` table."""
    return [
        [
            record.run_id,
            t.meter,
            t.domain,
            t.quantity,
            t.kind.value,
            t.unit,
            t.method.value,
            t.wrap_at,
            list(t.t_ns),
            list(t.value),
        ]
        for t in record.traces
    ]


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


def read_run(row: Mapping[str, Any], environment: Environment, parts: Mapping[str, Iterable[Any]]) -> RunRecord:
    """Return a record from its row of `runs` and the parts read from the other tables."""
    facts = None if row["facts"] is None else json.loads(row["facts"])
    return RunRecord(
        **{name: row[name] for name in RUN_COLUMNS[:10] if name != "kind"},
        kind=RecordKind(row["kind"]),
        outcome=Outcome(row["outcome"]),
        reason=row["reason"],
        detail=row["detail"],
        started_at=row["started_at"],
        environment=environment,
        spec=read_spec(row["spec"]),
        facts=None if facts is None else Facts(**{**facts, "details": tuple(map(tuple, facts["details"]))}),
        flags=tuple(Flag(FlagCode(flag.pop("code")), **flag) for flag in json.loads(row["flags"])),
        missing=tuple(_read_missing(**missing) for missing in json.loads(row["missing"])),
        marks=tuple(parts.get("marks", ())),
        requests=tuple(parts.get("requests", ())),
        outputs=tuple(parts.get("outputs", ())),
        traces=tuple(parts.get("traces", ())),
    )


def _read_missing(meter: str, cause: str, remedy: str, code: str | None = None) -> Missing:
    if code is None and cause == CAUSE_OF_UNREAD_METERS:
        code = MissingCode.SERVER_ELSEWHERE
    return Missing(meter, cause, remedy, None if code is None else MissingCode(code))


def read_mark(row: tuple[Any, ...]) -> Mark:
    """Return a mark from the columns of `MARK_COLUMNS`.

    Earlier versions kept no `steady`: there the note of a cool-down that waited for a steady machine begins with the verdict.
    """
    phase, start_ns, end_ns, planned_s, note, steady = row
    if steady is None and phase == Phase.COOLDOWN and note is not None:
        steady = not note.startswith("not steady")
    return Mark(Phase(phase), start_ns, end_ns, planned_s, note, steady)


def read_request(row: tuple[Any, ...]) -> Request:
    """Return a request from the columns of `REQUEST_COLUMNS`."""
    values = dict(zip(REQUEST_COLUMNS, row, strict=True))
    values["token_ns"] = tuple(values["token_ns"])
    values["error"] = None if values["error"] is None else read_request_error(values["error"])
    return Request(**values)


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


def read_output(row: tuple[Any, ...]) -> Output:
    """Return an output from (sha256, text, token_ids)."""
    return Output(row[0], row[1], tuple(row[2]))


def read_trace(row: Mapping[str, Any]) -> Trace:
    """Return a trace; `t_ns` and `value` are numpy arrays as DuckDB gives them."""
    times, values = array("q"), array("d")
    times.frombytes(row["t_ns"].tobytes())
    values.frombytes(row["value"].tobytes())
    wrap_at = row["wrap_at"]
    return Trace(
        row["meter"], row["domain"], row["quantity"], TraceKind(row["kind"]), row["unit"], Method(row["method"]), times, values,
        None if wrap_at is None or wrap_at != wrap_at else float(wrap_at),
    )  # fmt: skip


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
