"""The metrics: unit, direction, the words of sentences, and the definition printed beside each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from greenreport.catalog.table import CatalogTable

#: Units of energy, of power, and of what is made of them.
ENERGY_UNITS = frozenset({"J", "W", "J·s", "J/request", "J/answer", "J/token", "1/kJ", "1/J"})


class Better(StrEnum):
    """The direction in which a metric is better, where there is one."""

    LOWER = "lower"
    HIGHER = "higher"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """A metric: SI unit, direction, and the definition printed beside it.

    Attributes:
        noun: the metric inside a sentence ("energy", "execution time").
        less, more: comparison words of that noun ("less"/"more", "shorter"/"longer").
        target: of a metric that another package adds, the function that computes it: ``"module:function"``, from a `RunRecord`
            to an `Observation`.
        share_of_energy: whether it is a share of the energy, in percent.
        verb: of a sentence on who is best; by the words of comparison when empty ("uses the least", "has the shortest").
        counted: of a share of what can be counted, that ("right answers"): where all answer the same problems, a ratio of shares is one of
            numbers.
    """

    id: str
    label: str
    unit: str
    better: Better
    noun: str
    definition: str
    less: str = "less"
    more: str = "more"
    target: str = ""
    share_of_energy: bool = False
    verb: str = ""
    counted: str = ""

    @property
    def compared(self) -> str:
        """The noun behind the size of a ratio."""
        return self.counted or self.noun

    def word(self, ratio: float) -> str:
        """The word between the size of a ratio and its noun: ``less``, ``longer``, ``fewer``."""
        if self.counted:
            return "fewer" if ratio < 1 else "more"
        return self.less if ratio < 1 else self.more

    @property
    def takes_article(self) -> bool:
        """Whether a size before the noun takes one inside a sentence: ``a 16 % shorter execution time``, but ``16 % less energy``."""
        return self.less != "less" and not self.counted

    @property
    def name(self) -> str:
        """The id, its key in the table."""
        return self.id

    @property
    def of_energy(self) -> bool:
        """Whether energy is part of it, so that a boundary belongs to it and it can be an estimate."""
        return self.share_of_energy or self.unit in ENERGY_UNITS

    def meaning(self, *, imported: bool = False) -> str:
        """Return the definition; of imported values, which others measured, only what is known of them."""
        if not imported:
            return self.definition
        unknown = "what it includes is" if self.of_energy else "how it was measured is"
        return f"{self.label} as the imported table gives it; {unknown} not known here."

    @property
    def direction(self) -> Literal["lower", "higher"]:
        """The better direction; of a metric without one, lower."""
        return "higher" if self.better is Better.HIGHER else "lower"


def _percentiles(name: str, label: str, of: str, less: str, more: str) -> Iterator[MetricInfo]:
    """Yield the metrics of a time's percentiles."""
    for percent in (90, 95, 99):
        yield MetricInfo(
            f"{name}_p{percent}_s", f"{label} (p{percent})", "s", Better.LOWER, f"{percent}th-percentile {label.lower()}",
            f"{percent}th percentile {of}.", less, more,
        )  # fmt: skip


