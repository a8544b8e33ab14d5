"""A run as it happened: its phases, requests, outputs and outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from greenreport.record.environment import Environment
from greenreport.record.faults import Flag, Missing
from greenreport.record.trace import Trace


class Phase(StrEnum):
    """The phases of a run, in the order of its timeline; `CONVERT` and `MATERIALISE` belong to preparations."""

    MATERIALISE = "materialise"
    CONVERT = "convert"
    COOLDOWN = "cooldown"
    START = "start"
    LOAD = "load"
    COMPILE = "compile"
    IDLE_BEFORE = "idle_before"
    WARMUP = "warmup"
    WINDOW = "window"
    IDLE_AFTER = "idle_after"
    STOP = "stop"


class Outcome(StrEnum):
    """How a run ended."""

    OK = "ok"
    FAILED = "failed"
    OUT_OF_MEMORY = "out_of_memory"
    TIMED_OUT = "timed_out"
    INVALID = "invalid"
    UNSUPPORTED = "unsupported"
    UNFAITHFUL = "unfaithful"
    NOT_RUN = "not_run"  # it did not begin: something was not there, or the cell had failed too often


#: Outcomes that stand until something changes; the others are tried again by the next ``run``.
SETTLED = frozenset({Outcome.OK, Outcome.OUT_OF_MEMORY, Outcome.UNSUPPORTED, Outcome.UNFAITHFUL})


class RecordKind(StrEnum):
    """What a record is about: a run of a study, or other work that belongs to the study's results."""

    RUN = "run"
    PREPARE = "prepare"  # a download or a conversion
    CALIBRATE = "calibrate"  # a run that measures what measuring costs
    LIMIT = "limit"  # a trial of one load in the search for the largest
    CONTROL = "control"  # a fixed piece of work by which a host is compared with itself


class Metering(StrEnum):
    """How the meters are read during a calibration run."""

    OFF = "off"
    DECLARED = "declared"
    AGAIN = "again"
    OFTEN = "often"


@dataclass(frozen=True, slots=True)
class Mark:
    """One phase as it happened.

    Attributes:
        planned_s: what the protocol asked for, where it asks for a time.
        note: what decided its end, where that is not obvious ("steady after 12 s: …").
        steady: whether the machine was steady at the end of a cool-down that waits for it; None for all other phases.
    """

    phase: Phase
    start_ns: int
    end_ns: int
    planned_s: float | None = None
    note: str | None = None
    steady: bool | None = None

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return (self.end_ns - self.start_ns) / 1e9


class RequestErrorKind(StrEnum):
    """Why a request failed; decides the outcome of its run."""

    OUT_OF_MEMORY = "out_of_memory"  # greenreport's own server says so; others only in their own words
    TIMED_OUT = "timed_out"
    DISCONNECTED = "disconnected"
    OVERLOADED = "overloaded"
    SERVER = "server"  # any other error the server answered with
    MALFORMED = "malformed"  # an answer of another shape than OpenAI's API documents


@dataclass(frozen=True, slots=True)
class RequestError:
    """Why a request failed: what decides, and a text for people."""

    kind: RequestErrorKind
    text: str


