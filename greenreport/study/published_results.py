"""Published results a study is compared with: printed figures, and the scope of each published comparison."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from greenreport.study.field_types import Identifier, Label, Spec, Text

#: Bounds of printed values in SI units, and of their ratios.
LEAST, MOST = 1e-15, 1e15
Category = Literal["all"] | int


class PublishedConfiguration(Spec):
    """A serving configuration as a publication names it."""

    engine: Label
    provider: Label


class Printed(Spec):
    """A printed figure; `value` is SI."""

    table: Label
    engine: Label
    provider: Label
    size_category: Category
    metric: Label
    value: Annotated[float, Field(ge=LEAST, le=MOST)]


def _ordered(value: tuple[float, float]) -> tuple[float, float]:
    if not LEAST <= value[0] <= value[1] <= MOST:
        raise ValueError(f"give the smallest and the largest ratio, smallest first, from {LEAST:g} to {MOST:g}")
    return value


class Comparison(Spec):
    """A published finding: numerator against denominator in a metric.

    Attributes:
        ratio: quoted range of numerator ÷ denominator over models, or twice the same where one ratio is quoted; computed from the
            printed figures when absent.
        interval: 95 % interval of the one quoted ratio, where the publication has one.
        scope: what the figure really compares, where the publication says otherwise.
    """

    id: Identifier
    where: Label
    statement: Text
    scope: Text | None = None
    metric: Label
    numerator: PublishedConfiguration
    denominator: PublishedConfiguration
    ratio: Annotated[tuple[float, float], AfterValidator(_ordered)] | None = None
    interval: Annotated[tuple[float, float], AfterValidator(_ordered)] | None = None

    @model_validator(mode="after")
    def _interval_of_one_ratio(self) -> Comparison:
        if self.interval is not None:
            low, high = self.ratio or (0.0, 0.0)
            if low != high or not self.interval[0] <= low <= self.interval[1]:
                raise ValueError("`interval` needs a `ratio` of one value, given twice, that lies in it")
        return self


class SweepFinding(Spec):
    """A published finding about growing load.

    Attributes:
        shows: throughput stops growing before the sweep ends (``saturates``), several replicas give more throughput
            at the same batch (``replicas_gain``) or a shorter latency (``replicas_faster``), or something of the machine it was
            measured on that no other machine can confirm (``machine``).
        models: models it is about, by the ids they have in studies.
    """

    id: Identifier
    where: Label
    statement: Text
    shows: Literal["saturates", "replicas_gain", "replicas_faster", "machine"]
    models: tuple[Identifier, ...] = ()


class ReferenceStudy(Spec):
    """A published study; `name`: as a sentence names it, "Durán et al. (2025)"."""

    reference: Identifier
    name: Label | None = None
    title: Label
    citation: Text
    machine: Text
    aggregator: Text
    notes: tuple[Text, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    values: tuple[Printed, ...] = ()
    sweeps: tuple[SweepFinding, ...] = ()

    @property
    def label(self) -> str:
        """Name inside a sentence; the short name where none is given."""
        return self.name or self.reference

    def printed(self, configuration: PublishedConfiguration, metric: str, category: Category) -> float | None:
        """Return a printed figure, or None where the publication has none."""
        wanted = (configuration.engine, configuration.provider, metric, category)
        return next((p.value for p in self.values if (p.engine, p.provider, p.metric, p.size_category) == wanted), None)
