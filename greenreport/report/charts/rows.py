"""The rows charts are drawn from: flat, typed, in the units of their axis."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RatioRow:
    """An estimate of a ratio with its interval, of one configuration on one model."""

    model: str
    configuration: str
    label: str
    provider: str
    ratio: float
    low: float
    high: float
    n: int
    text: str
    short: str


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run's value of a metric."""

    model: str
    configuration: str
    label: str
    provider: str
    repetition: int
    value: float
    note: str


@dataclass(frozen=True, slots=True)
class PairRow:
    """A pair of configurations on one model: adjusted p and ratio of medians."""

    model: str
    row: str
    column: str
    band: str
    text: str
    detail: str


@dataclass(frozen=True, slots=True)
class CellRow:
    """A cell of the matrix: ratio to the best of its row, or why there is none."""

    model: str
    label: str
    excess: float | None
    text: str
    detail: str


@dataclass(frozen=True, slots=True)
class SampleRow:
    """A point of a trace, seconds since the start of the run."""

    seconds: float
    value: float
    rail: str


@dataclass(frozen=True, slots=True)
class BandRow:
    """A phase as an interval of time, or a run in the order plot."""

    start: float
    end: float
    name: str
    row: str
    detail: str


@dataclass(frozen=True, slots=True)
class PointRow:
    """One configuration on one model in two metrics.

    Attributes:
        front: no other configuration beats it in both.
        place: where its label stands, `right` or `left` of the point.
    """

    model: str
    configuration: str
    label: str
    x: float
    y: float
    front: bool
    place: str
    detail: str


@dataclass(frozen=True, slots=True)
class LoadRow:
    """A value at a load: the median of the runs (`line`), one run (`run`), or a remark at a load (`mark`, its words `note`).

    Attributes:
        panel: metric with its unit; panels stand below each other.
        configuration: name of the series, in the scale of colours.
        value: in the unit of the panel; of words the line they stand on, from 0 at the top.
        text: of a remark; only the first panel prints it.
    """

    kind: str
    panel: str
    configuration: str
    label: str
    load: float
    value: float
    text: str
    detail: str


@dataclass(frozen=True, slots=True)
class FrontRow:
    """A load as latency and throughput.

    Attributes:
        x_low, x_high, y_low, y_high: ends of the intervals of the medians; the medians where there are none.
        edge: whether no other drawn load is better in both.
        sure: probability of being on the front, 0–1.
    """

    configuration: str
    label: str
    load: float
    load_text: str
    x: float
    y: float
    x_low: float
    x_high: float
    y_low: float
    y_high: float
    edge: bool
    front: bool
    sure: float
    place: str
    detail: str


@dataclass(frozen=True, slots=True)
class AgreementRow:
    """One run measured by two instruments: mean in joules, difference in % of it."""

    label: str
    mean_j: float
    difference: float
    detail: str


@dataclass(frozen=True, slots=True)
class SlopeRow:
    """The ratio of one configuration to the common reference on one model, in the first (`side` 0) or the second study (1)."""

    model: str
    configuration: str
    label: str
    side: int
    ratio: float
    low: float
    high: float
    detail: str


@dataclass(frozen=True, slots=True)
class QuotientRow:
    """The quotient of a ratio in two studies, or None where one of them has no such ratio."""

    model: str
    label: str
    quotient: float | None
    text: str
    interval: str
    detail: str


@dataclass(frozen=True, slots=True)
class AmountRow:
    """Something derived from energy: the whole range, and the part of it that is the energy's interval."""

    model: str
    configuration: str
    label: str
    central: float
    low: float
    high: float
    energy_low: float
    energy_high: float
    text: str
    short: str


@dataclass(frozen=True, slots=True)
class CourseRow:
    """A run's value in the order of runs.

    Attributes:
        panel: what is shown, with its unit.
        counts: "valid run" or "does not count".
        median: of the panel's valid runs.
    """

    panel: str
    order: int
    value: float
    median: float
    counts: str
    detail: str


@dataclass(frozen=True, slots=True)
class EffectRow:
    """A pair of configurations on one model: how much larger the one median is, and how far chance is from explaining it.

    Attributes:
        configuration: the one with the smaller median; `other`: the one with the larger.
        strength: −log10 of the adjusted p value, cut off where it no longer matters.
    """

    model: str
    configuration: str
    label: str
    other: str
    other_label: str
    ratio: float
    strength: float
    verdict: str
    detail: str


@dataclass(frozen=True, slots=True)
class MatchRow:
    """A cell beside the reference: share of other outputs, 0–1, or None where it is not known."""

    model: str
    label: str
    missed: float | None
    verdict: str
    text: str
    second: str
    detail: str


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step of a distribution function: the share of requests that do not exceed the value."""

    model: str
    configuration: str
    label: str
    value: float
    share: float
