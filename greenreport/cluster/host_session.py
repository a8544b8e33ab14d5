"""What a host does for the coordinator: say what it is, perform blocks, and keep every record until the coordinator has it."""

from __future__ import annotations

import os
import pickle
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from greenreport import __version__
from greenreport.cluster import messages
from greenreport.cluster.host_channel import HostChannel
from greenreport.cluster.slurm_job import job_end_s
from greenreport.errors import ModelUnavailable, StoreError, StoreLocked
from greenreport.execute.assignment import Assignment
from greenreport.execute.control import control_record
from greenreport.execute.doctor import examine
from greenreport.execute.host import environment
from greenreport.execute.host_lock import host_lock
from greenreport.execute.runner import StudyRuns
from greenreport.plan import PendingRun, Plan, Reason, Run
from greenreport.record import Environment, Phase, RunRecord
from greenreport.store import Spooled, Store
from greenreport.store.codec import environment_row
from greenreport.study import Study
from greenreport.workloads.prompts import PromptList
from greenreport.workspace import STORE_FILE, plan_in

#: Below this a host's disk cannot hold the record of a long run.
LEAST_FREE_B = 50_000_000


class HostStore(Store):
    """The records of a host: each is a file of the spool until the coordinator says that it is kept."""

    def __init__(self, path: Path, channel: HostChannel) -> None:
        super().__init__(path)
        self.channel = channel

    def keep(self, records: Sequence[RunRecord], patience_s: float) -> Spooled | None:
        """Write records into the spool, and send them."""
        with self.channel.storing:
            file = self.set_aside(records)
        self.channel.report(messages.Records(name=file.name), file.read_bytes())
        return None


@dataclass(frozen=True, slots=True)
class HostReporter:
    """Tells the coordinator what happens; the runs themselves arrive as records."""

    channel: HostChannel

    def preparing(self, what: str) -> None:
        self.channel.report(messages.Preparing(what=what))

    def run_begins(self, pending: PendingRun, number: int, total: int) -> None:
        self.channel.report(messages.RunBegins(key=pending.run.cell.key, repetition=pending.run.repetition))

    def phase(self, phase: Phase) -> None:
        self.channel.report(messages.PhaseBegins(phase=phase))

    def run_ended(self, record: RunRecord) -> None:
        """Nothing: the record is there."""

    def spooled(self, records: Spooled) -> None:
        """Nothing: every record of a host is spooled."""


class Refused(Exception):
    """This host cannot measure for the coordinator."""

    def __init__(self, code: messages.RefusalCode, text: str) -> None:
        super().__init__(text)
        self.refusal = messages.Refusal(code=code, text=text)


def serve(channel: HostChannel) -> None:
    """Do what the coordinator orders until it says that it is the end, or is gone."""
    first = channel.next()
    if first is None or not isinstance(first[0], messages.Start):
        return
    start = first[0]
    try:
        if start.version != __version__:
            text = f"greenreport is {__version__} there and {start.version} here; install the same version"
            raise Refused(messages.RefusalCode.VERSION, text)
        folder = Path(start.folder).expanduser()
        if start.examine:
            channel.report(_hello(folder, environment(), ()))
            _examine(channel, folder)
            return
        _measure(channel, folder)
    except Refused as refused:
        channel.report(refused.refusal)


def _examine(channel: HostChannel, folder: Path) -> None:
    _, checks = examine()
    lines = [messages.CheckLine(group=c.group, name=c.name, works=c.works, detail=c.detail, remedy=c.remedy) for c in checks]
    try:
        with host_lock(shared=False):
            lines.append(messages.CheckLine(group="lock", name="lock", works=True, detail="free: nothing else measures here"))
    except StoreLocked as error:
        lines.append(messages.CheckLine(group="lock", name="lock", works=False, detail=str(error)))
    try:
        _make(folder)
    except Refused as refused:
        lines.append(messages.CheckLine(group="folder", name="folder", works=False, detail=refused.refusal.text))
    channel.report(messages.Examined(checks=tuple(lines)))


