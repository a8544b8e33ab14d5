"""Power of a server by its own management controller, through the program ipmitool (``ipmitool dcmi power reading``).

The boundary is the whole machine with its power supplies. The program is started for each reading, which takes it a tenth of a second or
more, so it is asked every two seconds.
"""

from __future__ import annotations

import os
import re
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress

from greenreport.errors import MeterUnavailable
from greenreport.meters.base import Channel, Meter
from greenreport.record import Domain, Quantity, TraceKind
from greenreport.study.hardware_options import IpmiUse

REMEDY_INSTALL = "install ipmitool, or name it in the study: `- ipmi: {path: /opt/bin/ipmitool}`"
REMEDY_ACCESS = "`sudo modprobe ipmi_si ipmi_devintf; sudo chmod a+rw /dev/ipmi0` after each boot; some controllers have no DCMI: try redfish"
#: Longest time for one reading, in seconds, and most that is read of what the program says.
WITHIN_S, MOST_BYTES = 3.0, 65_536
READING = re.compile(rb"Instantaneous power reading:\s*(\d{1,7})\s*Watts", re.IGNORECASE)
ACTIVE = re.compile(rb"Power reading state is:\s*activated", re.IGNORECASE)


class Ipmi(Meter):
    """Starts the program for each reading."""

    use: IpmiUse

    own_interval_s = 2.003

    program = ""

    def open(self) -> tuple[Channel, ...]:
        program = shutil.which(self.use.path or "ipmitool")
        if program is None:
            cause = "the program ipmitool is not installed" if self.use.path is None else "`path` names no program"
            raise MeterUnavailable(cause, REMEDY_INSTALL)
        self.program = program
        said = _said(program)
        if said is None:
            raise MeterUnavailable(f"ipmitool gave no answer within {WITHIN_S:g} s, or could not be started", REMEDY_ACCESS)
        if _watts(said) is None:
            raise MeterUnavailable("ipmitool shows no power of this machine", REMEDY_ACCESS)
        return (Channel(Domain.MACHINE, Quantity.POWER, TraceKind.GAUGE, "W"),)

    def read(self) -> Sequence[float | None]:
        watts = _watts(_said(self.program) or b"")
        if watts is None:
            self.note("ipmitool gave no power at times", REMEDY_ACCESS)
        return [watts]


def _watts(said: bytes) -> float | None:
    """Return the power in what the program said; a controller whose reading is switched off shows 0 W, which is none."""
    found = READING.search(said)
    return float(found[1]) if found is not None and ACTIVE.search(said) is not None else None


def _said(program: str) -> bytes | None:
    """Return what the program says, up to a bound, or None where it takes too long or cannot be started."""
    deadline = time.monotonic() + WITHIN_S
    try:
        process = subprocess.Popen(
            [program, "dcmi", "power", "reading"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C"},
            process_group=0,
        )
    except OSError:
        return None
    said = b""
    ended = False
    with process, selectors.DefaultSelector() as waiting:
        assert process.stdout is not None
        waiting.register(process.stdout, selectors.EVENT_READ)
        while not ended and len(said) < MOST_BYTES and waiting.select(max(0.0, deadline - time.monotonic())):
            chunk = os.read(process.stdout.fileno(), 4096)
            said, ended = said + chunk, not chunk
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    return said if ended or len(said) >= MOST_BYTES else None
