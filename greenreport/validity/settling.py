"""Had a run settled when its window began? A change point in the times of its answers says that it had not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from greenreport.record import FlagCode, Request, RunRecord
from greenreport.study import Study
from greenreport.traces import Floats
from greenreport.validity.window_checks import Faults

#: With fewer answers, a few that differ by chance look like a stretch.
FEWEST_ANSWERS = 10
#: A change is clear when it is so many standard errors away from none, at the best of all places, and so large.
CLEAR, LEAST_CHANGE = 6.0, 0.05


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """Where the first answers of a window differ most from the others.

    Attributes:
        answers: number of the first ones.
        change: their time relative to the others', beyond what lengths explain; 0.1: a tenth longer.
        t: the difference in standard errors.
    """

    answers: int
    change: float
    t: float


def answer_times(requests: Sequence[Request]) -> Floats | None:
    """Return the logarithms of the times of a window's answers, in their order, less what the lengths of prompts and outputs explain.

    The prompts of one batch are one answer. None where answers overlap, so that one has to wait for others, and with fewer than
    `FEWEST_ANSWERS`.
    """
    lengths: dict[tuple[int, int], tuple[int, int]] = {}
    for request in requests:
        if request.error is None:
            prompt, output = lengths.get((request.start_ns, request.end_ns), (0, 0))
            longest = max(output, request.output_tokens or 0)
            lengths[request.start_ns, request.end_ns] = prompt + (request.prompt_tokens or 0), longest
    spans = sorted(lengths)
    overlap = any(later[0] < earlier[1] for earlier, later in pairwise(spans))
    if overlap or len(spans) < FEWEST_ANSWERS or any(end <= start for start, end in spans):
        return None
    times = np.log([(end - start) / 1e9 for start, end in spans])
    tokens = np.log(np.maximum(1, [lengths[span] for span in spans]))
    known = np.column_stack((np.ones(len(spans)), tokens))
    return np.asarray(times - known @ np.linalg.lstsq(known, times, rcond=None)[0])


def change_point(times: Floats) -> ChangePoint:
    """Return the place in the first half of a window at which times change most (Worsley 1979, Journal of the ASA 74).

    Args:
        times: of answers, with mean 0; a stretch of at least two of them can differ.
    """
    n = len(times)
    cuts = np.arange(2, n // 2 + 1)
    sums = np.cumsum(times)[cuts - 1]
    first, rest = sums / cuts, (times.sum() - sums) / (n - cuts)
    left = (times**2).sum() - first**2 * cuts - rest**2 * (n - cuts)
    errors = np.sqrt(np.maximum(left, 1e-18) / (n - 2) * (1 / cuts + 1 / (n - cuts)))
    ts = (first - rest) / errors
    place = int(np.abs(ts).argmax())
    return ChangePoint(int(cuts[place]), float(np.expm1(first[place] - rest[place])), float(ts[place]))


def _settled(record: RunRecord, _: Study) -> Faults:
    times = answer_times(record.requests)
    if times is None:
        return
    found = change_point(times)
    if abs(found.t) >= CLEAR and abs(found.change) >= LEAST_CHANGE:
        longer = "longer" if found.change > 0 else "less"
        detail = f"the first {found.answers} of {len(times)} answers took {abs(found.change):.0%} {longer} than the others"
        yield FlagCode.UNSETTLED_WINDOW, detail


SETTLING_CHECKS = (_settled,)
