"""Repetitions that the shipped studies would have saved by ending by themselves: ``python -m benchmarks sequential_replay``.

Two answers for every study with published runs, with all its hypotheses: *replayed*, after which of its own blocks it would have ended, with
3 blocks at least and its own number at most; and *continued*, with 5 to 60 blocks whose log values have the means and the covariances of the
published ones (simulated: normal, seeded). Beside it stands the equal width: the fixed number of blocks after which every interval, of one look,
is as narrow as the rule asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import log1p
from pathlib import Path

import numpy as np
from scipy import special

from benchmarks.sequential_studies import SMALLEST
from greenreport.analysis.hypotheses.findings import compare_models
from greenreport.analysis.hypotheses.stopping import look
from greenreport.analysis.measure.cell_view import in_blocks
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.fidelity import assess
from greenreport.analysis.stats import Interim
from greenreport.analysis.stats.samples import Floats
from greenreport.results import load_published
from greenreport.study import Sequential

ROOT = Path(__file__).resolve().parents[1]
STUDIES = ("code-slm-cpu", "precision-cpu", "throughput-frontier-cpu")
WIDTHS = (0.05, 0.1)
FIRST, LAST = 5, 60
MOST_FIXED = 1000


def with_rule(dataset: Dataset, last: int, blocks: int) -> Dataset:
    """Return a study as it would have stood after some of its blocks under a rule."""
    rule = Sequential.model_validate({"at_least": 3, "at_most": last, "until": {"interval_width": WIDTHS[0]}})
    protocol = dataset.study.protocol.model_copy(update={"repetitions": rule})
    cells = tuple(
        type(c)(c.model, c.configuration, tuple(r for r in c.runs if r.repetition <= blocks), c.outliers, c.estimates_answer)
        for c in dataset.cells
    )
    return type(dataset)(dataset.study.model_copy(update={"protocol": protocol}), cells, references=dataset.references)


def replayed(dataset: Dataset) -> tuple[int, str]:
    """Return after how many of its blocks the study would have ended, and what was known then."""
    last = dataset.repetitions
    for blocks in range(3, last + 1):
        seen = look(with_rule(dataset, max(last, 4), blocks))
        assert seen is not None
        if not seen.goes_on or blocks == last:
            return blocks, seen.found()
    return last, "too few blocks"


def tables(dataset: Dataset) -> Iterator[tuple[Floats, float]]:
    """Yield for every hypothesis and model the log values of blocks × configurations, and the level of one pair."""
    fidelity = assess(dataset)
    for item in dataset.study.hypotheses:
        for test in compare_models(dataset, item.metric, fidelity, providers=item.providers, hypothesis=item):
            names = [group.name for group in test.test.groups if group.tested]
            cells = [cell for name in names if (cell := dataset.cell(test.model.id, name)) is not None]
            values = np.array(in_blocks(cells, item.metric), dtype=float).T
            values = values[np.isfinite(values).all(axis=1)] if len(cells) > 1 else np.empty((0, 0))
            if len(values) > 2 and (values > 0).all():
                yield np.log(values), item.alpha / test.test.comparisons


def continued(dataset: Dataset, width: float, count: int) -> tuple[float, float, float]:
    """Return the mean blocks of the rule, its share of studies that end early, and the fixed number for the same widths."""
    random, every = np.random.default_rng(19), list(tables(dataset))
    done = np.ones((count, LAST - FIRST + 1), dtype=bool)
    numbers, fixed = np.arange(FIRST, LAST + 1), FIRST
    for values, level in every:
        a, b = np.triu_indices(values.shape[1], 1)
        centred = values - values.mean(axis=0)
        drawn = random.normal(size=(count, LAST, len(values))) @ centred / np.sqrt(len(values) - 1)
        differences = drawn[..., a] - drawn[..., b]
        means = (differences.cumsum(axis=1) / np.arange(1, LAST + 1)[:, None])[:, FIRST - 1 :]
        errors = np.sqrt(
            np.maximum((differences**2).cumsum(axis=1)[:, FIRST - 1 :] / numbers[:, None] - means**2, 0)
            / (numbers[:, None] - 1)
        )
        means += values.mean(axis=0)[a] - values.mean(axis=0)[b]
        levels = np.array([Interim(FIRST, LAST, number).nominal(level) for number in range(FIRST, LAST + 1)])
        reach = -special.stdtrit(numbers - 1, levels / 2)[:, None] * errors
        known = (np.abs(means) > reach) | (np.abs(means) + reach < SMALLEST) | (2 * reach <= log1p(width))
        done &= known.all(axis=2)
        widest = float((centred[:, a] - centred[:, b]).std(axis=0, ddof=1).max())
        most = np.arange(FIRST, MOST_FIXED + 1)
        narrow = -2 * special.stdtrit(most - 1, level / 2) * widest / np.sqrt(most) <= log1p(width)
        fixed = max(fixed, int(most[narrow.argmax()]) if narrow.any() else MOST_FIXED)
    ends = np.where(done.any(axis=1), done.argmax(axis=1), LAST - FIRST)
    return float(FIRST + ends.mean()), float(done.any(axis=1).mean()), float(fixed)


def main(*, small: bool = False) -> None:
    """Print both answers for every study."""
    columns = (
        "study",
        "cells",
        "blocks",
        "replayed: ends after",
        "known then",
        "width",
        "continued: blocks",
        f"end before {LAST}",
        "fixed number",
        "saved",
    )
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for name in STUDIES[:1] if small else STUDIES:
        dataset = load_published(ROOT / "studies" / f"{name}.yaml", ROOT / "studies" / name / "results")
        after, known = replayed(dataset)
        for width in WIDTHS[:1] if small else WIDTHS:
            rule, early, fixed = continued(dataset, width, 5 if small else 300)
            cells: tuple[object, ...] = (
                name, len(dataset.cells), dataset.repetitions, after, known, f"{100 * width:.0f} %", f"{rule:.1f}", f"{100 * early:.0f} %", f"{fixed:.0f}",
                f"{100 * (1 - rule / fixed):.0f} %",
            )  # fmt: skip
            print(f"| {' | '.join(map(str, cells))} |", flush=True)
