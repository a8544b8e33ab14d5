"""The multiverse of a claim: the same runs, analysed in every other way that a study might have chosen.

Steegen et al. 2016, Perspectives on Psychological Science 11; Simonsohn, Simmons and Nelson 2020, Nature Human Behaviour 4.

The choices are: idle power in or out, outliers kept or set aside, which test with which average, and whether runs with one of the reasons
that exclude them are admitted. A combination that cannot be computed, or that is another one over again, is left out with its reason.
Intervals are for the one comparison, so that the methods can be compared with each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import product

from greenreport.analysis.hypotheses.claims import Claim
from greenreport.analysis.measure.cell_view import CellView, in_blocks
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.observation import Observation
from greenreport.analysis.measure.run_view import RunView
from greenreport.analysis.stats import Interval, NotComputable, Ratio, RatioMethod, estimate, mean_of_ratios
from greenreport.analysis.stats.outliers import Policy
from greenreport.analysis.stats.samples import Sample
from greenreport.record import FlagCode, Outcome

#: Metrics that are a multiple of the energy of the window, so that idle power can be taken out of them.
OF_WINDOW = frozenset({"energy_j", "j_per_request", "j_per_output_token"})
POLICIES: tuple[Policy, ...] = ("none", "iqr", "mad")


class Idle(StrEnum):
    """Whether energy includes idle power."""

    GROSS = "gross"
    NET = "net"


@dataclass(frozen=True, slots=True)
class Choices:
    """One way to analyse a claim.

    Attributes:
        idle: None where the metric is not energy of the window.
        admitted: runs with this reason, and no other, count too; None: only valid runs.
    """

    idle: Idle | None
    outliers: Policy
    method: RatioMethod
    admitted: FlagCode | None


@dataclass(frozen=True, slots=True)
class AnalysedSo:
    """The ratio of a claim by one way; `declared`: whether it is the study's own."""

    choices: Choices
    value: float
    ci: Interval
    declared: bool


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A way that is left out, and why; without a method, all of them."""

    choices: Choices
    reason: str


@dataclass(frozen=True, slots=True)
class Multiverse:
    """A claim analysed in every way.

    Attributes:
        ways: in the order of their ratios.
    """

    claim: Claim
    ways: tuple[AnalysedSo, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def agreeing(self) -> int:
        """Ways whose ratio lies on the same side of 1 as the claim's."""
        return sum((way.value < 1) == (self.claim.value < 1) for way in self.ways)

    @property
    def certain(self) -> int:
        """Those of them whose interval leaves out equality."""
        below = self.claim.value < 1
        return sum(way.ci.high < 1 if below else way.ci.low > 1 for way in self.ways)

    @property
    def declared(self) -> AnalysedSo | None:
        """The study's own way; None where it has no interval."""
        return next((way for way in self.ways if way.declared), None)


def multiverses(dataset: Dataset, claims: Sequence[Claim]) -> tuple[Multiverse, ...]:
    """Return the multiverse of every claim that can be analysed in at least two ways."""
    found = (_multiverse(dataset, claim) for claim in claims)
    return tuple(item for item in found if len(item.ways) > 1)


