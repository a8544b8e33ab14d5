"""Pages of the whole site: the index of studies, glossary, about, not found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from greenreport.catalog import METRICS, MetricInfo
from greenreport.report.context import Page
from greenreport.report.pages.comparison_page import ComparisonLink
from greenreport.units import safe_slug

if TYPE_CHECKING:
    from greenreport.report.summary import Summary  # which needs the pages of this file

FEW = 6  # studies that are found at a glance; of more, readers may choose


@dataclass(frozen=True, slots=True)
class Choice:
    """Something by which studies can be chosen: its name in the address, what it is called, its values."""

    name: str
    label: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IndexContent:
    """The front page.

    Attributes:
        newest: the day of the last run of all; empty where none is known.
        choices: by what readers may choose; empty where there is little to choose from.
        comparisons: pages that set two studies beside each other.
    """

    entries: tuple[Summary, ...]
    runs: int
    machines: tuple[str, ...]
    newest: str
    choices: tuple[Choice, ...]
    comparisons: tuple[ComparisonLink, ...]


@dataclass(frozen=True, slots=True)
class Term:
    """A word of the field."""

    word: str
    meaning: str

    @property
    def anchor(self) -> str:
        """Name to link to."""
        return f"word-{safe_slug(self.word)}"


@dataclass(frozen=True, slots=True)
class GlossaryContent:
    """Words and metrics."""

    terms: tuple[Term, ...]
    metrics: tuple[MetricInfo, ...]


TERMS = (
    Term("Serving configuration", "A runtime engine together with an execution provider, for example ONNX Runtime on CUDA."),
    Term("Runtime engine", "The software that loads a model and computes its output: Torch, ONNX Runtime, OpenVINO, TorchScript."),
    Term("Execution provider", "The hardware backend an engine computes on: CPU or CUDA."),
    Term("Cell", "One model in one serving configuration under the study's workload and protocol."),
    Term("Run, repetition", "One execution of a cell in processes of its own. A cell is run several times; each run is one observation."),
    Term("Block", "One repetition of every cell, in random order, so that slow changes of the machine fall on all cells alike."),
    Term("Replica", "A parallel copy of a server. Never a repetition."),
    Term("Window", "The time between the first request sent and the last answer complete. Only this time is compared."),
    Term("Idle baseline", "Time before and after the window in which the server is up and does nothing; gives the idle power."),
    Term("Boundary", "What an energy value includes: CPU packages, memory, GPUs. Values of different boundaries are not compared."),
    Term("Gross and net energy", "Gross: all energy of the boundary in the window. Net: gross minus idle power times the window's length."),
    Term("Measured and estimated", "Measured: read from an instrument. Estimated: computed from the CPU load by a power model."),
    Term("Untrained weights", "A model's true shape with seeded random weights. Energy and time depend on the shape when output length is fixed; the text of outputs means nothing."),
    Term("Faithful", "A cell whose outputs differ from those of the reference configuration no more than the study admits. Others are shown, never ranked."),
    Term("Claim", "A comparison with everything needed to check it: what against what, over which models, aggregate, n, interval, boundary."),
    Term("Confidence interval", "Computed from the runs so that, over many such studies, 95 in 100 intervals contain the true value."),
    Term("Effect size", "How large a difference is, apart from whether chance explains it: a ratio of medians, Hedges' g, Cliff's δ."),
    Term("Smallest effect of interest", "The relative difference below which the study declares a difference to be of no practical interest."),
    Term("Ratio of ratios", "A ratio in one study divided by the same ratio in another. At 1 the difference carries over, whatever the machines."),
    Term("Family", "All comparisons of one research question; their p values are adjusted together (Holm)."),
    Term("Holm", "A way to adjust the p values of a family: the smallest is multiplied by the number of comparisons, the next by one fewer, and so on, so that the chance of any false rejection stays below α."),
    Term("Coefficient of variation (CV)", "Standard deviation ÷ mean over the runs of a cell: its spread as a share, without a unit."),
    Term("Prefill and decode", "The two parts of generating an answer: prefill reads the whole prompt and gives the first token; decode makes the others, one after the other."),
    Term("KV cache", "Keys and values that a model has computed for earlier tokens, kept in memory so that the next token does not compute them again."),
    Term("Cold start", "From the start of the server process until it can answer: interpreter, loading and compilation."),
    Term("Saturation", "The load from which no larger load gains throughput: less, per doubling, than the study counts as a gain."),
    Term("Goodput", "Requests per second that keep every bound of the study's objective; those that were answered too late do not count."),
    Term("Pareto front", "The configurations, or loads, that no other dominates: none is at least as good in both metrics and better in one."),
)  # fmt: skip


def site_pages(studies: Sequence[Summary]) -> list[Page]:
    """Return the pages that belong to no study."""
    machines = tuple(dict.fromkeys(study.machine for study in studies if study.known))
    newest = max((study.moments[1][:10] for study in studies if study.moments), default="")
    comparisons = tuple(dict.fromkeys(link for study in studies for link in study.compared))
    content = IndexContent(
        tuple(studies), sum(study.runs for study in studies), machines, newest, tuple(_choices(studies)), comparisons
    )
    first = studies[0].headline if studies else "No study has been published here yet."
    return [
        Page("index.html", "index.html", "Studies", first, "studies", None, content),
        Page("glossary/index.html", "glossary.html", "Glossary", "The words and metrics of greenreport.", "glossary", None,
             GlossaryContent(TERMS, tuple(METRICS.values()))),
        Page("about/index.html", "about.html", "About", "What greenreport does and how its numbers are made.", "about", None, None),
        Page("404.html", "404.html", "Not found", "There is no such page.", "", None, None),
    ]  # fmt: skip


def _choices(studies: Sequence[Summary]) -> Iterator[Choice]:
    """Yield what tells many studies apart: machines, models and tags that are not those of all."""
    if len(studies) <= FEW:
        return
    facets: tuple[tuple[str, str, list[tuple[str, ...]]], ...] = (
        ("machine", "Machine", [(study.machine,) for study in studies]),
        ("model", "Model", [study.model_names for study in studies]),
        ("tag", "Tag", [study.tags for study in studies]),
    )
    for name, label, found in facets:
        values = _once(value for own in found for value in own)
        if any(set(own) != set(values) for own in found):
            yield Choice(name, label, values)


def _once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values), key=lambda value: (value.casefold(), value)))
