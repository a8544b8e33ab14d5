"""The context of each kind of study page: exactly what its template prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from greenreport.analysis.compare.replication import ReplicationReport
from greenreport.analysis.hypotheses.aggregates import Aggregate
from greenreport.analysis.hypotheses.answers import Answer, HypothesisAnswer
from greenreport.analysis.hypotheses.claims import Claim
from greenreport.analysis.hypotheses.declared_guidelines import Declared
from greenreport.analysis.hypotheses.detectable_difference import Sensitivity
from greenreport.analysis.hypotheses.findings import Finding
from greenreport.analysis.hypotheses.guidelines import Guideline
from greenreport.analysis.hypotheses.preregistration import Preregistration
from greenreport.analysis.measure.dataset import CellView, Preparation, RunView
from greenreport.analysis.measure.fidelity import Fidelity
from greenreport.analysis.measure.measurement_quality import Quality
from greenreport.analysis.stats import Description
from greenreport.catalog import MetricInfo
from greenreport.record import Environment
from greenreport.report.exports.data_dictionary import FileColumn
from greenreport.report.figure import Figure
from greenreport.report.pages.cold_starts import ColdContent
from greenreport.report.pages.comparison_page import ComparisonLink
from greenreport.report.pages.related_studies import Elsewhere
from greenreport.report.pages.study_design import Level, Subject
from greenreport.report.simulation import Nearest, Simulated
from greenreport.validity import Advice

if TYPE_CHECKING:
    from greenreport.report.pages.decision_aid import Helper  # which needs the pages that need this file


@dataclass(frozen=True, slots=True)
class KeyNumber:
    """One of the numbers below a headline."""

    label: str
    claim: Claim | None
    text: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class OverviewContent:
    """The first page of a study.

    Attributes:
        swept: the figure on top is that of a sweep.
        scope: where its headline was found, and how sure it is.
        elsewhere: what studies of the same question found, where it has no runs itself.
    """

    numbers: tuple[KeyNumber, ...]
    hero: Figure | None
    matrix: Figure | None
    answers: tuple[Answer, ...]
    compared: tuple[ComparisonLink, ...]
    swept: bool = False
    scope: str = ""
    elsewhere: tuple[Elsewhere, ...] = ()


@dataclass(frozen=True, slots=True)
class HypothesisSection:
    """A hypothesis on the page of its question."""

    answer: HypothesisAnswer
    finding: Finding
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class QuestionContent:
    """The page of a research question."""

    answer: Answer
    sections: tuple[HypothesisSection, ...]


@dataclass(frozen=True, slots=True)
class CellLink:
    """A cell with the address of its page and what became of it."""

    slug: str
    text: str
    ok: int
    runs: int


@dataclass(frozen=True, slots=True)
class MatrixContent:
    """Configuration × model in several metrics; `names`: of the metric of each figure."""

    figures: tuple[Figure, ...]
    names: tuple[str, ...]
    rows: tuple[tuple[str, tuple[CellLink | None, ...]], ...]
    columns: tuple[str, ...]
    aggregates: tuple[Aggregate, ...]
    heading: str
    cold: ColdContent | None


@dataclass(frozen=True, slots=True)
class MetricRow:
    """A metric of a cell: description over runs, or why there is none."""

    info: MetricInfo
    description: Description | None
    boundary: str | None
    estimated: bool
    reason: str


@dataclass(frozen=True, slots=True)
class CellContent:
    """The page of a cell."""

    cell: CellView
    label: str
    fidelity: Fidelity | None
    metrics: tuple[MetricRow, ...]
    figures: tuple[Figure, ...]
    shown: RunView | None
    parameters: str
    environment: Environment | None
    sample: tuple[str, str] | None
    energy_label: str | None


@dataclass(frozen=True, slots=True)
class SideRow:
    """A cell on the page of its model or configuration.

    Attributes:
        label: of the other side.
        descriptions: in the order of the metrics.
        place: its place on the model, with those that the tests leave open.
    """

    label: str
    link: CellLink
    descriptions: tuple[Description | None, ...]
    place: str


@dataclass(frozen=True, slots=True)
class SideContent:
    """One model across configurations, or one configuration across models.

    Attributes:
        kind: "Model" or "Configuration"; `other`: the heading of the rows.
        facts: (name, text) of what is known of it.
        ranked: noun of the metric of the places; empty where there are none.
        unusual: cells with anything but valid runs without remarks, with what it is.
    """

    kind: str
    label: str
    other: str
    facts: tuple[tuple[str, str], ...]
    metrics: tuple[MetricInfo, ...]
    rows: tuple[SideRow, ...]
    figures: tuple[Figure, ...]
    ranked: str
    unusual: tuple[tuple[str, CellLink, str], ...]


@dataclass(frozen=True, slots=True)
class FidelityContent:
    """Do the configurations produce the same thing?

    Attributes:
        same_length: a sentence, where every output has the same number of tokens.
    """

    headline: str
    rows: tuple[tuple[str, str, Fidelity], ...]
    reference: str | None
    figures: tuple[Figure, ...]
    same_length: str | None


@dataclass(frozen=True, slots=True)
class TradeoffsContent:
    """Two metrics at once."""

    figures: tuple[Figure, ...]
    heading: str


@dataclass(frozen=True, slots=True)
class ReplicationContent:
    """Published findings beside ours."""

    reports: tuple[ReplicationReport, ...]


@dataclass(frozen=True, slots=True)
class ValidityContent:
    """Which runs count, and why."""

    quality: Quality
    excluded: tuple[tuple[CellLink, RunView], ...]
    planned: int
    calibration: tuple[tuple[str, str], ...]
    agreements: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class GuidelinesContent:
    """Recommendations; `helper_json` is the data of the decision helper, safe inside a script element."""

    guidelines: tuple[Guideline, ...]
    declared: tuple[Declared, ...]
    labels: dict[str, str]
    helper: Helper | None
    helper_json: str
    heading: str
    tradeoff: Figure | None


@dataclass(frozen=True, slots=True)
class PhaseSummary:
    """A phase over all runs: planned and actual."""

    name: str
    runs: int
    planned_s: float | None
    description: Description
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MethodsContent:
    """How the study was done, and what could be wrong with it.

    Attributes:
        missing: listed meters that are not on this machine: name, cause, remedy.
        events: what meters that were read had to say: name, cause, remedy.
        workload, protocol, instruments: (name, text) of how servers were loaded, of the phases of a run as declared, and of the meters
            that were read.
        window: what the measured window covers.
        independence: why runs are treated as independent.
        nearest: the simulated design nearest to the study's; None where no test is made.
    """

    phases: tuple[PhaseSummary, ...]
    boundaries: tuple[str, ...]
    missing: tuple[tuple[str, str, str], ...]
    events: tuple[tuple[str, str, str], ...]
    threats: tuple[tuple[str, tuple[str, ...]], ...]
    registered: Preregistration | None
    valid: int
    reference: str | None
    workload: tuple[tuple[str, str], ...]
    window: str
    independence: str
    levels: tuple[Level, ...]
    subjects: tuple[Subject, ...]
    protocol: tuple[tuple[str, str], ...]
    instruments: tuple[tuple[str, str], ...]
    prompts: str
    sensitivities: tuple[Sensitivity, ...]
    order: Figure | None
    phase_figures: tuple[Figure, ...]
    simulated: Simulated
    nearest: Nearest | None


@dataclass(frozen=True, slots=True)
class EnvironmentContent:
    """Machine and software.

    Attributes:
        boundary: what energy includes, and whether it was measured; empty where there is none.
        timeline: whether the page of the methods shows when each run was made.
    """

    environment: Environment | None
    advice: tuple[Advice, ...]
    preparations: tuple[Preparation, ...]
    outcomes: tuple[tuple[str, int], ...]
    boundary: tuple[str, ...]
    timeline: bool


@dataclass(frozen=True, slots=True)
class DataContent:
    """What can be taken away.

    Attributes:
        pictures: of what, and the file in the study's folder, of the cards shown with links.
        columns: name of a file → what its columns are.
        badge: its drawing, safe inside a page; empty where there is none. `badge_codes`: (kind, code) that shows it elsewhere.
    """

    study_text: str
    citation: str
    bibtex: str
    pictures: tuple[tuple[str, str], ...]
    heading: str
    badge: str
    badge_codes: tuple[tuple[str, str], ...]
    columns: Mapping[str, tuple[FileColumn, ...]]
