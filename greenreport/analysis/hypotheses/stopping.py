"""Whether a study that ends by itself needs another block: which of its contrasts are decided, known well enough, or open.

A contrast is a pair of configurations on one model in the metric of a registered hypothesis. It is *decided* when its verdict is
not "inconclusive", and *narrow* when its interval is as short as the study asks. Verdict and interval are those of every page, at
the level of the look (`stats.sequential`), so what ended the study is what is published. Configurations that are
withheld from a comparison (no values, unfaithful, another boundary) are not waited for: further blocks would not help.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from greenreport.analysis.hypotheses.findings import compare_models
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.fidelity import CellFidelity, assess
from greenreport.analysis.quality.problems import OVER_PROBLEMS
from greenreport.analysis.stats import GroupTest, Interim, Interval, Pair, PairVerdict
from greenreport.study import Hypothesis, Sequential
from greenreport.units import counted, declared_percent, listed, number, percent

#: Open contrasts that are named after each block; the others are counted.
MOST_NAMED = 3


class ContrastState(StrEnum):
    """What is known of a contrast."""

    DECIDED = "decided"
    NARROW = "narrow"
    OPEN = "open"


class Ending(StrEnum):
    """Why a study ended, or that it goes on."""

    SETTLED = "settled"
    EXHAUSTED = "exhausted"
    GOES_ON = "goes on"


@dataclass(frozen=True, slots=True)
class Contrast:
    """A pair of configurations, by label, on a model in the metric of a hypothesis.

    Attributes:
        width: upper ÷ lower end of the interval of the ratio, minus 1; of a difference, its length over the smaller median.
            None without an interval.
    """

    hypothesis: str
    model: str
    a: str
    b: str
    state: ContrastState
    width: float | None

    def __str__(self) -> str:
        """Return what is compared, and how well it is known."""
        width = "no interval yet" if self.width is None else f"interval {percent(self.width)} wide"
        return f"{self.hypothesis}: {self.a} and {self.b} on {self.model}, {width}"


@dataclass(frozen=True, slots=True)
class StoppingLook:
    """What a study knows after a number of blocks.

    Attributes:
        blocks: blocks begun; a block counts when each of its runs was tried, also where a run is not valid.
        interim: the look, for which levels and intervals allow.
        contrasts: all that could be compared.
    """

    rule: Sequential
    blocks: int
    interim: Interim
    contrasts: tuple[Contrast, ...]

    @property
    def looks(self) -> int:
        """Number of looks that were planned."""
        return self.rule.at_most - self.rule.at_least + 1

    @property
    def states(self) -> Counter[ContrastState]:
        """How many contrasts are in each state."""
        return Counter(contrast.state for contrast in self.contrasts)

    @property
    def ending(self) -> Ending:
        """Why the study ends here, or that it does not."""
        if not self.states[ContrastState.OPEN]:
            return Ending.SETTLED
        return Ending.EXHAUSTED if self.blocks >= self.rule.at_most else Ending.GOES_ON

    @property
    def goes_on(self) -> bool:
        """Whether another block is needed."""
        return self.ending is Ending.GOES_ON

    @property
    def still_open(self) -> tuple[Contrast, ...]:
        """The open contrasts, those with the widest intervals first."""
        still = [contrast for contrast in self.contrasts if contrast.state is ContrastState.OPEN]
        return tuple(sorted(still, key=lambda contrast: math.inf if contrast.width is None else contrast.width, reverse=True))

    def found(self) -> str:
        """Return in words what is decided, narrow enough and open."""
        if not self.contrasts:
            return "nothing could be compared"
        words = {
            ContrastState.DECIDED: "decided",
            ContrastState.NARROW: f"known within {declared_percent(self.rule.until.interval_width)}",
            ContrastState.OPEN: "open",
        }
        parts = [f"{n} {'is' if n == 1 else 'are'} {text}" for state, text in words.items() if (n := self.states[state])]
        return f"of {counted(len(self.contrasts), 'contrast')}, {listed(parts)}"

    def __str__(self) -> str:
        """Return what the look found, and what follows from it, as a line."""
        follows = {
            Ending.SETTLED: "the study ends here",
            Ending.EXHAUSTED: "the study ends here, as declared",
            Ending.GOES_ON: "another block follows",
        }
        begin = f"after {self.blocks} of at most {counted(self.rule.at_most, 'block')}: {self.found()}"
        named = "; ".join(map(str, self.still_open[:MOST_NAMED]))
        more = f"; and {len(self.still_open) - MOST_NAMED} more" if len(self.still_open) > MOST_NAMED else ""
        return f"{begin}{f' ({named}{more})' if named else ''}; {follows[self.ending]}"

    def summary(self) -> str:
        """Return for readers why the study ended."""
        begins = {
            Ending.SETTLED: "The study ended by itself after",
            Ending.EXHAUSTED: "The study ended, as declared, after",
            Ending.GOES_ON: "The study has not ended: its runs are those of",
        }
        most = "" if self.ending is Ending.EXHAUSTED else f" of at most {self.rule.at_most}"
        return f"{begins[self.ending]} {self.blocks}{most} blocks: {self.found()}. Intervals allow for all looks at the data."

    def account(self) -> str:
        """Return why the study ended, and what its looks cost."""
        return (
            f"{self.summary()} The contrasts were to be looked at after each block from block {self.rule.at_least} on. After {self.blocks} blocks "
            f"{declared_percent(round(self.interim.spent, 3))} of every α is spent: a comparison that stands alone is tested at "
            f"{number(self.interim.nominal(0.05), 2)} where α = 0.05."
        )


def look(dataset: Dataset, fidelity: Sequence[CellFidelity] | None = None) -> StoppingLook | None:
    """Return what a study knows now; None where its number of repetitions is fixed.

    Args:
        fidelity: verdicts of `assess`, where they are known already.
    """
    rule, interim = dataset.study.protocol.sequential, dataset.interim
    if rule is None or interim is None:
        return None
    fidelity = assess(dataset) if fidelity is None else fidelity
    # More blocks tell nothing about shares over problems.
    asked = [item for item in dataset.study.hypotheses if item.metric not in OVER_PROBLEMS]
    wanted = [item for item in asked if not rule.hypotheses or item.id in rule.hypotheses]
    contrasts = tuple(contrast for item in wanted for contrast in _contrasts(dataset, item, fidelity, rule))
    return StoppingLook(rule, dataset.repetitions, interim, contrasts)


def _contrasts(dataset: Dataset, hypothesis: Hypothesis, fidelity: Sequence[CellFidelity], rule: Sequential) -> list[Contrast]:
    tests = compare_models(dataset, hypothesis.metric, fidelity, providers=hypothesis.providers, hypothesis=hypothesis)
    labels = dataset.labels
    return [
        Contrast(hypothesis.id, item.model.label, labels[pair.a], labels[pair.b], *_state(pair, item.test, rule))
        for item in tests
        for pair in item.test.pairs
    ]


def _state(pair: Pair, test: GroupTest, rule: Sequential) -> tuple[ContrastState, float | None]:
    width = _width(pair, test)
    if pair.verdict is not PairVerdict.INCONCLUSIVE:
        return ContrastState.DECIDED, width
    narrow = width is not None and width <= rule.until.interval_width
    return (ContrastState.NARROW if narrow else ContrastState.OPEN), width


def _width(pair: Pair, test: GroupTest) -> float | None:
    if isinstance(pair.ratio.ci, Interval):
        return pair.ratio.ci.high / pair.ratio.ci.low - 1
    if pair.difference is None or not isinstance(pair.difference.ci, Interval):
        return None
    size = min(abs(test.group(name).description.median or 0.0) for name in (pair.a, pair.b))
    return (pair.difference.ci.high - pair.difference.ci.low) / size if size else None
