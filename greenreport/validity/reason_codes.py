"""What the reason codes of runs mean, and what helps."""

from __future__ import annotations

from dataclasses import dataclass

from greenreport.record import FlagCode


@dataclass(frozen=True, slots=True)
class Code:
    """The meaning of a reason code.

    Attributes:
        fatal: whether it always excludes a run from tests; a study may add others (`validity.exclude`).
        meaning: what is wrong, for a reader who sees the code for the first time.
        remedy: what makes the next run better.
    """

    name: FlagCode
    fatal: bool
    meaning: str
    remedy: str


_TABLE = (
    Code(FlagCode.UNSTEADY_START, False, "the machine was not steady when the run began",
         "stop other programs, or allow a longer cool-down"),
    Code(FlagCode.PHASE_SKIPPED, True, "a phase of the protocol did not happen, or was shorter than planned",
         "run again; if it stays, please report it as a bug"),
    Code(FlagCode.FOREIGN_LOAD, True, "other programs kept the CPUs busy while idle power or the window was measured",
         "stop other programs and run again, or admit more in the study's validity rules"),
    Code(FlagCode.FOREIGN_GPU_PROCESS, True, "processes of other programs computed on a GPU of the run, before the server started or while it was up",
         "stop them (nvidia-smi lists them) and run again, leave that GPU out with CUDA_VISIBLE_DEVICES, or admit more in the study's validity rules"),
    Code(FlagCode.CLOCK_STEP, True, "the clock was set while the run went on, so times and energy cannot be brought together",
         "let no program set the clock by steps while a study runs (chrony and ntpd slew it)"),
    Code(FlagCode.WINDOW_TOO_SHORT, False, "the window is shorter than the instruments need for an exact value",
         "more prompts or more output tokens make a window longer"),
    Code(FlagCode.SAMPLING_GAP, True, "an energy meter was silent for too long, or stopped before the window did",
         "look at the meter's own messages on the page of the cell, and run again"),
    Code(FlagCode.COUNTER_RESET, True, "an energy counter was set back inside the window",
         "a driver reload or suspend does that; run again"),
    Code(FlagCode.COUNTER_WRAP_AMBIGUOUS, True, "an energy counter may have wrapped more than once between two samples",
         "a shorter sampling interval leaves no room for it"),
    Code(FlagCode.COUNTER_FROZEN, True, "an energy counter stood still although the machine worked",
         "the counter is not usable on this machine; list another meter"),
    Code(FlagCode.GAUGE_FROZEN, True, "a power gauge stopped at one value",
         "the instrument is not usable on this machine, or its driver hangs; list another meter"),
    Code(FlagCode.UNDERSAMPLED, True, "power changed faster than it was sampled",
         "a shorter sampling interval, or a meter with an energy counter"),
    Code(FlagCode.SAMPLED_IN_STEP, True, "power was read at equal times, so load that repeats in step with them would not be seen",
         "run again: times between readings vary now; of a program with an interval of its own, list another meter, or admit it in the study's validity rules"),
    Code(FlagCode.METERS_DISAGREE, False, "two instruments on one component differ by more than their uncertainties explain, or than the study allows",
         "the validity page shows which and by how much"),
    Code(FlagCode.THROTTLED, False, "a GPU lowered its clock because of heat or power during the window",
         "better cooling, a longer cool-down, or a fixed lower clock"),
    Code(FlagCode.STANDSTILL, True, "server, client or sampling process did not run for a time in which it had work",
         "look for what stops processes (signals, a paused container, memory that ran out) and run again"),
    Code(FlagCode.UNSETTLED_WINDOW, False, "the first answers of the window took longer, or less, than the others, so the run had not settled when it began",
         "more warm-up requests or a longer cool-down; with more requests in the window, its beginning counts less"),
    Code(FlagCode.REQUEST_OUTLIER, False, "one or a few requests took far longer than the others",
         "more warm-up requests, if they are the first; else look for what held the server up"),
    Code(FlagCode.LATENCY_QUANTISED, False, "request times sit on multiples of one period, as if something in the request path polls or sleeps",
         "look for a poll, a timer or a sleep between client and engine"),
    Code(FlagCode.RETRIED, False, "the server closed a connection that was kept open, and the request that met it was sent again",
         "let the server keep idle connections longer than requests are apart, if it happens often; the second attempt counts in the request's time"),
    Code(FlagCode.FAILED_REQUESTS, False, "some requests failed, no more than the study allows; what they cost is part of the energy, and they are no part of latencies",
         "look at the server's log for why; energy per request counts answered ones alone"),
    Code(FlagCode.PREEMPTED, False, "the server had no room for the state of all its requests, took some of them back and computed them again",
         "fewer requests at once, or more room for the cache; the load is beyond what fits"),
    Code(FlagCode.PROMPT_CACHED, False, "the server took parts of prompts from its cache, so it did less work than the prompts ask for",
         "start vLLM with --no-enable-prefix-caching, or give `options: {cache_prompt: false}` for llama.cpp"),
    Code(FlagCode.LATE_REQUESTS, True, "the load generator sent requests later than they were due, so another load was offered",
         "a lower request rate, or a client on a machine of its own"),
    Code(FlagCode.CLIENT_BUSY, False, "the load generator was busy most of the time, so it and not the server may have set the pace",
         "measure without `stream`, or with fewer clients; what the generator can do is printed by `python -m benchmarks load_generator`"),
    Code(FlagCode.TOKEN_COUNT_MISMATCH, True, "answers do not have the number of output tokens the study asks for",
         "the server must support exact lengths (ignore_eos)"),
    Code(FlagCode.WRONG_MODEL, True, "answers name another model than the one that was asked",
         "the server served a model that was loaded earlier"),
    Code(FlagCode.ESTIMATED_ENERGY, False, "energy comes from a power model and not from a meter",
         "measure on a machine with RAPL, NVML or a wall meter"),
)  # fmt: skip

CODES = {code.name: code for code in _TABLE}