class VerdictCode(StrEnum):
    """What a scorer says of an answer."""

    PASSED = "passed"
    WRONG = "wrong"  # the program ran and did something else, or the text is another one
    NO_ANSWER = "no_answer"  # nothing in it that could be judged
    ERROR = "error"  # the program does not compile, or ended with an exception
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    REFUSED = "refused"  # the sandbox ended it for something it may not do


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an answer to a prompt is right, by the task the prompt belongs to.

    Attributes:
        task: digest of what the answer was judged by: the tests, the expected text, and the version of the scorer.
        detail: why it is not, for people.
        scored_at: UTC, ISO 8601, to the second; of several verdicts on one answer the latest counts.
    """

    prompt_sha256: str
    output_sha256: str
    task: str
    code: VerdictCode
    detail: str | None = None
    scored_at: str = ""

    @property
    def passed(self) -> bool:
        """Whether the answer is right."""
        return self.code is VerdictCode.PASSED


@dataclass(frozen=True, slots=True)
class Request:
    """One request of the window, seen by the client; the server's own times where the server tells them.

    Attributes:
        first_token_ns: arrival of the first token at the client (streaming only).
        token_ns: when the server had each output token.
        output_sha256: digest of the output token ids (of the text, for servers that give no ids).
        answered_by: the model name in the response; another name than the requested one invalidates the run.
        server: which of the servers answered, from 0; None in runs from before this was kept.
        prompt_sha256: digest of the text that was asked; None in runs from before this was kept.
        rendered_sha256: digest of the text the model saw, where the server made one from a conversation and tells it.
        reasoning_tokens: those of the output tokens that the server says are reasoning, not answer.
        first_answer_ns: arrival at the client of the first token that is not reasoning (streaming only).
    """

    index: int
    start_ns: int
    end_ns: int
    first_token_ns: int | None = None
    server_start_ns: int | None = None
    server_end_ns: int | None = None
    token_ns: tuple[int, ...] = ()
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    finish_reason: str | None = None
    output_sha256: str | None = None
    answered_by: str | None = None
    error: RequestError | None = None
    server: int | None = None
    prompt_sha256: str | None = None
    rendered_sha256: str | None = None
    reasoning_tokens: int | None = None
    first_answer_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """A text that was asked or rendered, kept once per digest: the SHA-256 of its UTF-8."""

    sha256: str
    text: str


@dataclass(frozen=True, slots=True)
class Output:
    """An output, kept once per digest.

    Attributes:
        reasoning: what the model wrote before its answer, where the server tells them apart.
    """

    sha256: str
    text: str
    token_ids: tuple[int, ...] = ()
    reasoning: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What the engine reports after load, to be compared with what the configuration asks for.

    What a server that greenreport did not write does not tell is None.

    Attributes:
        details: further (name, value) pairs: session providers, inference precision, IO binding.
        model: name that answers carry, where it is not the study's id of the model.
    """

    dtype: str | None
    kv_cache: bool | None
    threads: int | None
    device: str | None
    parameters: int | None = None
    weights_b: int | None = None
    details: tuple[tuple[str, str], ...] = ()
    model: str | None = None


@dataclass(frozen=True, slots=True)
class RunSpec:
    """What was executed, in the words of the study file; what does not apply or was not kept is None or empty.

    Attributes:
        registration: what the study declared when the run was made (see `study.registration`).
        metering: how the meters were read, in a calibration.
        factor, level: the load that a trial tried: a field of the configuration and its value.
        preparation: the phase of a preparation, and `size_b` the size of its result in bytes.
        other: all other values, kept for readers; nothing is computed from them.
    """

    configuration: Mapping[str, Any] = field(default_factory=dict)
    protocol: Mapping[str, Any] = field(default_factory=dict)
    registration: Mapping[str, Any] = field(default_factory=dict)
    prompts_sha256: str | None = None
    prompts_count: int | None = None
    metering: Metering | None = None
    factor: str | None = None
    level: int | None = None
    preparation: Phase | None = None
    size_b: int | None = None
    other: Mapping[str, Any] = field(default_factory=dict)

    @property
    def replicas(self) -> int:
        """Number of servers of the run; 1 in runs from before replicas existed."""
        return int(self.configuration.get("replicas", 1))


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Everything known about one run, or about other work of a study (see `RecordKind`).

    Attributes:
        key: readable identity of the cell, ``<model>/<configuration>``.
        fingerprint: sha256 of everything that could change a number.
        started_at: UTC, ISO 8601, to the second.
    """

    run_id: str
    kind: RecordKind
    study: str
    key: str
    model: str
    engine: str
    provider: str
    fingerprint: str
    repetition: int
    position: int
    outcome: Outcome
    reason: str | None
    started_at: str
    environment: Environment
    spec: RunSpec
    detail: str | None = None
    facts: Facts | None = None
    flags: tuple[Flag, ...] = ()
    missing: tuple[Missing, ...] = ()
    marks: tuple[Mark, ...] = ()
    requests: tuple[Request, ...] = ()
    outputs: tuple[Output, ...] = ()
    prompts: tuple[Prompt, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    traces: tuple[Trace, ...] = field(default=(), repr=False)

    def trace(self, domain: str, quantity: str) -> Trace | None:
        """Return the first trace of a channel, or None when no meter recorded it."""
        return next((trace for trace in self.traces if trace.domain == domain and trace.quantity == quantity), None)

    def mark(self, phase: Phase) -> Mark | None:
        """Return the mark of a phase, or None when the run never reached it."""
        return next((mark for mark in self.marks if mark.phase is phase), None)

    @property
    def duration_s(self) -> float:
        """Length of the whole run in seconds, first mark to last mark."""
        return (max((m.end_ns for m in self.marks), default=0) - min((m.start_ns for m in self.marks), default=0)) / 1e9
