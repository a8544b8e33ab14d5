"""The study: frozen types, one per section of the file.

Every field has a description; ``greenreport schema`` prints them as JSON Schema, so that editors explain and complete a study
file while it is written. Checks that look at one field live with it; checks across fields live in `check`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from greenreport.catalog import Accuracy
from greenreport.study.analysis_spec import DeclaredGuideline, Fidelity, Frontier, Hypothesis, Objective, Quality, Validity
from greenreport.study.cells import Configuration, Exclusion, Model, Weights
from greenreport.study.engine_environments import EngineEnvironment
from greenreport.study.field_types import MOST_ENTRIES, Entries, Identifier, Label, QuestionId, Spec, Tag, Text
from greenreport.study.footprint import Footprint
from greenreport.study.meter_options import EstimateUse, Meter
from greenreport.study.model_selection import Selection
from greenreport.study.protocol import Protocol, Workload
from greenreport.study.sweep import MOST_CONFIGURATIONS, Sweep


class Author(Spec):
    """An author of the study."""

    name: Label
    affiliation: Label | None = None
    orcid: Annotated[str, Field(pattern=r"^\d{4}-\d{4}-\d{4}-\d{3}[\dX]$")] | None = None


class Study(Spec):
    """A study: models × serving configurations × repetitions, questions and hypotheses."""

    study: Identifier = Field(description="short stable name of the study; used in addresses and results")
    title: Label
    description: Text | None = None
    authors: Entries[Author] = ()
    tags: Annotated[tuple[Tag, ...], Field(max_length=12)] = Field(
        (), description="words by which the index of studies can be narrowed, for example `code` or `edge devices`"
    )
    license: Label = Field("CC-BY-4.0", description="licence of the published results")
    cites: Entries[Text] = Field((), description="publications the study builds on, as citations")
    questions: Annotated[dict[QuestionId, Text], Field(max_length=MOST_ENTRIES)] = Field(
        default_factory=dict, description="research questions"
    )
    imported: Identifier | None = Field(
        None,
        description="name of results that `greenreport import` took in; models and configurations are theirs (docs/imports.md)",
    )
    weights: Literal[Weights.HUB, Weights.UNTRAINED] = Field(
        Weights.HUB, description="hub: download; untrained: the true architecture with seeded random weights"
    )
    selection: Selection | None = Field(
        None, description="how the models were chosen; `greenreport select` applies it, and the methods page shows it"
    )
    environments: Annotated[dict[Identifier, EngineEnvironment], Field(max_length=100)] = Field(
        default_factory=dict, description="libraries of their own for configurations that name them (docs/environments.md)"
    )
    models: Annotated[tuple[Model, ...], Field(min_length=1, max_length=MOST_CONFIGURATIONS)]
    configurations: Annotated[tuple[Configuration, ...], Field(min_length=1, max_length=MOST_CONFIGURATIONS)]
    sweep: Sweep | None = Field(None, description="levels of further factors; every configuration is measured at each of them")
    exclude: Entries[Exclusion] = ()
    workload: Workload = Field(default_factory=Workload)
    protocol: Protocol = Field(default_factory=Protocol)
    meters: Entries[Meter] = Field((), description="instruments to read")
    validity: Validity = Field(default_factory=Validity)
    fidelity: Fidelity = Field(default_factory=Fidelity)
    hypotheses: Entries[Hypothesis] = ()
    outliers: Literal["none", "iqr", "mad"] = Field(
        "none",
        description="runs set aside in analysis: none; beyond 1.5 interquartile ranges; beyond 3 scaled median deviations. "
        "Results are shown with and without",
    )
    latency_bound_s: Annotated[float, Field(gt=0, le=86_400)] | None = Field(
        None, description="95th-percentile latency that the guideline “least energy under a latency bound” admits"
    )
    objective: Objective | None = Field(None, description="when a request counts as served well; gives goodput")
    quality: Quality | None = Field(
        None, description="judge whether answers are right; gives energy and time per right answer (docs/quality.md)"
    )
    frontier: Frontier = Field(default_factory=Frontier)
    guidelines: Entries[DeclaredGuideline] = Field((), description="advice to be checked against the data")
    references: Entries[Label] = Field(
        (), description="files of published results to compare with, relative to the study file (docs/replication.md)"
    )
    compare: Entries[Label] = Field(
        (),
        description="studies to compare with, on a page of their own: study files, or folders of this study's results exported on another "
        "machine; relative to the study file (docs/comparison.md)",
    )
    footprint: Footprint | None = Field(
        None, description="factors from which carbon, water and cost are derived, each with its source; none are built in"
    )

    def weights_of(self, model: Model) -> Weights:
        """Where this model's weights come from: its own setting, its path, or the study's setting."""
        local = Weights.PATH if model.path else Weights.PACKAGE if model.package else None
        return model.weights or local or Weights(self.weights)

    def models_of(self, configuration: Configuration) -> list[Model]:
        """Return the models measured with a configuration: those no exclusion covers."""
        return [model for model in self.models if not self.excludes(model, configuration)]

    def excludes(self, model: Model, configuration: Configuration) -> bool:
        """Whether the cell is left out by design."""
        return any(exclusion.covers(model, configuration) for exclusion in self.exclude)

    def configuration(self, identifier: str) -> Configuration:
        """Return the configuration with this id."""
        return next(c for c in self.configurations if c.id == identifier)

    def model(self, identifier: str) -> Model:
        """Return the model with this id."""
        return next(m for m in self.models if m.id == identifier)

    def smallest_effect(self, metric: str) -> float:
        """Return the relative difference below which one in a metric is of no practical interest: the smallest of its hypotheses'."""
        declared = [hypothesis.smallest_effect for hypothesis in self.hypotheses if hypothesis.metric == metric]
        return min(declared, default=Hypothesis.model_fields["smallest_effect"].default)

    @property
    def estimates_answer(self) -> bool:
        """Whether energy that is modelled from the CPU load may answer questions."""
        return any(isinstance(meter, EstimateUse) and meter.answers for meter in self.meters)

    @property
    def calibrations(self) -> dict[str, Accuracy]:
        """Declared accuracies, by the name of the meter."""
        return {meter.name: meter.calibration.accuracy for meter in self.meters if meter.calibration is not None}
