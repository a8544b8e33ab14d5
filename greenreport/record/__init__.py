"""What happened: the values a run leaves behind.

Times are nanoseconds of CLOCK_MONOTONIC, which all processes of one host share; a wall-clock time is kept once per run, for
people. Values are in SI base units. An absent value is ``None``, never 0 or "".
"""

from greenreport.record.environment import EngineLibraries, Environment, Gpu
from greenreport.record.faults import Flag, FlagCode, Missing, MissingCode
from greenreport.record.index_row import IndexRow
from greenreport.record.run import (
    SETTLED,
    Facts,
    Mark,
    Metering,
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
    Verdict,
    VerdictCode,
)
from greenreport.record.trace import (
    ENERGY_QUANTITIES,
    Domain,
    Method,
    Quantity,
    ServerStage,
    Trace,
    TraceKind,
    is_cpu,
    is_gpu,
    is_memory,
    overlap,
    span_of,
)

__all__ = [
    "ENERGY_QUANTITIES", "SETTLED", "Domain", "EngineLibraries", "Environment", "Facts", "Flag", "FlagCode", "Gpu", "IndexRow", "Mark", "Metering", "Method",
    "Missing", "MissingCode", "Outcome", "Output", "Phase", "Prompt", "Quantity", "RecordKind", "Request", "RequestError",
    "RequestErrorKind", "RunRecord", "RunSpec", "ServerStage", "Trace", "TraceKind", "Verdict", "VerdictCode", "is_cpu", "is_gpu",
    "is_memory", "overlap", "span_of",
]  # fmt: skip
