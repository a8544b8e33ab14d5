"""The result files of other tools that can be read. Others add theirs through the entry point group ``greenreport.formats``."""

from __future__ import annotations

from dataclasses import dataclass

from greenreport.catalog.table import CatalogTable

_IN = "greenreport.imports.formats"


@dataclass(frozen=True, slots=True)
class FormatInfo:
    """A kind of result file.

    Attributes:
        target: its reader, a subclass of `imports.reader.Reader`.
        summary: which program writes it, and what a row is.
    """

    name: str
    label: str
    target: str
    summary: str


# Tables are read by row.
# fmt: off
_FORMATS = (
    FormatInfo("experiment-runner", "experiment-runner", f"{_IN}.experiment_runner:ExperimentRunner", "run_table.csv of experiment-runner: a row for each run"),
    FormatInfo("energibridge", "EnergiBridge", f"{_IN}.energibridge:EnergiBridgeSamples", "samples of EnergiBridge: a run for each file, an audit sees the samples"),
    FormatInfo("nvidia-smi", "nvidia-smi", f"{_IN}.nvidia_smi:NvidiaSmi", "samples of nvidia-smi --query-gpu: a run for each file"),
    FormatInfo("netio", "NETIO", f"{_IN}.netio:Netio", "samples of a NETIO power meter: a run for each file"),
    FormatInfo("codecarbon", "codecarbon", f"{_IN}.codecarbon:CodeCarbon", "emissions.csv of codecarbon: a row for each run"),
    FormatInfo("guidellm", "GuideLLM", f"{_IN}.guidellm:GuideLlm", "benchmarks of GuideLLM: a row for each load"),
    FormatInfo("inference-perf", "inference-perf", f"{_IN}.inference_perf:InferencePerf", "stages of inference-perf: a row for each load"),
    FormatInfo("llm-d", "llm-d Benchmark Report", f"{_IN}.llm_d:LlmDReport", "Benchmark Report 0.2 of llm-d: a row for each report"),
    FormatInfo("ml-energy", "ML.ENERGY", f"{_IN}.ml_energy:MlEnergy", "results.json of the ML.ENERGY benchmark: a row for each file"),
    FormatInfo("vllm-bench", "vLLM bench serve", f"{_IN}.vllm_bench:VllmBench", "results of vllm bench serve: a row for each benchmark"),
    FormatInfo("aiperf", "AIPerf", f"{_IN}.aiperf:AiPerf", "profile_export_aiperf.json: a row for each profile"),
    FormatInfo("optimum-benchmark", "optimum-benchmark", f"{_IN}.optimum_benchmark:OptimumBenchmark", "reports of optimum-benchmark: a row for each file"),
    FormatInfo("inferencex", "InferenceX", f"{_IN}.inferencex:InferenceX", "aggregated rows of InferenceX: a row for each load"),
    FormatInfo("lm-eval", "lm-evaluation-harness", f"{_IN}.lm_eval:LmEval", "results of lm-evaluation-harness: a row for each task"),
    FormatInfo("tidy", "tidy table", f"{_IN}.tidy:Tidy", "greenreport's own table of text: a row for each value"),
    FormatInfo("csv", "table of text", f"{_IN}.plain_csv:PlainCsv", "any table with a header: a row for each run, columns as a mapping says"),
)
# fmt: on

#: In the order in which a file is offered to them: the first that knows it reads it.
FORMATS = CatalogTable("greenreport.formats", FormatInfo, _FORMATS)
