"""Headings of figures: what a reader should see in them, said from their rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from greenreport.catalog import Better, MetricInfo
from greenreport.report.charts import BandRow, RatioRow, RunRow, SampleRow
from greenreport.report.figures.words import times
from greenreport.units import quantity


def ratios_heading(rows: Sequence[RatioRow], info: MetricInfo, against: str) -> str:
    """Say which configuration has the best ratio on most models and between what it lies there, or that none beats the baseline."""
    higher = info.better is Better.HIGHER
    best = max if higher else min
    models = list(dict.fromkeys(row.model for row in rows))
    firsts = [best((row for row in rows if row.model == model), key=lambda row: row.ratio) for model in models]
    if len({row.label for row in rows}) == 1:
        return f"The ratio of {info.noun} of {rows[0].label} to {against} is {_reach(firsts)} {_on(firsts, models)}"
    ahead = [row for row in firsts if (row.ratio > 1 if higher else row.ratio < 1)]
    behind = [row for row in firsts if row not in ahead]
    (label, number), *_ = Counter(row.label for row in ahead).most_common(1) or [("", 0)]
    if len(behind) > number:
        return f"No ratio of {info.noun} to {against} is {'above' if higher else 'below'} 1 {_on(behind, models)}"
    found = [row for row in ahead if row.label == label]
    word = "highest" if higher else "lowest"
    return f"{label} has the {word} ratio of {info.noun} to {against} {_on(found, models)}: {_reach(found)}"


def _on(rows: Sequence[RatioRow], models: Sequence[str]) -> str:
    return f"on {models[0]}" if len(models) == 1 else f"on {len(rows)} of {len(models)} models"


def _reach(rows: Sequence[RatioRow]) -> str:
    low, high = times(min(row.ratio for row in rows)), times(max(row.ratio for row in rows))
    return low if low == high else f"{low} to {high}"


def runs_heading(rows: Sequence[RunRow], info: MetricInfo) -> str:
    """Say how far the repetitions of a cell are apart at most; where nothing is repeated, between what all values lie."""
    cells: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        cells.setdefault((row.model, row.configuration), []).append(row.value)
    repeated = [values for values in cells.values() if len(values) > 1]
    if not repeated or min(min(values) for values in repeated) <= 0:
        smallest, largest = min(rows, key=lambda row: row.value), max(rows, key=lambda row: row.value)
        return f"{info.label} of single runs: {smallest.note} to {largest.note}"
    widest = max(max(values) / min(values) for values in repeated)
    return f"Within every cell, the largest {info.noun} is at most {times(widest)} the smallest"


def mean_heading(word: str, mean: float, unit: str) -> str:
    """Say how large a quantity is over the measured window."""
    return f"{word} is {quantity(mean, unit)} on average in the measured window"


def peak_heading(word: str, peak: SampleRow, unit: str, bands: Sequence[BandRow], window: str) -> str:
    """Say how large a trace becomes, and in which phase.

    Args:
        window: what the band of the measured window is called in `bands`.
    """
    band = next((band for band in bands if band.start <= peak.seconds <= band.end), None)
    where = "between phases" if band is None else "in the measured window" if band.row == window else f"during {band.name}"
    return f"{word} peaks at {quantity(peak.value, unit)} {where}"
