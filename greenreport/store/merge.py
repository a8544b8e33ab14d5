"""Joining stores of machines that never met: every record once, and nothing where two stores disagree about one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from greenreport.errors import StoreError
from greenreport.record import RunRecord, Verdict
from greenreport.store.reader import BATCH, RecordReader
from greenreport.store.store import Store

#: Disagreements that are told one by one.
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge has brought: new records, those that were there already, and judgements of answers."""

    added: int
    held: int
    verdicts: int


def merge(target: Store, source: RecordReader) -> Merged:
    """Add the records of a source that a store does not have; of verdicts on one answer the latest stays.

    Raises:
        StoreError: a record that both hold differs, or something cannot be read or written; nothing was added.
    """
    held = target.ids()
    theirs = sorted(source.ids())
    both = [run_id for run_id in theirs if run_id in held]
    new = [run_id for run_id in theirs if run_id not in held]
    if found := [difference for batch in _batches(both) for difference in _differences(target, source, batch)]:
        more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise StoreError(
            f"the stores disagree, so nothing was merged: {'; '.join(found[:SHOWN])}{more}. A record is never changed: one of the stores was altered"
        )
    target.append(record for batch in _batches(new) for record in source.records(batch))
    verdicts = _later(target, source, theirs)
    target.add_verdicts(verdicts)
    return Merged(len(new), len(both), len(verdicts))


def _batches(run_ids: Sequence[str]) -> Sequence[Sequence[str]]:
    return [run_ids[start : start + BATCH] for start in range(0, len(run_ids), BATCH)]


def _differences(target: RecordReader, source: RecordReader, run_ids: Sequence[str]) -> Sequence[str]:
    """Return in which parts the records with these ids differ; verdicts, which are added later, do not count."""
    ours = {record.run_id: _measured(record) for record in target.records(run_ids)}
    theirs = {record.run_id: _measured(record) for record in source.records(run_ids)}
    told = []
    for run_id in run_ids:
        one, other = ours[run_id], theirs[run_id]
        parts = [field.name for field in fields(RunRecord) if getattr(one, field.name) != getattr(other, field.name)]
        if parts:
            told.append(f"run {run_id} ({one.key}, repetition {one.repetition}) has other {', '.join(parts)}")
    return told


def _measured(record: RunRecord) -> RunRecord:
    return replace(record, verdicts=())


def _later(target: RecordReader, source: RecordReader, run_ids: Sequence[str]) -> list[Verdict]:
    """Return the verdicts of a source that are later than those of the store on the same answers."""
    found: dict[tuple[str, str, str], Verdict] = {}
    for batch in _batches(run_ids):
        ours = {_of(verdict): verdict for record in target.records(batch) for verdict in record.verdicts}
        for record in source.records(batch):
            for verdict in record.verdicts:
                known = ours.get(_of(verdict))
                if known is None or verdict.scored_at > known.scored_at:
                    found[_of(verdict)] = verdict
    return list(found.values())


def _of(verdict: Verdict) -> tuple[str, str, str]:
    return verdict.prompt_sha256, verdict.output_sha256, verdict.task