def _measure(channel: HostChannel, folder: Path) -> None:
    here = environment()
    # Of a folder that several hosts share, each has a part of its own: two of them must not convert one model at once.
    store = HostStore(folder / "hosts" / here.host_sha256 / STORE_FILE, channel)
    _make(store.path.parent)
    try:
        with host_lock(shared=False):
            waiting = sorted((folder / "hosts").glob(f"*/{store.spool.name}/*.duckdb"))
            channel.report(_hello(folder, here, tuple(str(file.relative_to(folder / "hosts")) for file in waiting)))
            _obey(channel, folder, store, here)
    except StoreLocked as error:
        raise Refused(messages.RefusalCode.LOCKED, str(error)) from None
    except StoreError as error:
        raise Refused(messages.RefusalCode.DISK, str(error)) from None


def _obey(channel: HostChannel, folder: Path, store: HostStore, here: Environment) -> None:
    runs: StudyRuns | None = None
    plan: Plan | None = None
    while (received := channel.next()) is not None:
        match received:
            case messages.Assign() as assign, payload:
                plan, runs = _assigned(channel, assign, payload, folder, store, here)
            case messages.Block() as block, _ if plan is not None and runs is not None:
                if _full(folder):
                    raise Refused(
                        messages.RefusalCode.DISK, f"less than {LEAST_FREE_B // 10**6} MB are free in {folder}; make room"
                    )
                cells = {cell.key: cell for cell in plan.cells}
                wanted = [Run(cells[run.key], block.repetition, run.position) for run in block.runs]
                runs.perform([PendingRun(run, Reason.NEW) for run in wanted])
                channel.report(messages.BlockEnds(repetition=block.repetition))
            case messages.Control() as control, _:
                store.keep([control_record(control.study, here, control.before_s, control.most)], 0.0)
            case messages.Collect() as collect, _:
                file = _spooled(folder, store, collect.name)
                if file.is_file():
                    channel.report(messages.Records(name=collect.name), file.read_bytes())
                else:
                    channel.report(messages.Absent(name=collect.name))
            case messages.Acknowledge() as kept, _:
                _spooled(folder, store, kept.name).unlink(missing_ok=True)
            case messages.Stay(), _:
                pass
            case _:
                return


def _assigned(
    channel: HostChannel, assign: messages.Assign, payload: bytes, folder: Path, store: HostStore, here: Environment
) -> tuple[Plan, StudyRuns]:
    # The coordinator started this process and may do here whatever it likes: its pickles are no one else's.
    study, prompts = pickle.loads(payload)  # noqa: S301
    assert isinstance(study, Study)
    assert isinstance(prompts, PromptList)
    try:
        plan = plan_in(study, assign.prompts, folder)
    except ModelUnavailable as error:
        raise Refused(
            messages.RefusalCode.STUDY, f"{error}; relative paths of a study start in the host's folder {folder}"
        ) from None
    ours = {cell.key: cell.fingerprint for cell in plan.cells}
    for key, fingerprint in assign.fingerprints.items():
        if ours.get(key) != fingerprint:
            text = f"{key} would be another measurement there: another greenreport, or other files of the model"
            raise Refused(messages.RefusalCode.FINGERPRINT, text)
    assignment = Assignment(study, prompts, here, store, folder, store.path.parent)
    cells = [cell for cell in plan.cells if cell.key in assign.fingerprints]
    return plan, StudyRuns(assignment, cells, HostReporter(channel))


def _spooled(folder: Path, store: HostStore, name: str) -> Path:
    """Return a file of a spool; a name with a folder comes from `Hello.waiting`."""
    return (folder / "hosts" / name) if "/" in name else store.spool / name


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(messages.RefusalCode.FOLDER, f"the folder {folder} cannot be written: {error.strerror}") from None


def _full(folder: Path) -> bool:
    return shutil.disk_usage(folder).free < LEAST_FREE_B


def _hello(folder: Path, here: Environment, waiting: tuple[str, ...]) -> messages.Hello:
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    return messages.Hello(
        version=__version__,
        environment=environment_row(here)[2],
        waiting=waiting,
        clock_s=time.time(),
        free_b=shutil.disk_usage(existing).free,
        cpus=len(os.sched_getaffinity(0)),
        ends_at_s=job_end_s(),
        job=os.environ.get("SLURM_JOB_ID"),
    )
