"""The data of a study as the analysis sees it: cells with their runs, from records or from an imported table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from greenreport.analysis.measure.calibration import CalibrationRun, calibration
from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.analysis.measure.limit_searches import LimitSearch
from greenreport.analysis.measure.run_view import HostControl, ModelPreparation, RunView
from greenreport.analysis.measure.subjects import MODELS, Subject
from greenreport.analysis.stats import FEWEST_RUNS, Interim, reach, smallest_step
from greenreport.plan import Excluded
from greenreport.record import Environment, Outcome, Output, Verdict
from greenreport.study import Configuration, Model, ReferenceStudy, Study, Weights


@dataclass(frozen=True)
class Dataset:
    """All data of a study on one machine.

    Attributes:
        source: where the values come from, in words; subject: what the models are; engine_names: what an imported table calls its engines, by their ids.
        imported: whether they come from an imported table, so that runs, phases and environment are unknown.
        controls: the fixed work that hosts of a cluster performed before their blocks.
        other_runs: runs of this study in the store that do not count here (other machine, earlier protocol), by reason.
        prompts: texts by their digests; `verdicts`: by the digests of prompt and output.
    """

    study: Study
    cells: tuple[CellView, ...]
    excluded: tuple[Excluded, ...] = ()
    environment: Environment | None = None
    source: str = "measured here"
    imported: bool = False
    outputs: Mapping[str, Output] = field(default_factory=dict)
    preparations: tuple[ModelPreparation, ...] = ()
    calibrations: tuple[CalibrationRun, ...] = ()
    references: tuple[ReferenceStudy, ...] = ()
    searches: tuple[LimitSearch, ...] = ()
    other_runs: Mapping[str, int] = field(default_factory=dict)
    controls: tuple[HostControl, ...] = ()
    prompts_sha256: str | None = None
    prompts_count: int | None = None
    prompts: Mapping[str, str] = field(default_factory=dict)
    verdicts: Mapping[tuple[str, str], Verdict] = field(default_factory=dict)
    subject: Subject = MODELS
    engine_names: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def models(self) -> tuple[Model, ...]:
        """Models with a cell, in the study's order."""
        return tuple(model for model in self.study.models if model.id in self._by_model)

    @cached_property
    def configurations(self) -> tuple[Configuration, ...]:
        """Configurations with a cell, in the study's order."""
        present = {cell.configuration.id for cell in self.cells}
        return tuple(c for c in self.study.configurations if c.id in present)

    @cached_property
    def runs(self) -> tuple[RunView, ...]:
        """All runs, valid or not, cell by cell."""
        return tuple(run for cell in self.cells for run in cell.runs)

    @property
    def meters(self) -> frozenset[str]:
        """Names of the meters that were read."""
        return frozenset(item.meter for run in self.runs for item in run.sampling)

    @cached_property
    def labels(self) -> dict[str, str]:
        """Label of every configuration of the study, by its id."""
        return {configuration.id: label_of(configuration) for configuration in self.study.configurations}

    def plainest(self, engine: str, provider: str) -> Configuration | None:
        """Return the configuration of an engine and provider with the fewest settings: float32, with cache, default threads."""
        candidates = [c for c in self.configurations if (c.engine, c.provider) == (engine, provider)]
        return min(candidates, key=lambda c: len(c.id), default=None)

    @cached_property
    def _by_model(self) -> dict[str, dict[str, CellView]]:
        cells: dict[str, dict[str, CellView]] = {}
        for cell in self.cells:
            cells.setdefault(cell.model.id, {})[cell.configuration.id] = cell
        return cells

    def cells_of(self, model: str) -> tuple[CellView, ...]:
        """Return the cells of a model."""
        return tuple(self._by_model.get(model, {}).values())

    def cell(self, model: str, configuration: str) -> CellView | None:
        """Return a cell, or None when it is excluded."""
        return self._by_model.get(model, {}).get(configuration)

    @cached_property
    def outcomes(self) -> Counter[Outcome]:
        """How all runs ended."""
        return Counter(run.outcome for cell in self.cells for run in cell.runs)

    @property
    def fewest(self) -> int:
        """Smallest number of valid runs of a cell that has any; 0 without."""
        return min((len(cell.ok) for cell in self.cells if cell.ok), default=0)

    @property
    def repetitions(self) -> int:
        """Repetitions that each cell should have: those declared, or the blocks begun where a rule ends the study."""
        protocol, begun = self.study.protocol, max((run.repetition for run in self.runs), default=0)
        return min(max(begun, protocol.fewest_repetitions), protocol.most_repetitions)

    @property
    def interim(self) -> Interim | None:
        """The look at which these runs are compared; None where the number of repetitions was fixed beforehand."""
        rule = self.study.protocol.sequential
        return None if rule is None else Interim(rule.at_least, rule.at_most, self.repetitions)

    @property
    def untrained(self) -> bool:
        """Whether any model has untrained weights."""
        return not self.imported and any(self.study.weights_of(model) is Weights.UNTRAINED for model in self.models)

    @property
    def estimated(self) -> bool:
        """Whether any energy comes from a power model."""
        return any(cell.estimated("energy_j") for cell in self.cells)

    @property
    def noise_floor(self) -> float | None:
        """Largest relative difference in time of two equal sets of runs here: the upper bound, since an estimate may be near 0 by luck."""
        calibrated = calibration(self.calibrations, self.repetitions)
        if calibrated is None or calibrated.repeated.value is None:
            return None
        low, high = reach(calibrated.repeated.value, calibrated.repeated.ci)
        return max(high, 1 / low) - 1

    def comparisons(self, metric: str, model: str) -> int:
        """Return the pairs of configurations that are compared in a metric on a model: one family on every page."""
        compared = sum(len(cell.values(metric)) >= FEWEST_RUNS for cell in self.cells_of(model))
        return compared * (compared - 1) // 2

    def step(self, metric: str, model: str) -> float:
        """Return the step in which values of a metric are read on a model; 0 where none shows."""
        return smallest_step(cell.values(metric) for cell in self.cells_of(model))

    @property
    def simulated(self) -> bool:
        """Whether any engine is the fake one."""
        return any(cell.configuration.engine == "fake" for cell in self.cells)

    def has(self, metric: str) -> bool:
        """Whether any cell has a value of the metric."""
        return any(cell.values(metric) for cell in self.cells)

    def boundaries(self, metric: str) -> list[str]:
        """Return every boundary of the values, in order."""
        return sorted({boundary for cell in self.cells for boundary in cell.boundaries(metric)})