def _multiverse(dataset: Dataset, claim: Claim) -> Multiverse:
    by_key = {cell.key: cell for cell in dataset.cells}
    pairs = [(by_key[a], by_key[b]) for a, b in zip(claim.numerator_cells, claim.denominator_cells, strict=True)]
    reasons = sorted({code for pair in pairs for cell in pair for run in cell.runs if (code := _only_reason(run))})
    energies: list[Idle | None] = list(Idle) if claim.metric in OF_WINDOW else [None]
    ways: list[AnalysedSo] = []
    left_out: list[LeftOut] = []
    seen: dict[tuple[object, ...], Choices] = {}
    declared = Choices(energies[0], dataset.study.outliers, RatioMethod.MEAN_WITHIN, None)
    policies = sorted(POLICIES, key=lambda policy: policy != declared.outliers)  # of equal ways the declared one stays
    for idle, admitted, outliers in product(energies, [None, *reasons], policies):
        first = Choices(idle, outliers, RatioMethod.MEAN_WITHIN, admitted)
        samples = _samples(pairs, claim.metric, first)
        if isinstance(samples, NotComputable):
            left_out += [LeftOut(replace(first, method=method), samples.reason) for method in RatioMethod]
            continue
        twin = seen.setdefault((idle, *samples), first)
        if twin != first:
            left_out += [LeftOut(replace(first, method=method), f"the same values as {_runs(twin)}") for method in RatioMethod]
            continue
        for method in RatioMethod:
            choices, ratio = replace(first, method=method), _ratio(method, samples)
            if ratio.value is None or isinstance(ratio.ci, NotComputable):
                left_out.append(LeftOut(choices, ratio.ci.reason if isinstance(ratio.ci, NotComputable) else "no ratio"))
            else:
                ways.append(AnalysedSo(choices, ratio.value, ratio.ci, choices == declared))
    return Multiverse(claim, tuple(sorted(ways, key=lambda way: way.value)), tuple(left_out))


def _only_reason(run: RunView) -> FlagCode | None:
    """Return the one reason that excludes a run; None where it counts, did not end, or has several reasons."""
    fatal = {flag.code for flag in run.flags if flag.fatal}
    return next(iter(fatal)) if run.outcome is Outcome.INVALID and len(fatal) == 1 else None


def _samples(
    pairs: Sequence[tuple[CellView, CellView]], metric: str, choices: Choices
) -> tuple[tuple[Sample, ...], ...] | NotComputable:
    """Return the values of both configurations on each model in the order of their blocks, or why there are none."""
    found = []
    for pair in pairs:
        cells = [_cell(cell, metric, choices) for cell in pair]
        empty = next((cell for cell in cells if not cell.values(metric)), None)
        if empty is not None:
            return NotComputable(empty.absence(metric))
        found.append(tuple(in_blocks(cells, metric)))
    return tuple(found)


def _cell(cell: CellView, metric: str, choices: Choices) -> CellView:
    """Return a cell as the choices see it."""
    runs = [replace(run, outcome=Outcome.OK) if _only_reason(run) is choices.admitted is not None else run for run in cell.runs]
    if choices.idle is Idle.NET:
        runs = [replace(run, observations={**run.observations, metric: _net(run, metric)}) for run in runs]
    return replace(cell, runs=tuple(runs), outliers=choices.outliers)


def _net(run: RunView, metric: str) -> Observation:
    """Return the observation of a metric without idle power: the metric is a multiple of the window's energy."""
    gross, net = run.observations.get("energy_j"), run.observations.get("energy_net_j")
    value = run.value(metric)
    if net is None or gross is None or net.value is None or not gross.value or value is None:
        missing = net if net is not None and net.value is None else run.observations.get(metric)
        return Observation(
            metric, None, reason=(missing.reason if missing is not None else None) or "no net energy was recorded"
        )
    return replace(run.observations[metric], value=value * net.value / gross.value, budget=None)


def _ratio(method: RatioMethod, samples: Sequence[tuple[Sample, ...]]) -> Ratio:
    """Return the ratio of a claim by one method: over several models, their geometric mean as in every claim."""
    ratios = [estimate(method, a, b) for a, b in samples]
    if len(ratios) == 1:
        return ratios[0]
    mean = mean_of_ratios(ratios)
    return Ratio(mean.value if mean.models == len(ratios) else None, mean.ci)


def _runs(choices: Choices) -> str:
    """Return which runs are analysed, in words."""
    kept = {"none": "no outlier set aside", "iqr": "the rule of 1.5 IQR", "mad": "the rule of 3 MAD"}[choices.outliers]
    return f"{kept}{'' if choices.admitted is None else f' and {choices.admitted.value} admitted'}"
