"""The glossary: the words of the field, and every metric."""

from __future__ import annotations

from dataclasses import dataclass

from greenreport.catalog import METRICS, MetricInfo
from greenreport.report.page import Page
from greenreport.report.search import Entry
from greenreport.units import safe_slug

PATH = "glossary/index.html"


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
    Term("Execution provider", "The hardware backend an engine computes on, such as CPU or CUDA."),
    Term("Cell", "One model in one serving configuration under the study's workload and protocol."),
    Term("Run, repetition", "One execution of a cell in processes of its own. A cell is run several times; each run is one observation."),
    Term("Block", "One repetition of every cell, in an order that the study's design decides. Configurations are compared within blocks, so slow changes of the machine cancel."),
    Term("Replica", "A parallel copy of a server. Never a repetition."),
    Term("Window", "The time between the first request sent and the last answer complete; in a study that leaves out a ramp, from the end of the ramp to the last request sent. Only this time is compared."),
    Term("Idle baseline", "Time before and after the window in which the server is up and does nothing; gives the idle power."),
    Term("Boundary", "What an energy value includes: CPU packages, memory, GPUs. Values of different boundaries are not compared."),
    Term("Gross and net energy", "Gross: all energy of the boundary in the window. Net: gross minus idle power times the window's length."),
    Term("Measured and estimated", "Measured: read from an instrument. Estimated: computed from the CPU load by a power model."),
    Term("Untrained weights", "A model's true shape with seeded random weights. Energy and time depend on the shape when output length is fixed; the text of outputs means nothing."),
    Term("Faithful", "A cell whose outputs differ from those of the reference configuration no more than the study allows. Others are shown, never ranked."),
    Term("Claim", "A comparison with everything needed to check it: what against what, over which models, aggregate, n, interval, boundary."),
    Term("Confidence interval", "Computed from the runs so that, over many such studies, 95 in 100 intervals contain the true value."),
    Term("Uncertainty of an instrument (± U)", "What the meter adds to each value, apart from the spread of the runs: about 95 in 100 true values lie within ± U (k = 2). No number of runs makes it smaller."),
    Term("Effect size", "How large a difference is, apart from whether chance explains it: a ratio, Hedges' g, Cliff's δ."),
    Term("Smallest effect of interest", "The relative difference below which the study declares a difference to be of no practical interest."),
    Term("Ratio of ratios", "A ratio in one study divided by the same ratio in another. At 1 the difference carries over, whatever the machines."),
    Term("Prediction interval", "Where another study, or a further model, would lie if only chance stood between it and this study. Wider than a confidence interval, which is about the true value."),
    Term("Multiverse analysis", "The same runs analysed in every way a study might have chosen, to see how much an answer owes to the choices."),
    Term("Family", "All pairs of configurations in one metric on one model; their intervals hold together with the stated level (Bonferroni)."),
    Term("Tied with the best", "A configuration that may be the best of a model: no other is shown to be better than it (Hsu's multiple comparisons with the best)."),
    Term("Holm", "A way to adjust p values of several tests: the smallest is multiplied by the number of tests, the next by one fewer, and so on, so that the chance of any false rejection stays below α."),
    Term("Coefficient of variation (CV)", "Standard deviation ÷ mean over the runs of a cell: its spread as a share, without a unit."),
    Term("Prefill and decode", "The two parts of generating an answer: prefill reads the whole prompt and gives the first token; decode makes the others, one after the other."),
    Term("KV cache", "Keys and values that a model has computed for earlier tokens, kept in memory so that the next token does not compute them again."),
    Term("Cold start", "From the start of the server process until it can answer: interpreter, loading and compilation."),
    Term("Saturation", "The load beyond which larger loads no longer raise throughput: per doubling, they add less than the study counts as a gain."),
    Term("Goodput", "Requests per second that keep every bound of the study's objective; those that were answered too late do not count."),
    Term("Right answer", "An answer that passes what its problem is judged by, such as unit tests. Everything else is wrong, including an answer that does not end or is not a program."),
    Term("Per right answer", "The energy, time or tokens of a whole run, those of wrong answers too, divided by its right answers."),
    Term("pass@k", "The chance that at least one of k answers to a problem is right, averaged over problems."),
    Term("McNemar's test", "Compares two configurations by the problems that only one of them solves: if both were equally good, each would be the only solver equally often."),
    Term("Pareto front", "The configurations, or loads, that no other dominates: none is at least as good in both metrics and better in one."),
)  # fmt: skip


def glossary_page() -> Page[GlossaryContent]:
    """Return the page."""
    content = GlossaryContent(TERMS, tuple(METRICS.values()))
    entries = [Entry(m.label, "Metric", m.definition, f"{PATH}#{m.id}", f"{m.id} {m.noun}") for m in content.metrics]
    entries += [Entry(t.word, "Word", t.meaning, f"{PATH}#{t.anchor}") for t in content.terms]
    description = "The words and metrics of greenreport."
    return Page(PATH, "glossary.html", "Glossary", description, "glossary", None, content, entries=tuple(entries))
