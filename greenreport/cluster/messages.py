"""Messages between the coordinator and the process on a host, and how they travel over two pipes.

A message is a header in JSON, checked against its type, and possibly a payload of bytes: each with its length before it. Whatever a
login shell prints before the first message is passed over. What the host sends is data; only the coordinator, which the host obeys
anyway, sends Python objects (`Assign`).
"""

from __future__ import annotations

import struct
from enum import StrEnum
from typing import Annotated, BinaryIO, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from greenreport.record import Phase

#: What the process on a host prints first.
MAGIC = b"\x00greenreport host 1\n"
MOST_NOISE_B = 1_000_000
MOST_HEADER_B = 16_000_000
MOST_PAYLOAD_B = 2_000_000_000
_LENGTHS = struct.Struct(">IQ")


class HostMessage(BaseModel):
    """Base of every message."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Start(HostMessage):
    """To a host: where to work."""

    kind: Literal["start"] = "start"
    version: str
    folder: str
    examine: bool = False


class Assign(HostMessage):
    """To a host: the study; the payload holds `(Study, PromptList)`."""

    kind: Literal["assign"] = "assign"
    prompts: str  # digest of the source
    fingerprints: dict[str, str]  # key of a cell → fingerprint


class WantedRun(HostMessage):
    """A run of a block."""

    key: str
    position: int


class Block(HostMessage):
    """To a host: the runs of a repetition that are to be performed, in order."""

    kind: Literal["block"] = "block"
    repetition: int
    runs: tuple[WantedRun, ...]


class Collect(HostMessage):
    """To a host: send the records in this file of its spool."""

    kind: Literal["collect"] = "collect"
    name: str


class Acknowledge(HostMessage):
    """To a host: the records of this file are in the store."""

    kind: Literal["acknowledge"] = "acknowledge"
    name: str


class Control(HostMessage):
    """To a host: perform the control, and send its record.

    Attributes:
        before_s: what it took there before, s; most: largest relative difference from that.
    """

    kind: Literal["control"] = "control"
    study: str
    before_s: float | None
    most: float


class Stay(HostMessage):
    """To a host that has nothing to do: there may be more."""

    kind: Literal["stay"] = "stay"


class Dismiss(HostMessage):
    """To a host: nothing is left to do."""

    kind: Literal["dismiss"] = "dismiss"


class Hello(HostMessage):
    """From a host: what it is.

    Attributes:
        environment: facts of the environment, as the store keeps them.
        waiting: files of records that are not in the coordinator's store yet, as far as the host knows.
        clock_s: its wall clock, in seconds since 1970.
        ends_at_s: when the batch system ends its job, by its wall clock.
        job: id of its Slurm job.
        cpus: how many CPUs the process may use.
    """

    kind: Literal["hello"] = "hello"
    version: str
    environment: str
    waiting: tuple[str, ...]
    clock_s: float
    free_b: int
    cpus: int
    ends_at_s: float | None = None
    job: Annotated[str, Field(pattern=r"^[0-9_+]{1,40}$")] | None = None


class RefusalCode(StrEnum):
    """Why a host does not measure."""

    VERSION = "version"
    LOCKED = "locked"
    FOLDER = "folder"
    FINGERPRINT = "fingerprint"
    STUDY = "study"
    DISK = "disk"


class Refusal(HostMessage):
    """From a host: why it does not measure; it ends."""

    kind: Literal["refusal"] = "refusal"
    code: RefusalCode
    text: str


class CheckLine(HostMessage):
    """A line of `doctor` about a host."""

    group: str
    name: str
    works: bool
    detail: str
    remedy: str = ""


class Examined(HostMessage):
    """From a host: what it can measure and run."""

    kind: Literal["examined"] = "examined"
    checks: tuple[CheckLine, ...]


class Preparing(HostMessage):
    """From a host: a download or conversion begins."""

    kind: Literal["preparing"] = "preparing"
    what: str


class RunBegins(HostMessage):
    """From a host: a run begins."""

    kind: Literal["run_begins"] = "run_begins"
    key: str
    repetition: int


class PhaseBegins(HostMessage):
    """From a host: a phase of the run begins; nothing is sent inside a window."""

    kind: Literal["phase"] = "phase"
    phase: Phase


class Records(HostMessage):
    """From a host: records; the payload is a store that holds them."""

    kind: Literal["records"] = "records"
    name: str


class Absent(HostMessage):
    """From a host: a file of its spool that was asked for is gone."""

    kind: Literal["absent"] = "absent"
    name: str


class BlockEnds(HostMessage):
    """From a host: every run of the block has a record."""

    kind: Literal["block_ends"] = "block_ends"
    repetition: int


Order = Start | Assign | Block | Collect | Acknowledge | Control | Stay | Dismiss
Report = Hello | Refusal | Examined | Preparing | RunBegins | PhaseBegins | Records | Absent | BlockEnds
_ANY: TypeAdapter[Order | Report] = TypeAdapter(Annotated[Order | Report, Field(discriminator="kind")])


class BrokenChannel(Exception):
    """What arrived is no message, or the other end is gone in the middle of one."""


def announce(stream: BinaryIO) -> None:
    """Say that messages follow."""
    stream.write(MAGIC)
    stream.flush()


def await_announcement(stream: BinaryIO) -> bool:
    """Pass over what comes before the first message; return whether one follows.

    Raises:
        BrokenChannel: far too much comes before it.
    """
    seen = b""
    for _ in range(MOST_NOISE_B):
        if not (byte := stream.read(1)):
            return False
        seen = (seen + byte)[-len(MAGIC) :]
        if seen == MAGIC:
            return True
    raise BrokenChannel("it prints without end before it starts")


def send(stream: BinaryIO, message: Order | Report, payload: bytes = b"") -> None:
    """Write a message.

    Raises:
        OSError: the other end is gone.
    """
    header = message.model_dump_json().encode()
    stream.write(_LENGTHS.pack(len(header), len(payload)) + header + payload)
    stream.flush()


def receive(stream: BinaryIO) -> tuple[Order | Report, bytes] | None:
    """Read a message and its payload; None when the other end is gone.

    Raises:
        BrokenChannel: it is no message.
    """
    try:
        if not (lengths := stream.read(_LENGTHS.size)):
            return None
        if len(lengths) < _LENGTHS.size:
            raise BrokenChannel("it ended inside a message")
        header_b, payload_b = _LENGTHS.unpack(lengths)
        if header_b > MOST_HEADER_B or payload_b > MOST_PAYLOAD_B:
            raise BrokenChannel("it sent what is no message")
        header, payload = stream.read(header_b), stream.read(payload_b)
    except OSError:
        return None
    if len(header) < header_b or len(payload) < payload_b:
        raise BrokenChannel("it ended inside a message")
    try:
        return _ANY.validate_json(header), payload
    except ValidationError as error:
        raise BrokenChannel(f"it sent what is no message: {error.errors(include_url=False)[0]['msg']}") from None
