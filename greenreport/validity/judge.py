"""The verdict on one record: its validity flags, and the outcome that follows from them.

A fatal flag keeps the run, excludes it from tests, and makes it pending again. Any other flag is shown beside the numbers. The
checks look at what happened, never at whether the result is plausible. Thresholds are the study's (`validity:`); they change no
fingerprint, so finished runs are judged anew whenever they are analysed.
"""

from __future__ import annotations

from dataclasses import replace

from greenreport.record import Flag, FlagCode, Outcome, Phase, RunRecord
from greenreport.study import Study
from greenreport.validity.foreign_load_checks import LOAD_CHECKS
from greenreport.validity.meter_checks import METER_CHECKS
from greenreport.validity.reason_codes import CODES
from greenreport.validity.request_checks import REQUEST_CHECKS
from greenreport.validity.settling import SETTLING_CHECKS
from greenreport.validity.standstill_checks import STANDSTILL_CHECKS
from greenreport.validity.window_checks import WINDOW_CHECKS

CHECKS = (*WINDOW_CHECKS, *LOAD_CHECKS, *METER_CHECKS, *STANDSTILL_CHECKS, *SETTLING_CHECKS, *REQUEST_CHECKS)


def judged(record: RunRecord, study: Study) -> RunRecord:
    """Return the record with its flags, and with the outcome that follows from them.

    Runs that ended before they were measured (a crash, no memory, no GPU) are returned unchanged.
    """
    measured = record.outcome is Outcome.OK or (record.outcome is Outcome.INVALID and record.mark(Phase.WINDOW) is not None)
    if not measured:
        return record
    flags = validity_flags(record, study)
    fatal = [flag.detail for flag in flags if flag.fatal]
    return replace(record, flags=flags, outcome=Outcome.INVALID if fatal else Outcome.OK, reason="; ".join(fatal) or None)


def validity_flags(record: RunRecord, study: Study) -> tuple[Flag, ...]:
    """Return every flag of a measured run, in the order of `FlagCode`."""
    faults = [fault for check in CHECKS for fault in check(record, study)]
    order = list(FlagCode)
    faults.sort(key=lambda fault: order.index(fault[0]))
    return tuple(Flag(code, detail, fatal=excludes(code, study)) for code, detail in faults)


def excludes(code: FlagCode, study: Study) -> bool:
    """Whether a flag excludes a run from the tests of a study."""
    rules = study.validity
    return code in rules.exclude or (CODES[code].fatal and code not in rules.admit)
