"""Checks on what kept the machine busy besides the run: other programs on its CPUs and GPUs, and the client itself."""

from __future__ import annotations

from greenreport import traces as tr
from greenreport.record import Domain, FlagCode, Mark, Phase, Quantity, RunRecord
from greenreport.study import Study
from greenreport.validity.foreign_gpu_processes import foreign_processes, ran_before
from greenreport.validity.window_checks import Faults

#: The kernel counts CPU time in steps of 10 ms; over half a second that is 2 % of a CPU.
SHORTEST_LOAD_S = 0.5
#: Share of one CPU above which answers may wait for the client, which is one process.
CLIENT_SHARE = 0.8


def foreign_load(record: RunRecord, mark: Mark) -> float | None:
    """Return the share of all CPUs, 0 to 1, that neither the server nor greenreport used during a phase.

    Returns:
        None in a phase too short to tell, and for a server that ran before and whose process is not known: its load cannot be
        separated from that of other programs.
    """
    busy = _cpu_s(record, Domain.MACHINE, mark)
    if busy is None or mark.duration_s < SHORTEST_LOAD_S:
        return None
    if ran_before(record) and _cpu_s(record, Domain.SERVER, mark) is None:
        return None
    own = sum(_cpu_s(record, domain, mark) or 0.0 for domain in (Domain.SERVER, Domain.SAMPLER, Domain.CLIENT))
    return min(1.0, max(0.0, busy - own) / (mark.duration_s * record.environment.logical_cpus))


def _cpu_s(record: RunRecord, domain: Domain, mark: Mark) -> float | None:
    trace = record.trace(domain, Quantity.CPU_TIME)
    return None if trace is None else tr.counter_growth(trace, mark.start_ns, mark.end_ns)


def _foreign_load(record: RunRecord, study: Study) -> Faults:
    limit = study.validity.foreign_load
    for phase in (Phase.IDLE_BEFORE, Phase.WINDOW, Phase.IDLE_AFTER):
        mark = record.mark(phase)
        share = None if mark is None else foreign_load(record, mark)
        if share is not None and share > limit:
            during = phase.value.replace("_", " ")
            yield FlagCode.FOREIGN_LOAD, f"other programs used {share:.1%} of all CPUs during {during} (at most {limit:.0%})"


def _foreign_processes(record: RunRecord, study: Study) -> Faults:
    limit = study.validity.foreign_gpu_processes
    for group in foreign_processes(record):
        if group.number > limit:
            noun = "process of another program" if group.number == 1 else "processes of other programs"
            where = f"on {', '.join(group.gpus)} {group.when}"
            yield FlagCode.FOREIGN_GPU_PROCESS, f"{group.number} {noun} {where} (at most {limit})"


def _client_busy(record: RunRecord, _: Study) -> Faults:
    window = record.mark(Phase.WINDOW)
    used_s = None if window is None or window.duration_s < SHORTEST_LOAD_S else _cpu_s(record, Domain.CLIENT, window)
    if window is not None and used_s is not None and used_s > CLIENT_SHARE * window.duration_s:
        yield (FlagCode.CLIENT_BUSY, f"the client took {used_s:.1f} s of CPU time in a window of {window.duration_s:.1f} s")


LOAD_CHECKS = (_foreign_load, _foreign_processes, _client_busy)
