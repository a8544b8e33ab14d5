"""What is wrong with a run's measurement: validity flags and meters that could not be read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FlagCode(StrEnum):
    """Reasons to flag a run, in the order of its timeline; `validity.CODES` says what each means."""

    UNSTEADY_START = "unsteady_start"
    PHASE_SKIPPED = "phase_skipped"
    FOREIGN_LOAD = "foreign_load"
    FOREIGN_GPU_PROCESS = "foreign_gpu_process"
    CLOCK_STEP = "clock_step"
    WINDOW_TOO_SHORT = "window_too_short"
    SAMPLING_GAP = "sampling_gap"
    COUNTER_RESET = "counter_reset"
    COUNTER_WRAP_AMBIGUOUS = "counter_wrap_ambiguous"
    COUNTER_FROZEN = "counter_frozen"
    GAUGE_FROZEN = "gauge_frozen"
    UNDERSAMPLED = "undersampled"
    SAMPLED_IN_STEP = "sampled_in_step"
    METERS_DISAGREE = "meters_disagree"
    THROTTLED = "throttled"
    STANDSTILL = "standstill"
    UNSETTLED_WINDOW = "unsettled_window"
    REQUEST_OUTLIER = "request_outlier"
    LATENCY_QUANTISED = "latency_quantised"
    RETRIED = "retried"
    FAILED_REQUESTS = "failed_requests"
    PREEMPTED = "preempted"
    PROMPT_CACHED = "prompt_cached"
    LATE_REQUESTS = "late_requests"
    CLIENT_BUSY = "client_busy"
    TOKEN_COUNT_MISMATCH = "token_count_mismatch"  # noqa: S105 - no password
    WRONG_MODEL = "wrong_model"
    ESTIMATED_ENERGY = "estimated_energy"


@dataclass(frozen=True, slots=True)
class Flag:
    """A validity flag: reason, sentence, and whether it excludes the run from tests."""

    code: FlagCode
    detail: str
    fatal: bool = False


class MissingCode(StrEnum):
    """Why a meter has no values, or not all of them."""

    UNAVAILABLE = "unavailable"  # it cannot be opened on this machine
    SERVER_ELSEWHERE = "server_elsewhere"  # it measures this machine, and the server may run on another one
    READ_FAULT = "read_fault"  # it was open, and reads failed or did not end
    REMARK = "remark"  # it was read, with a limitation worth knowing


@dataclass(frozen=True, slots=True)
class Missing:
    """A listed meter that could not be read in this run, or not completely, with cause and remedy.

    Attributes:
        code: None in records from before codes were kept.
    """

    meter: str
    cause: str
    remedy: str
    code: MissingCode | None = None
