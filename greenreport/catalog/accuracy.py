"""How accurate instruments are, with the source of each figure; a calibration that a study declares replaces gain, linearity and offset."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

#: A limit of error that is all one knows stands for a rectangular distribution (JCGM 100:2008, 4.3.7).
RECTANGULAR = 3**0.5


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Limits of error of an instrument on some domains of some hardware.

    Attributes:
        domain: how the names of its domains begin.
        hardware: regular expression that the name of the processor or GPU holds.
        gain: limit of the error in proportion to the reading.
        linearity: the part of `gain` that differs from load to load; it is what remains of it in a ratio of two readings.
        offset_w: limit of the error that does not depend on the reading, in W.
        refresh_s: longest time between two updates of the reading, in s.
        watched: share of the time the instrument looks at.
        averages: whether a reading of power is a mean since the one before, so that it misses nothing in between.
        divisor: what turns a limit into a standard uncertainty.
        source: where the figures come from.
    """

    domain: str
    hardware: str
    gain: float
    linearity: float
    offset_w: float
    refresh_s: float
    source: str
    watched: float = 1.0
    averages: bool = False
    divisor: float = RECTANGULAR


def accuracy_for(rows: Iterable[Accuracy], domain: str, hardware: str) -> Accuracy | None:
    """Return the first row for a domain and the name of its hardware, or None without one."""
    return next((row for row in rows if domain.startswith(row.domain) and re.search(row.hardware, hardware)), None)


# Tables are read by row.
# fmt: off
#: No maker declares an accuracy of RAPL; the limits are read from published comparisons with external instruments.
RAPL = (
    Accuracy("dram", "", 0.20, 0.05, 0.0, 0.001,
        "Desrochers et al. 2016, doi:10.1145/2989081.2989088: memory follows an external meter up to an offset that differs between machines"),
    Accuracy("platform", "", 0.10, 0.05, 0.0, 0.001, "no comparison is known for the platform domain; taken here as twice the limit for packages"),
    Accuracy("", r"AMD", 0.10, 0.05, 0.0, 0.001,
        "Schöne et al. 2021, arXiv:2108.00808 (Zen 2): modelled from activity, blind to what operands cost; limit taken here"),
    Accuracy("", r"E5-\d{4}\w? (0|v2)\b|i[357]-[23]\d{3}\w?\b", 0.10, 0.05, 0.0, 0.001,
        "Hackenberg et al. 2013, doi:10.1109/ISPASS.2013.6557170 (Sandy Bridge): modelled, with an error that depends on the workload; limit taken here"),
    Accuracy("", r"Intel", 0.05, 0.02, 0.0, 0.001,
        "Hackenberg et al. 2015, doi:10.1109/IPDPSW.2015.70, and Khan et al. 2018, doi:10.1145/3177754: measured since Haswell, in line with "
        "external meters; limit taken here"),
    Accuracy("", "", 0.10, 0.05, 0.0, 0.001, "no comparison is known for this processor; limit taken here as for modelled energy"),
)
_NVML = "Yang et al. 2024, arXiv:2312.02741 (±5 % over 70 GPUs), and the manual of nvidia-smi (±5 W)"
NVML = (
    Accuracy("gpu", r"\b(A100|A30|H100|H200|H800|GH200)\b", 0.05, 0.01, 5.0, 0.1, f"{_NVML}; looks at 25 of each 100 ms", watched=0.25),
    Accuracy("gpu", "", 0.05, 0.01, 5.0, 0.1, _NVML),
)
AMD = (
    Accuracy("gpu", "", 0.10, 0.05, 10.0, 0.1, "no comparison is known for AMD's GPUs; limits taken here as twice those of NVML"),
)
APPLE = (
    Accuracy("", "", 0.20, 0.10, 0.0, 0.1, "Apple's manual of powermetrics calls them estimated and perhaps inaccurate; limits taken here"),
)
HWMON = (
    Accuracy("", "", 0.10, 0.05, 1.0, 1.0,
        "the chip behind a channel is not known; limits taken here as for modelled energy, with one step of 1 W, where the study declares no calibration"),
)
CONTROLLER = (
    Accuracy("", "", 0.10, 0.05, 5.0, 5.0,
        "makers of servers rarely say how exact their sensors are; limits taken here, with an update every 5 s, where the study declares no calibration"),
)
SCRAPED = (
    Accuracy("", "", 0.10, 0.05, 5.0, 15.0,
        "what the server scrapes is not known; limits taken here as for modelled energy, and a scrape every 15 s, where the study declares no calibration"),
)
WALL = (
    Accuracy("", "", 0.02, 0.005, 1.0, 1.0,
        "limits of a meter of class 2 (IEC 62053-21) and one step of 1 W, where the study declares no calibration", averages=True),
)
# fmt: on
