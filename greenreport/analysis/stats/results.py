"""Results of a comparison of groups: everything a page shows, so that it computes nothing itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal, TypeAlias

from greenreport.analysis.stats.describe import Description
from greenreport.analysis.stats.multiplicity import Correction
from greenreport.analysis.stats.samples import Interval, NotComputable
from greenreport.analysis.stats.sequential import Interim

Procedure: TypeAlias = Literal["blocked", "welch", "kruskal", "friedman", "permutation", "problems"]


class PairVerdict(StrEnum):
    """What a pair means in practice, from the view of its first group."""

    LOWER = "lower"
    HIGHER = "higher"
    NO_PRACTICAL_DIFFERENCE = "no practical difference"
    INCONCLUSIVE = "inconclusive"


_OPPOSITE = {PairVerdict.LOWER: PairVerdict.HIGHER, PairVerdict.HIGHER: PairVerdict.LOWER}


@dataclass(frozen=True, slots=True)
class Normality:
    """Shapiro–Wilk of one group; all None with a reason where it is not computable.

    Attributes:
        normal: p ≥ alpha. The p value is compared, never W.
    """

    statistic: float | None
    p: float | None
    normal: bool | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Homogeneity:
    """Levene's test of equal spread, centred on the medians (Brown and Forsythe 1974); shown, not used in the choice."""

    statistic: float | None
    df: tuple[float, ...]
    p: float | None
    equal: bool | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """One group of a comparison.

    Attributes:
        tested: whether it takes part in the tests; if not, `reason` says why.
        letters: compact letter display, "a" from the lowest median; groups that share a letter do not differ significantly.
    """

    name: str
    description: Description
    normality: Normality
    tested: bool
    letters: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """A standardised effect size, without unit.

    Attributes:
        magnitude: word of the cited scale ("small"), `scale`: the citation.
    """

    name: str
    value: float
    ci: Interval | NotComputable
    magnitude: str
    scale: str

    def reversed(self) -> Effect:
        """Return the same effect from the view of the second group."""
        ci = replace(self.ci, low=0 - self.ci.high, high=0 - self.ci.low) if isinstance(self.ci, Interval) else self.ci
        return replace(self, value=0 - self.value, ci=ci)


@dataclass(frozen=True, slots=True)
class Ratio:
    """a ÷ b, without unit; None with a reason where it does not exist.

    Attributes:
        error: standard error of the logarithm of the ratio, with `df` degrees of freedom; None where it was not estimated.
    """

    value: float | None
    ci: Interval | NotComputable
    reason: str | None = None
    error: float | None = None
    df: float | None = None

    def inverse(self) -> Ratio:
        """Return b ÷ a."""
        ci = replace(self.ci, low=1 / self.ci.high, high=1 / self.ci.low) if isinstance(self.ci, Interval) else self.ci
        return replace(self, value=None if self.value is None else 1 / self.value, ci=ci)


@dataclass(frozen=True, slots=True)
class MeanDifference:
    """a − b in the metric's unit, for metrics whose values may be zero or negative."""

    value: float
    ci: Interval | NotComputable

    def negated(self) -> MeanDifference:
        """Return b − a."""
        ci = replace(self.ci, low=0 - self.ci.high, high=0 - self.ci.low) if isinstance(self.ci, Interval) else self.ci
        return replace(self, value=0 - self.value, ci=ci)


@dataclass(frozen=True, slots=True)
class Robustness:
    """The same groups under another test, beside the one that decides.

    Attributes:
        name: of the omnibus test and the test of the pairs.
        p: of the omnibus test; None where it is not computable. `pairs`: adjusted p of each pair, in the order of the pairs.
        compared: pairs that both could test; only_here: those that differ by the deciding test alone; only_there: by this one alone.
        powerless: why no pair could be significant with it, as a clause; empty where one could.
    """

    name: str
    p: float | None
    pairs: tuple[float | None, ...]
    compared: int
    only_here: int
    only_there: int
    powerless: str = ""

    @property
    def agreeing(self) -> int:
        """Pairs that both tests call different, or both not."""
        return self.compared - self.only_here - self.only_there


