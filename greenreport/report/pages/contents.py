"""The context of each kind of study page: exactly what its template prints."""

from __future__ import annotations

from dataclasses import dataclass

from greenreport.analysis.answers import Answer, HypothesisAnswer
from greenreport.analysis.claims import Claim
from greenreport.analysis.dataset import CellView, Preparation, RunView
from greenreport.analysis.fidelity import Fidelity
from greenreport.analysis.findings import Finding
from greenreport.analysis.guidelines import Guideline
from greenreport.analysis.stats import Description
from greenreport.catalog import MetricInfo
from greenreport.record import Environment
from greenreport.report.figure import Figure


@dataclass(frozen=True, slots=True)
class KeyNumber:
    """One of the numbers below a headline."""

    label: str
    claim: Claim | None
    text: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class OverviewContent:
    """The first page of a study."""

    numbers: tuple[KeyNumber, ...]
    hero: Figure | None
    matrix: Figure | None
    answers: tuple[Answer, ...]


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
    """Configuration × model in several metrics."""

    figures: tuple[Figure, ...]
    rows: tuple[tuple[str, tuple[CellLink | None, ...]], ...]
    columns: tuple[str, ...]


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


@dataclass(frozen=True, slots=True)
class FidelityContent:
    """Do the configurations produce the same thing?"""

    rows: tuple[tuple[str, str, Fidelity], ...]
    reference: str | None


@dataclass(frozen=True, slots=True)
class GuidelinesContent:
    """Recommendations."""

    guidelines: tuple[Guideline, ...]
    labels: dict[str, str]


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
    """How the study was done, and what could be wrong with it."""

    phases: tuple[PhaseSummary, ...]
    boundaries: tuple[str, ...]
    missing: tuple[tuple[str, str, str], ...]
    threats: tuple[tuple[str, tuple[str, ...]], ...]
    order: Figure | None
    phase_figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class EnvironmentContent:
    """Machine and software, and every run."""

    environment: Environment | None
    preparations: tuple[Preparation, ...]
    troubled: tuple[tuple[CellLink, RunView], ...]
    outcomes: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class DataContent:
    """What can be taken away."""

    study_text: str
    citation: str
    bibtex: str
