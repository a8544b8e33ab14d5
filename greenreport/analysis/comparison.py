"""Two studies, or one study on two machines: do they rank configurations alike, and are their ratios alike?

Cells are matched by model and configuration id. Ratios to a configuration both have are compared, never joules or seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from scipy import stats

from greenreport.analysis.claims import Claim, compare
from greenreport.analysis.dataset import Dataset, label_of
from greenreport.analysis.fidelity import reference_of
from greenreport.analysis.stats import Interval
from greenreport.catalog import METRICS
from greenreport.study import Configuration, Model
from greenreport.units import number

COMPARED = ("energy_j", "duration_s", "j_per_output_token", "ram_rss_peak_b")


@dataclass(frozen=True, slots=True)
class RatioPair:
    """One configuration against the common reference on one model, in both studies.

    Attributes:
        quotient: ratio in the second ÷ ratio in the first; 1 means that the difference is the same.
        agree: whether the two intervals overlap; None without intervals.
    """

    model: str
    configuration: str
    first: Claim
    second: Claim
    quotient: float
    agree: bool | None


@dataclass(frozen=True, slots=True)
class MetricComparison:
    """One metric over all cells that both studies have.

    Attributes:
        taus: (model, Kendall's τ-b of the configurations' medians); None where fewer than three configurations are shared.
    """

    metric: str
    reference: str
    pairs: tuple[RatioPair, ...]
    taus: tuple[tuple[str, float | None], ...]


@dataclass(frozen=True, slots=True)
class StudyComparison:
    """Two studies beside each other; `environment`: (field, first, second) of everything that differs."""

    first: str
    second: str
    environment: tuple[tuple[str, str, str], ...]
    metrics: tuple[MetricComparison, ...]
    shared: int

    def lines(self) -> Iterator[str]:
        """Yield the comparison in words."""
        yield f"{self.first} against {self.second}: {self.shared} cells in common"
        for name, one, other in self.environment:
            yield f"  {name}: {one} | {other}"
        if not self.metrics:
            yield "nothing can be compared: no metric has values in both for a common configuration"
        for item in self.metrics:
            yield ""
            yield f"{METRICS[item.metric].label}, relative to {item.reference}:"
            for pair in item.pairs:
                verdict = {True: "alike", False: "different", None: "no intervals"}[pair.agree]
                yield (
                    f"  {pair.configuration} on {pair.model}: {number(pair.first.value)} × | {number(pair.second.value)} ×"
                    f"   ratio of ratios {number(pair.quotient)}   {verdict}"
                )
            known = [tau for _, tau in item.taus if tau is not None]
            if known:
                ranks = ", ".join(f"{model} {tau:+.2f}" for model, tau in item.taus if tau is not None)
                yield f"  rank agreement (Kendall's τ): {ranks}"


def compare_studies(first: Dataset, second: Dataset, names: tuple[str, str]) -> StudyComparison:
    """Compare two datasets over the models and configurations both have."""
    models = [m for m in first.models if any(other.id == m.id for other in second.models)]
    shared = [c for c in first.configurations if any(other.id == c.id for other in second.configurations)]
    metrics = tuple(found for metric in COMPARED if (found := _metric(first, second, metric, models, shared)) is not None)
    cells = sum(bool(first.cell(m.id, c.id) and second.cell(m.id, c.id)) for m in models for c in shared)
    return StudyComparison(*names, tuple(_environment(first, second)), metrics, cells)


def _metric(
    first: Dataset, second: Dataset, metric: str, models: list[Model], shared: list[Configuration]
) -> MetricComparison | None:
    reference = reference_of(first.study, first)
    base = next((c for c in shared if c.id == reference), shared[0] if shared else None)
    if base is None:
        return None
    pairs = [
        pair
        for model in models
        for configuration in shared
        if configuration.id != base.id and (pair := _pair(first, second, metric, model, configuration, base)) is not None
    ]
    if not pairs:
        return None
    taus = tuple((model.label, _tau(first, second, metric, model, shared)) for model in models)
    return MetricComparison(metric, label_of(base), tuple(pairs), taus)


def _pair(
    first: Dataset, second: Dataset, metric: str, model: Model, configuration: Configuration, base: Configuration
) -> RatioPair | None:
    one = compare(first, metric, configuration, base, [model])
    other = compare(second, metric, configuration, base, [m for m in second.models if m.id == model.id])
    if one is None or other is None:
        return None
    agree = None
    if isinstance(one.ci, Interval) and isinstance(other.ci, Interval):
        agree = one.ci.low <= other.ci.high and other.ci.low <= one.ci.high
    return RatioPair(model.label, label_of(configuration), one, other, other.value / one.value, agree)


def _tau(first: Dataset, second: Dataset, metric: str, model: Model, shared: list[Configuration]) -> float | None:
    rows = []
    for configuration in shared:
        one, other = first.cell(model.id, configuration.id), second.cell(model.id, configuration.id)
        if one is not None and other is not None and one.values(metric) and other.values(metric):
            rows.append((_median(one.values(metric)), _median(other.values(metric))))
    if len(rows) < 3:
        return None
    tau = float(stats.kendalltau([a for a, _ in rows], [b for _, b in rows]).statistic)
    return tau if math.isfinite(tau) else None


def _median(values: tuple[float, ...]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _environment(first: Dataset, second: Dataset) -> Iterator[tuple[str, str, str]]:
    one, other = first.environment, second.environment
    if one is None or other is None:
        yield "machine", one.cpu_model if one else "not known", other.cpu_model if other else "not known"
        return
    for name in ("cpu_model", "physical_cores", "logical_cpus", "memory_b", "gpu_driver", "os", "kernel", "virtualisation", "python",
                 "governor", "turbo", "smt"):  # fmt: skip
        if getattr(one, name) != getattr(other, name):
            yield name.replace("_", " "), str(getattr(one, name)), str(getattr(other, name))
    gpus = [", ".join(gpu.name for gpu in host.gpus) or "none" for host in (one, other)]
    if gpus[0] != gpus[1]:
        yield "GPUs", gpus[0], gpus[1]
    libraries = [dict(host.libraries) for host in (one, other)]
    for name in sorted(libraries[0].keys() | libraries[1].keys()):
        if libraries[0].get(name) != libraries[1].get(name):
            yield name, libraries[0].get(name, "–"), libraries[1].get(name, "–")
