"""What another study would find were only chance between it and ours, and what that says of a published ratio.

A confidence interval says where the true ratio may lie. The estimate of another study varies about it with an uncertainty of its own, so
that a published ratio is compared with a prediction interval (Patil, Peng and Leek 2016, Perspectives on Psychological Science 11). Half
its width is the root of the sum of squares of both studies' half-widths on the log scale. A publication without an interval is
taken to be as uncertain as we are: as many runs, and as many models::

              published                                 inside and the same direction: replicated
    ├────────●───┼───────┤ predicted                    the whole prediction within ±s of it: the same size in practice
    ─────────────────────────────────── ratio           outside and the same direction: same direction only
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from greenreport.analysis.hypotheses.claims import Claim
from greenreport.analysis.stats import Interval, NotComputable
from greenreport.units import declared_percent

METHOD = "both studies' uncertainties, combined on a log scale"


class ReplicationOutcome(StrEnum):
    """Whether a published finding holds in this study."""

    REPLICATED = "replicated"
    SAME_DIRECTION = "same direction only"
    NOT_REPLICATED = "not replicated"
    UNDECIDED = "cannot be told"
    NOT_TESTABLE = "not testable here"


class Predicted(StrEnum):
    """What a prediction is about."""

    SAME_MODELS = "the ratio that another study of the same models would estimate"
    OTHER_MODELS = "the mean ratio that another study would estimate on as many other models like these"
    ONE_MODEL = "the ratio of one further model like these"


@dataclass(frozen=True, slots=True)
class Prediction:
    """The ratio another study would find.

    Attributes:
        stated: whether the uncertainty of that study is the published one; else it is taken to be as large as ours.
    """

    of: Predicted
    ci: Interval | NotComputable
    stated: bool = False

    def words(self) -> str:
        """Return what is predicted."""
        if self.of is Predicted.ONE_MODEL:
            return self.of.value
        return f"{self.of.value}, {'with the published uncertainty' if self.stated else 'as precisely as this one'}"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What our ratio says of a published one.

    Attributes:
        inside: whether the published ratio lies in the prediction; None without one.
        equivalent: whether both are the same within the smallest effect of interest; None where only a range is published.
        why: what decided, as a sentence.
    """

    outcome: ReplicationOutcome
    prediction: Prediction | None
    inside: bool | None
    equivalent: bool | None
    why: str


def predict(ours: Claim, original: tuple[float, float], published: tuple[float, float] | None = None) -> Prediction:
    """Return the prediction that a published ratio is compared with.

    From three models on, another study is taken to have other models like these. A published range is that of single models.

    Args:
        original: smallest and largest published ratio; equal where one is published.
        published: 95 % interval of that one.
    """
    mean = ours.mean
    if original[0] < original[1]:
        reason = "a range over models cannot be predicted from one model"
        return Prediction(Predicted.ONE_MODEL, NotComputable(reason) if mean is None else mean.further_model)
    several = mean is not None and isinstance(mean.over_models, Interval)
    ci = mean.over_models if mean is not None and several else ours.alone
    of = Predicted.OTHER_MODELS if several else Predicted.SAME_MODELS
    if isinstance(ci, NotComputable):
        return Prediction(of, ci)
    size, low, high = (math.log(value) for value in (ours.value, ci.low, ci.high))
    below, above = size - low, high - size
    theirs = above, below  # an interval that reaches far above an estimate says that the estimate may be far too low
    if published is not None:
        theirs = math.log(published[1] / original[0]), math.log(original[0] / published[0])
    low, high = size - math.hypot(below, theirs[0]), size + math.hypot(above, theirs[1])
    return Prediction(of, Interval(math.exp(low), math.exp(high), ci.level, METHOD), published is not None)


def judge(
    ours: Claim, original: tuple[float, float], smallest_effect: float, published: tuple[float, float] | None = None
) -> Judgement:
    """Say whether a published ratio holds here: by direction, by prediction, and by equivalence.

    Args:
        original: smallest and largest published ratio; equal where one is published.
        smallest_effect: relative difference of no practical interest.
        published: 95 % interval of the one ratio, where it is printed.
    """
    if isinstance(ours.ci, NotComputable):
        why = f"there is no interval here to judge by: {ours.ci.reason}"
        return Judgement(ReplicationOutcome.NOT_TESTABLE, None, None, None, why)
    if original[0] < 1 < original[1]:
        why = "the published range includes both directions"
        return Judgement(ReplicationOutcome.NOT_TESTABLE, None, None, None, why)
    prediction, margin = predict(ours, original, published), 1 + smallest_effect
    inside, equivalent = None, None
    if isinstance(prediction.ci, Interval):
        inside = prediction.ci.low <= original[0] and original[1] <= prediction.ci.high
        if original[0] == original[1]:
            equivalent = original[0] / margin <= prediction.ci.low and prediction.ci.high <= original[0] * margin
    elif original[0] < original[1]:  # their range is over models, so it predicts ours
        inside = original[0] <= ours.ci.low and ours.ci.high <= original[1]
    outcome, why = _decide(ours, ours.ci, original, smallest_effect, prediction, inside, equivalent)
    return Judgement(outcome, prediction, inside, equivalent, why)


def _decide(
    ours: Claim,
    ci: Interval,
    original: tuple[float, float],
    smallest_effect: float,
    prediction: Prediction,
    inside: bool | None,
    equivalent: bool | None,
) -> tuple[ReplicationOutcome, str]:
    margin, within = 1 + smallest_effect, f"±{declared_percent(smallest_effect)}"
    if equivalent:
        return ReplicationOutcome.REPLICATED, f"the same size within {within}, the smallest effect of interest"
    small = 1 / margin <= ci.low and ci.high <= margin
    if small and 1 / margin <= original[0] and original[1] <= margin:
        return ReplicationOutcome.REPLICATED, f"no difference of practical interest there or here: both lie within {within}"
    if ci.low <= 1 <= ci.high:
        if small:
            return (
                ReplicationOutcome.NOT_REPLICATED,
                f"no difference of practical interest here: the interval lies within {within}",
            )
        if inside:
            return ReplicationOutcome.UNDECIDED, "equality and the published ratio are both compatible with these runs"
        return ReplicationOutcome.NOT_REPLICATED, f"no clear difference here, and {_outside(prediction)}"
    if original == (1.0, 1.0):
        return ReplicationOutcome.NOT_REPLICATED, "a clear difference here where none is published"
    if (ours.value < 1) != (original[1] <= 1):
        return ReplicationOutcome.NOT_REPLICATED, "the opposite direction here"
    if inside is None:
        return ReplicationOutcome.SAME_DIRECTION, "nothing can be predicted, so the size is not compared"
    if not inside:
        return ReplicationOutcome.SAME_DIRECTION, f"same direction, but {_outside(prediction)}"
    if isinstance(prediction.ci, NotComputable):
        return ReplicationOutcome.REPLICATED, "same direction, and our interval lies within the published range"
    what = "the published ratio lies" if original[0] == original[1] else "the whole published range lies"
    vague = prediction.ci.low <= 1 <= prediction.ci.high
    return (
        ReplicationOutcome.REPLICATED,
        f"same direction, and {what} inside the prediction{', which is too wide to say more of the size' if vague else ''}",
    )


def _outside(prediction: Prediction) -> str:
    if isinstance(prediction.ci, NotComputable):
        return "our interval does not lie within the published range"
    part = "part of the published range" if prediction.of is Predicted.ONE_MODEL else "the published ratio"
    return f"{part} lies outside the prediction"
