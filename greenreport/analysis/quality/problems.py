"""The answers of a cell by problem: which are right, and what each problem took of every run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.latency import inside
from greenreport.analysis.measure.run_view import RunView
from greenreport.analysis.stats.samples import Floats
from greenreport.record import Request

#: Metrics that are read from verdicts on the same problems: repeating the runs says nothing about further problems.
OVER_PROBLEMS = frozenset({"solved_pct"})


@dataclass(frozen=True, slots=True)
class CellAnswers:
    """The judged answers of a cell; arrays are runs × problems.

    Attributes:
        problems: digests of the prompts, in the order in which they were first asked.
        blocks: repetitions of the runs.
        answered, right: judged answers, and those that are right.
        seconds: execution time of a run, shared among its problems by the times of their requests; by their output tokens where
            requests overlap.
        joules: energy, shared in the same way; None where it may answer nothing.
        first: digest of the output of the first run, by problem.
    """

    cell: CellView
    problems: tuple[str, ...]
    blocks: tuple[int, ...]
    answered: Floats
    right: Floats
    seconds: Floats
    joules: Floats | None
    first: tuple[str, ...]

    @property
    def shares(self) -> Floats:
        """Share of right answers to each problem over all runs, 0 to 1."""
        return np.asarray(self.right.sum(axis=0) / self.answered.sum(axis=0), dtype=np.float64)

    @property
    def steady(self) -> bool:
        """Whether each problem is always answered rightly, or never."""
        return bool(np.isin(self.shares, (0.0, 1.0)).all())

    def on(self, problems: Sequence[str]) -> CellAnswers:
        """Return the answers to some of the problems, in their order."""
        columns = [self.problems.index(problem) for problem in problems]
        joules = None if self.joules is None else self.joules[:, columns]
        first = tuple(self.first[column] for column in columns)
        parts = (self.answered[:, columns], self.right[:, columns], self.seconds[:, columns])
        return CellAnswers(self.cell, tuple(problems), self.blocks, *parts, joules, first)


def cell_answers(dataset: Dataset, cell: CellView) -> CellAnswers | None:
    """Return the answers of a cell by problem, of those that every run answered; None without any."""
    tables = [(run, _by_problem(dataset, run)) for run in cell.ok]
    tables = [(run, table) for run, table in tables if table]
    if not tables:
        return None
    problems = [problem for problem in tables[0][1] if all(problem in table for _, table in tables)]
    if not problems:
        return None
    parts = np.array([[table[problem] for problem in problems] for _, table in tables], dtype=np.float64)
    weights = parts[:, :, 2] / parts[:, :, 2].sum(axis=1, keepdims=True)
    seconds, joules = ([run.value(metric) for run, _ in tables] for metric in ("duration_s", "energy_j"))
    counts = bool(cell.values("energy_j")) and None not in joules
    outputs = {request.prompt_sha256: request.output_sha256 or "" for request in reversed(tables[0][0].requests)}
    return CellAnswers(
        cell,
        tuple(problems),
        tuple(run.repetition for run, _ in tables),
        parts[:, :, 0],
        parts[:, :, 1],
        weights * np.array(seconds, dtype=np.float64)[:, None],
        weights * np.array(joules, dtype=np.float64)[:, None] if counts else None,
        tuple(outputs.get(problem, "") for problem in problems),
    )


def _by_problem(dataset: Dataset, run: RunView) -> dict[str, tuple[int, int, float]]:
    """Return for each problem of a run its judged answers, those that are right, and its weight in what the run took."""
    window = run.window
    requests = [] if window is None else [
        request
        for request in inside(run.requests, window).completed
        if (request.prompt_sha256 or "", request.output_sha256 or "") in dataset.verdicts
    ]  # fmt: skip
    overlap = any(later.start_ns < earlier.end_ns for earlier, later in pairwise(sorted(requests, key=lambda r: r.start_ns)))
    table: dict[str, tuple[int, int, float]] = defaultdict(lambda: (0, 0, 0.0))
    for request in requests:
        verdict = dataset.verdicts[request.prompt_sha256 or "", request.output_sha256 or ""]
        answered, right, weight = table[verdict.prompt_sha256]
        table[verdict.prompt_sha256] = (answered + 1, right + verdict.passed, weight + _weight(request, overlap))
    return dict(table)


def _weight(request: Request, overlap: bool) -> float:
    return float(request.output_tokens or 1) if overlap else (request.end_ns - request.start_ns) / 1e9
