"""When the Slurm job of a host ends."""

from __future__ import annotations

import os
import re
import subprocess
import time
from contextlib import suppress

ANSWER_S = 20.0
#: Time left as ``squeue`` writes it: days, hours, minutes and seconds; the first two where there are any.
_LEFT = re.compile(r"(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+)")


def job_end_s() -> float | None:
    """Return when the job of this process ends, in seconds since 1970; None outside of a job, and where it has no limit."""
    end, job = os.environ.get("SLURM_JOB_END_TIME", ""), os.environ.get("SLURM_JOB_ID", "")
    if end.isdigit():  # since Slurm 23
        return float(end)
    if not job.isdigit():
        return None
    with suppress(OSError, subprocess.SubprocessError):
        asked = subprocess.run(
            ["squeue", "-h", "-j", job, "-o", "%L"], capture_output=True, text=True, timeout=ANSWER_S, check=False
        )
        if left := _LEFT.fullmatch(asked.stdout.strip()):
            days, hours, minutes, seconds = (int(part or 0) for part in left.groups())
            return time.time() + ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    return None