# Tables are read by row.
# fmt: off
_L, _H, _N = Better.LOWER, Better.HIGHER, Better.NEITHER
_TOTAL = "the time from sending (in an open loop, from when it was due) to the complete answer"
_METRICS = (
    MetricInfo("energy_j", "Energy", "J", _L, "energy",
        "Energy of the declared boundary over the measured window: serving requests only, idle power included."),
    MetricInfo("energy_net_j", "Net energy", "J", _L, "net energy",
        "Energy minus idle power times window length; idle power from the run's own idle baseline with the server up."),
    MetricInfo("prefill_energy_j", "Prefill energy", "J", _L, "prefill energy",
        "Energy between arrival of a request and its first token, over all requests; server's clock."),
    MetricInfo("decode_energy_j", "Decode energy", "J", _L, "decode energy",
        "Energy between the first and the last token of a request, over all requests; server's clock."),
    MetricInfo("cpu_energy_j", "CPU energy", "J", _L, "CPU energy", "Energy of all CPU packages over the window."),
    MetricInfo("dram_energy_j", "DRAM energy", "J", _L, "memory energy", "Energy of the memory domain over the window."),
    MetricInfo("gpu_energy_j", "GPU energy", "J", _L, "GPU energy", "Energy of all GPUs of the boundary over the window."),
    MetricInfo("machine_energy_j", "Machine energy", "J", _L, "machine energy",
        "Energy at the wall or platform domain over the window."),
    MetricInfo("j_per_request", "Energy per request", "J/request", _L, "energy per request", "Energy ÷ completed requests."),
    MetricInfo("j_per_output_token", "Energy per output token", "J/token", _L, "energy per output token",
        "Energy ÷ output tokens."),
    MetricInfo("requests_per_kj", "Requests per kJ", "1/kJ", _H, "requests per kilojoule", "Completed requests ÷ energy."),
    MetricInfo("tokens_per_j", "Tokens per joule", "1/J", _H, "output tokens per joule", "Output tokens ÷ energy."),
    MetricInfo("energy_delay_js", "Energy–delay product", "J·s", _L, "energy–delay product",
        "Energy × execution time (Horowitz et al. 1994): a balance of both.", "lower", "higher"),
    MetricInfo("duration_s", "Execution time", "s", _L, "execution time",
        "First request sent until last response complete, seen by the client.", "shorter", "longer"),
    MetricInfo("server_duration_s", "Server time", "s", _L, "server time",
        "Sum over requests of the time between arrival and completion, seen by the server.", "shorter", "longer"),
    MetricInfo("latency_s", "Latency (median)", "s", _L, "latency", f"Median over requests of {_TOTAL}.", "lower", "higher"),
    *_percentiles("latency", "Latency", f"over requests of {_TOTAL}", "lower", "higher"),
    MetricInfo("ttft_s", "Time to first token", "s", _L, "time to first token",
        "Median over requests of the time from sending to the first output token.", "shorter", "longer"),
    *_percentiles("ttft", "Time to first token", "over requests of the time from sending to the first output token", "shorter", "longer"),
    MetricInfo("tbt_s", "Time between tokens", "s", _L, "time between tokens",
        "Median over requests of the mean gap between successive output tokens.", "shorter", "longer"),
    MetricInfo("throughput_tokens_per_s", "Throughput", "tokens/s", _H, "throughput", "Output tokens ÷ execution time.",
        "lower", "higher"),
    MetricInfo("throughput_requests_per_s", "Request throughput", "requests/s", _H, "request throughput",
        "Completed requests ÷ execution time.", "lower", "higher"),
    *_percentiles("tbt", "Time between tokens", "of all gaps between successive output tokens", "shorter", "longer"),
    MetricInfo("queue_s", "Time in queue", "s", _L, "time in queue",
        "Median over requests of the time between arrival at the server and the begin of their batch.", "shorter", "longer"),
    MetricInfo("served_well_pct", "Requests served well", "%", _H, "share of requests served well",
        "Requests that keep every bound of the study's objective ÷ completed requests.", "lower", "higher"),
    MetricInfo("goodput_requests_per_s", "Goodput", "requests/s", _H, "goodput",
        "Requests that keep every bound of the study's objective ÷ execution time.", "lower", "higher"),
    MetricInfo("error_pct", "Requests failed", "%", _L, "share of failed requests",
        "Failed requests ÷ requests sent in the window. Latencies are of answered requests alone.", "lower", "higher"),
    MetricInfo("j_per_good_request", "Energy per request served well", "J/request", _L, "energy per request served well",
        "Energy of all requests ÷ requests that keep every bound of the study's objective."),
    MetricInfo("solved_pct", "Answers right", "%", _H, "share of right answers",
        "Right answers ÷ answers that were judged: pass@1 over the requests of the window.", "lower", "higher", counted="right answers"),
    MetricInfo("accuracy_pct", "Accuracy", "%", _H, "accuracy",
        "Share of a task's items that are answered as its key says; imported results alone have it.", "lower", "higher"),
    MetricInfo("j_per_right_answer", "Energy per right answer", "J/answer", _L, "energy per right answer",
        "Energy of all requests, those with wrong answers too, ÷ right answers.", verb="needs"),
    MetricInfo("s_per_right_answer", "Time per right answer", "s/answer", _L, "time per right answer",
        "Execution time, that of wrong answers too, ÷ right answers.", verb="needs"),
    MetricInfo("tokens_per_right_answer", "Tokens per right answer", "tokens/answer", _L, "output tokens per right answer",
        "Output tokens, those of wrong answers too, ÷ right answers.", "fewer", "more", verb="needs"),
    MetricInfo("wrong_energy_pct", "Energy on wrong answers", "%", _L, "share of energy spent on wrong answers",
        "Energy over the times of requests whose answer is wrong ÷ energy over those of all judged requests. Where requests overlap or are too short to be told "
        "apart, by their output tokens.", "lower", "higher", share_of_energy=True),
    MetricInfo("cold_start_s", "Cold start", "s", _L, "cold start",
        "Start of the server process until it can answer: interpreter, load and compile.", "shorter", "longer"),
    MetricInfo("cold_start_energy_j", "Energy of a cold start", "J", _L, "energy of a cold start",
        "Energy of the declared boundary from the start of the server process until it can answer, idle power included."),
    MetricInfo("first_request_s", "First request", "s", _L, "time of the first request",
        "The first request a new server is sent, from sending to the complete answer: that of the warm-up, or of the window without one.",
        "shorter", "longer"),
    MetricInfo("first_request_energy_j", "Energy of the first request", "J", _L, "energy of the first request",
        "Energy of the declared boundary over the first request a new server is sent, idle power included."),
    MetricInfo("weights_b", "Model size", "B", _L, "model size",
        "Size of the weights as loaded: of the parameters in memory, or of the converted model's files.", "smaller", "larger"),
    MetricInfo("power_mean_w", "Mean power", "W", _L, "mean power", "Energy ÷ window length.", "lower", "higher"),
    MetricInfo("power_p95_w", "Power (p95)", "W", _L, "95th-percentile power",
        "95th percentile of the sampled power in the window.", "lower", "higher"),
    MetricInfo("power_peak_w", "Peak power", "W", _L, "peak power", "Largest sampled power in the window.", "lower", "higher"),
    MetricInfo("idle_power_w", "Idle power", "W", _L, "idle power", "Mean power of the idle baseline.", "lower", "higher"),
    MetricInfo("cpu_usage_pct", "CPU usage", "%", _N, "CPU usage",
        "Time-weighted mean load of the whole machine over the window.", "lower", "higher"),
    MetricInfo("process_cpu_pct", "CPU usage of the server", "%", _N, "CPU usage of the server",
        "CPU time of the serving process tree ÷ (window length · logical CPUs).", "lower", "higher"),
    MetricInfo("cpu_time_s", "CPU time", "s", _L, "CPU time",
        "CPU time of the serving process tree over the window."),
    MetricInfo("profiler_cpu_pct", "CPU usage of the profiler", "%", _L, "CPU usage of the profiler",
        "CPU time of the sampling process ÷ (window length · logical CPUs).", "lower", "higher"),
    MetricInfo("ram_usage_pct", "RAM usage", "%", _L, "RAM usage", "Mean used memory ÷ installed memory.", "lower", "higher"),
    MetricInfo("ram_used_b", "RAM used", "B", _L, "memory in use", "Mean used memory of the whole machine."),
    MetricInfo("ram_rss_peak_b", "Server memory (RSS peak)", "B", _L, "server memory",
        "Largest resident set size of the serving process tree in the window."),
    MetricInfo("gpu_usage_pct", "GPU usage", "%", _N, "GPU usage", "Time-weighted mean of NVML utilisation.gpu.", "lower",
        "higher"),
    MetricInfo("gpu_memory_utilization_pct", "GPU memory utilisation", "%", _N, "GPU memory utilisation",
        "Time-weighted mean of NVML utilisation.memory: share of time GPU memory was read or written.", "lower", "higher"),
    MetricInfo("gpu_memory_used_b", "GPU memory used", "B", _L, "GPU memory", "Mean of used GPU memory."),
    MetricInfo("gpu_memory_used_pct", "GPU memory used", "%", _L, "GPU memory in use",
        "Mean used GPU memory ÷ installed GPU memory.", "lower", "higher"),
    MetricInfo("load_s", "Load time", "s", _L, "load time", "Reading weights and building the engine's model.", "shorter",
        "longer"),
    MetricInfo("compile_s", "Compile time", "s", _L, "compile time", "Just-in-time compilation before serving.", "shorter",
        "longer"),
)
# fmt: on

METRICS = CatalogTable("greenreport.metrics", MetricInfo, _METRICS)
