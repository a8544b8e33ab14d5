"""The data of a study as the analysis sees it: cells with their runs, from records or from an imported table.

Only runs with the outcome `ok` carry values into tests; all others stay visible with their reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import median

from greenreport.analysis.measure.calibration import CalibrationRun, calibration
from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.analysis.measure.limit_searches import LimitSearch
from greenreport.analysis.measure.run_view import HostControl, ModelPreparation, RunView
from greenreport.analysis.measure.subjects import MODELS, Subject
from greenreport.analysis.stats import FEWEST_RUNS, Description, Interim, describe, reach, screen, smallest_step
from greenreport.analysis.stats.outliers import Policy
from greenreport.catalog import METRICS
from greenreport.plan import Excluded
from greenreport.record import Environment, FlagCode, Method, Outcome, Output, Verdict
from greenreport.study import Configuration, Model, ReferenceStudy, Study, Weights

NOT_MEASURED = "energy was not measured here, only modelled from the CPU load"  # why modelled energy answers nothing
#: Flags of other programs that compute beside a run, and why such runs answer nothing.
DISTURBED = frozenset({FlagCode.FOREIGN_LOAD, FlagCode.FOREIGN_GPU_PROCESS})
DISTURBANCE = "other programs kept the processors busy during most runs, so these tell nothing about the configurations"


@dataclass(frozen=True)
class CellView:
    """A cell with all its runs, in order of repetition.

    Attributes:
        outliers: the study's rule for runs set aside in analysis.
        estimates_answer: whether the study lets energy that is modelled from the CPU load answer questions.
    """

    model: Model
    configuration: Configuration
    runs: tuple[RunView, ...]
    outliers: Policy = "none"
    estimates_answer: bool = False

    @cached_property
    def key(self) -> str:
        """Readable identity."""
        return f"{self.model.id}/{self.configuration.id}"

    @property
    def slug(self) -> str:
        """Name of its folder and files in a site; values of options in the key may hold a stroke."""
        return self.key.replace("/", "--")

    @cached_property
    def ok(self) -> tuple[RunView, ...]:
        """The runs whose values count."""
        return tuple(run for run in self.runs if run.outcome is Outcome.OK)

    def values(self, metric: str) -> tuple[float, ...]:
        """Return the values of a metric that may answer a question: over the runs that count, without outliers.

        Where a run is below the instrument's resolution there are none: the others alone would make the cell look larger than it is.
        Where energy is modelled from the CPU load there are none either: a model restates the CPU time. Nor are there any where other
        programs disturbed most runs, also if the study admits that: what was measured is those programs.
        """
        return () if self.modelled(metric) or self.disturbed else self.recorded(metric)

    @cached_property
    def disturbed(self) -> bool:
        """Whether other programs used the processors in more than half of the runs that count."""
        return 2 * sum(any(flag.code in DISTURBED for flag in run.flags) for run in self.ok) > len(self.ok)

    def recorded(self, metric: str) -> tuple[float, ...]:
        """Return the same values, those of modelled energy too, for description."""
        seen = [observation for run in self.ok if (observation := run.observations.get(metric)) is not None]
        if any(observation.below_resolution for observation in seen):
            return ()
        return screen(tuple(observation.value for observation in seen if observation.value is not None), self.outliers)

    def by_repetition(self, metric: str) -> dict[int, float]:
        """Return the same values by their repetition, which is the block."""
        kept = set(self.values(metric))
        return {run.repetition: value for run in self.ok if (value := run.value(metric)) is not None and value in kept}

    def median(self, metric: str) -> float | None:
        """Return the median of the values, or None without any."""
        values = self.values(metric)
        return median(values) if values else None

    def description(self, metric: str) -> Description | None:
        """Return median, spread and intervals of what was recorded, modelled or not, or None without any."""
        values = self.recorded(metric)
        return describe(values) if values else None

    def absence(self, metric: str) -> str:
        """Return why a metric has no values here."""
        if self.disturbed:
            return DISTURBANCE
        if self.modelled(metric):
            return NOT_MEASURED
        for run in self.ok:
            observation = run.observations.get(metric)
            if observation is not None and observation.value is None:
                return observation.reason or "not recorded"
        reasons = Counter(run.reason or run.outcome.value for run in self.runs if run.outcome is not Outcome.OK)
        return reasons.most_common(1)[0][0] if reasons else "no value was recorded" if self.ok else "not run yet"

    def methods(self, metric: str) -> set[Method]:
        """Return whether the values were measured or estimated."""
        sample = (run.observations.get(metric) for run in self.ok)
        return {o.method for o in sample if o is not None and o.method is not None and o.value is not None}

    def boundaries(self, metric: str) -> set[str]:
        """Return the boundaries of the values."""
        sample = (run.observations.get(metric) for run in self.ok)
        return {o.boundary for o in sample if o is not None and o.boundary is not None and o.value is not None}

    def boundary(self, metric: str) -> str | None:
        """Return the boundaries of the values in words, or None where they have none."""
        return "; ".join(sorted(self.boundaries(metric))) or None

    def estimated(self, metric: str) -> bool:
        """Whether any value comes from a power model."""
        return Method.ESTIMATED in self.methods(metric)

    def modelled(self, metric: str) -> bool:
        """Whether the metric is energy that was not measured, and the study does not let its estimate answer questions."""
        return not self.estimates_answer and METRICS[metric].of_energy and self.estimated(metric)

    @property
    def outcomes(self) -> Counter[Outcome]:
        """How the runs ended."""
        return Counter(run.outcome for run in self.runs)


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

    @property
    def outcomes(self) -> Counter[Outcome]:
        """How all runs ended."""
        return sum((cell.outcomes for cell in self.cells), Counter())

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


def in_blocks(cells: Sequence[CellView], metric: str) -> list[tuple[float | None, ...]]:
    """Return the values of each cell, a place for each block that any of them has a run in; None where it has none."""
    values = [cell.by_repetition(metric) for cell in cells]
    blocks = sorted(set().union(*values))
    return [tuple(of_cell.get(block) for block in blocks) for of_cell in values]
