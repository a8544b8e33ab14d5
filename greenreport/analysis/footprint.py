"""Carbon, water and cost of serving: derived from measured energy with the factors a study declares, and never measured.

::

    kWh of the boundary × PUE × factor

The central value takes the median energy and central factors. The range goes from the lower end of the energy's interval with
the low factors to its upper end with the high factors: an envelope of what is declared, not a confidence interval.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.fidelity import CellFidelity, NotRanked, not_ranked
from greenreport.analysis.stats import Interval, NotComputable, describe
from greenreport.study import Configuration, Factor, Footprint, Model

J_PER_KWH = 3.6e6


@dataclass(frozen=True, slots=True)
class Basis:
    """The unit of work an amount refers to.

    Attributes:
        metric: the measured energy of one unit, `units` of which make the basis.
    """

    id: str
    metric: str
    units: float
    words: str


BASES = (
    Basis("requests", "j_per_request", 1e3, "1,000 requests"),
    Basis("tokens", "j_per_output_token", 1e6, "one million output tokens"),
)


@dataclass(frozen=True, slots=True)
class Impact:
    """One of carbon, water and cost, with its factor per kWh.

    Attributes:
        noun: inside a sentence ("carbon emissions"); `unit`: of the amount ("gCO₂e").
        prefixed: whether the unit takes a prefix of its size; a currency does not.
    """

    id: str
    label: str
    noun: str
    unit: str
    factor: Factor
    prefixed: bool = True


@dataclass(frozen=True, slots=True)
class Derived:
    """An amount in the unit of its impact.

    Attributes:
        low, high: the whole range, factors and energy together.
        energy_low, energy_high: the energy's interval with central factors; equal to `central` where it has none.
    """

    central: float
    low: float
    high: float
    energy_low: float
    energy_high: float


@dataclass(frozen=True, slots=True)
class FootprintRow:
    """A cell: its measured energy for a basis, and what is derived from it, in the order of the impacts.

    Attributes:
        kwh: median energy of the boundary; `kwh_ci`: its interval.
        faithful: whether its outputs are those of the reference; others are shown and never ranked.
    """

    model: Model
    configuration: Configuration
    n: int
    kwh: float
    kwh_ci: Interval | NotComputable
    boundary: str
    estimated: bool
    faithful: bool
    amounts: tuple[Derived, ...]

    @property
    def label(self) -> str:
        """The configuration in words."""
        return label_of(self.configuration)

    @property
    def reach(self) -> tuple[float, float]:
        """Bounds of the energy in kWh, never below 0; its median twice where it has no interval."""
        if isinstance(self.kwh_ci, NotComputable):
            return self.kwh, self.kwh
        return max(0.0, self.kwh_ci.low), self.kwh_ci.high

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """Return the energy's interval in kWh; None twice where it has none."""
        return (None, None) if isinstance(self.kwh_ci, NotComputable) else (self.kwh_ci.low, self.kwh_ci.high)


@dataclass(frozen=True, slots=True)
class FootprintTable:
    """All cells for one basis, and why cells are missing: (model, configuration, reason)."""

    basis: Basis
    rows: tuple[FootprintRow, ...]
    missing: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class FootprintAnalysis:
    """What is derived from the declared factors."""

    declared: Footprint
    impacts: tuple[Impact, ...]
    tables: tuple[FootprintTable, ...]

    @property
    def boundaries(self) -> tuple[str, ...]:
        """The boundaries of the energy it is derived from."""
        return tuple(sorted({row.boundary for table in self.tables for row in table.rows}))

    @property
    def estimated(self) -> bool:
        """Whether any of that energy is an estimate."""
        return any(row.estimated for table in self.tables for row in table.rows)


def derive(dataset: Dataset, fidelity: Sequence[CellFidelity]) -> FootprintAnalysis | None:
    """Derive carbon, water and cost for every cell, or return None where the study declares no factors."""
    declared = dataset.study.footprint
    if declared is None:
        return None
    impacts = tuple(_impacts(declared))
    tables = tuple(_table(dataset, basis, declared, impacts, not_ranked(fidelity)) for basis in BASES)
    return FootprintAnalysis(declared, impacts, tuple(table for table in tables if table.rows) or tables[:1])


def _impacts(declared: Footprint) -> Iterator[Impact]:
    if declared.carbon_g_per_kwh is not None:
        yield Impact("carbon", "Carbon", "carbon emissions", "gCO₂e", declared.carbon_g_per_kwh)
    if declared.water_l_per_kwh is not None:
        yield Impact("water", "Water", "water consumption", "L", declared.water_l_per_kwh)
    if (price := declared.price_per_kwh) is not None:
        yield Impact("cost", "Cost of electricity", "cost of electricity", price.currency, price, prefixed=False)


def _table(
    dataset: Dataset, basis: Basis, declared: Footprint, impacts: Sequence[Impact], unfaithful: NotRanked
) -> FootprintTable:
    rows: list[FootprintRow] = []
    missing: list[tuple[str, str, str]] = []
    for cell in dataset.cells:
        if not cell.values(basis.metric):
            missing.append((cell.model.label, label_of(cell.configuration), cell.absence(basis.metric)))
        else:
            faithful = (cell.model.id, cell.configuration.id) not in unfaithful
            rows.append(_row(cell, basis, declared, impacts, faithful=faithful))
    return FootprintTable(basis, tuple(rows), tuple(missing))


def _row(cell: CellView, basis: Basis, declared: Footprint, impacts: Sequence[Impact], *, faithful: bool) -> FootprintRow:
    energy = describe(cell.values(basis.metric))
    scale = basis.units / J_PER_KWH
    ci = energy.median_ci
    if isinstance(ci, Interval):
        ci = replace(ci, low=ci.low * scale, high=ci.high * scale)
    kwh, boundary, estimated = (energy.median or 0.0) * scale, cell.boundary(basis.metric) or "", cell.estimated(basis.metric)
    row = FootprintRow(cell.model, cell.configuration, energy.n, kwh, ci, boundary, estimated, faithful, ())
    return replace(row, amounts=tuple(amount(row.kwh, row.reach, impact.factor, declared.pue) for impact in impacts))


def amount(kwh: float, reach: tuple[float, float], factor: Factor, pue: Factor | None) -> Derived:
    """Return what `kwh` amounts to; without a declared PUE the facility's own energy is left out.

    Args:
        reach: interval of the energy in kWh.
    """
    low, central, high = (1.0, 1.0, 1.0) if pue is None else (pue.low, pue.central, pue.high)
    middle = central * factor.central
    least, most = reach
    return Derived(kwh * middle, least * low * factor.low, most * high * factor.high, least * middle, most * middle)