@dataclass(frozen=True, slots=True)
class Omnibus:
    """The test over all tested groups; statistic and p are None with a reason where it is not computable.

    Attributes:
        name: "Welch's ANOVA"; `symbol` of its statistic: "F".
        df: degrees of freedom, empty for tests without.
        effect: ω² (Welch), ε² (Kruskal–Wallis) or Kendall's W (Friedman).
        p_family: adjusted with Holm over the models and hypotheses of one question, set by `over_models`.
    """

    name: str
    symbol: str
    statistic: float | None
    df: tuple[float, ...]
    p: float | None
    effect: Effect | NotComputable
    reason: str | None = None
    p_family: float | None = None

    @property
    def p_final(self) -> float | None:
        """The p value that decides: adjusted over the models where there are several, else the test's own."""
        return self.p if self.p_family is None else self.p_family


@dataclass(frozen=True, slots=True)
class Pair:
    """Two groups compared; signs, ratio and verdict are about the first.

    Attributes:
        statistic, df, p: of the test that decides, raw; with Games–Howell those of Welch's t.
        p_adjusted: adjusted over the pairs of this metric and model, and over looks at the data; what decides.
        effect: Hedges' g (blocked, Welch) or Cliff's δ (rank tests).
        ratio, difference: from the blocked model, with the interval that decides the verdict; one of them has a value.
        significant: the adjusted p is below alpha; with the blocked model, the interval leaves out equality.
        runs_needed: runs per group that would probably decide an inconclusive pair; None where more runs do not help.
        reason: of the verdict, as a clause.
    """

    a: str
    b: str
    n_a: int
    n_b: int
    symbol: str
    statistic: float | None
    df: float | None
    p: float | None
    p_adjusted: float | None
    effect: Effect | NotComputable
    ratio: Ratio
    difference: MeanDifference | None = None
    significant: bool = False
    verdict: PairVerdict = PairVerdict.INCONCLUSIVE
    runs_needed: int | None = None
    reason: str = ""

    def reversed(self) -> Pair:
        """Return the same comparison from the view of the second group."""
        statistic, ratio, verdict = self.statistic, self.ratio.inverse(), _OPPOSITE.get(self.verdict, self.verdict)
        if statistic is not None:  # U counts wins of the first group, the others change sign
            statistic = (self.n_a * self.n_b if self.symbol == "U" else 0) - statistic
        effect = self.effect.reversed() if isinstance(self.effect, Effect) else self.effect
        difference = None if self.difference is None else self.difference.negated()
        swapped = replace(self, a=self.b, b=self.a, n_a=self.n_b, n_b=self.n_a, difference=difference)
        return replace(swapped, statistic=statistic, effect=effect, ratio=ratio, verdict=verdict)


@dataclass(frozen=True, slots=True)
class GroupTest:
    """The comparison of the groups of one factor in one metric.

    Attributes:
        test: the procedure used, or None when nothing could be tested; `reason`: of the choice, in words.
        pairs: all pairs in the order of the groups.
        posthoc: the test of the pairs with its correction ("Games–Howell", "Dunn, Holm").
        smallest_effect, noise_floor: relative differences, 0.05 = 5 %.
        comparisons: pairs of this metric and model that are adjusted together; more than `pairs` where only some are shown.
        robustness: the other tests, beside the one that decides.
        powerless: why no pair could be significant, whatever the values, as a clause; empty where one could.
        interim: the look at which the data are compared, for which intervals and p values allow; None where the number of blocks was fixed.
    """

    groups: tuple[Group, ...]
    homogeneity: Homogeneity
    test: Procedure | None
    reason: str
    omnibus: Omnibus
    posthoc: str
    pairs: tuple[Pair, ...]
    alpha: float
    correction: Correction
    smallest_effect: float
    noise_floor: float | None = None
    comparisons: int = 0
    robustness: tuple[Robustness, ...] = ()
    powerless: str = ""
    interim: Interim | None = None

    def group(self, name: str) -> Group:
        """Return the group of that name; KeyError when there is none."""
        return {group.name: group for group in self.groups}[name]

    def pair(self, a: str, b: str) -> Pair:
        """Return the comparison of `a` with `b`; KeyError when there is none."""
        pair = self.between(a, b)
        return pair if pair.a == a else pair.reversed()

    def between(self, a: str, b: str) -> Pair:
        """Return the comparison of two groups, whichever of them it begins with; KeyError when there is none."""
        for pair in self.pairs:
            if (pair.a == a and pair.b == b) or (pair.a == b and pair.b == a):
                return pair
        raise KeyError((a, b))

    @property
    def rejected(self) -> bool:
        """Whether the hypothesis that no group differs is rejected."""
        return self.omnibus.p_final is not None and self.omnibus.p_final < self.alpha
