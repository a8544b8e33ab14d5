"""The reason codes a run can be flagged with, in the order of a run's timeline."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """What a reason code means.

    Attributes:
        fatal: whether it always excludes a run from tests; a study may add others (`validity.exclude`).
        meaning: what is wrong, for a reader who sees the code for the first time.
        remedy: what makes the next run better.
    """

    name: str
    fatal: bool
    meaning: str
    remedy: str


_TABLE = (
    Code("unsteady_start", False, "the machine was not steady when the run began",
         "stop other programs, or allow a longer cool-down"),
    Code("phase_skipped", True, "a phase of the protocol did not happen, or was shorter than planned",
         "run again; if it stays, please report it as a bug"),
    Code("foreign_load", True, "other programs kept the CPUs busy while idle power or the window was measured",
         "stop other programs and run again, or admit more in the study's validity rules"),
    Code("foreign_gpu_process", True, "processes of other programs computed on a GPU of the run, before the server started or while it was up",
         "stop them (nvidia-smi lists them) and run again, leave that GPU out with CUDA_VISIBLE_DEVICES, or admit more in the study's validity rules"),
    Code("clock_step", True, "the clock was set while the run went on, so times and energy cannot be brought together",
         "let no program set the clock by steps while a study runs (chrony and ntpd slew it)"),
    Code("window_too_short", False, "the window is shorter than the instruments need for an exact value",
         "more prompts or more output tokens make a window longer"),
    Code("sampling_gap", True, "an energy meter was silent for too long, or stopped before the window did",
         "look at the meter's own messages on the page of the cell, and run again"),
    Code("counter_reset", True, "an energy counter was set back inside the window",
         "a driver reload or suspend does that; run again"),
    Code("counter_wrap_ambiguous", True, "an energy counter may have wrapped more than once between two samples",
         "a shorter sampling interval leaves no room for it"),
    Code("counter_frozen", True, "an energy counter stood still although the machine worked",
         "the counter is not usable on this machine; list another meter"),
    Code("undersampled", True, "power changed faster than it was sampled",
         "a shorter sampling interval, or a meter with an energy counter"),
    Code("meters_disagree", False, "two instruments on one component differ by more than the study admits",
         "the validity page shows which and by how much"),
    Code("throttled", False, "a GPU lowered its clock because of heat or power during the window",
         "better cooling, a longer cool-down, or a fixed lower clock"),
    Code("latency_quantised", False, "request times sit on multiples of one period, as if something in the request path polls or sleeps",
         "look for a poll, a timer or a sleep between client and engine"),
    Code("preempted", False, "the server had no room for the state of all its requests, took some of them back and computed them again",
         "fewer requests at once, or more room for the cache; the load is beyond what fits"),
    Code("prompt_cached", False, "the server took parts of prompts from its cache, so it did less work than the prompts ask for",
         "start vLLM with --no-enable-prefix-caching, or give `options: {cache_prompt: false}` for llama.cpp"),
    Code("late_requests", True, "the load generator sent requests later than they were due, so another load was offered",
         "a lower request rate, or a client on a machine of its own"),
    Code("client_busy", False, "the load generator was busy most of the time, so it and not the server may have set the pace",
         "measure without `stream`, or with fewer clients; what the generator can do is printed by `python -m benchmarks load_generator`"),
    Code("token_count_mismatch", True, "answers do not have the number of output tokens the study asks for",
         "the server must support exact lengths (ignore_eos)"),
    Code("wrong_model", True, "answers name another model than the one that was asked",
         "the server served a model that was loaded earlier"),
    Code("estimated_energy", False, "energy comes from a power model and not from a meter",
         "measure on a machine with RAPL, NVML or a wall meter"),
)  # fmt: skip

CODES = {code.name: code for code in _TABLE}
