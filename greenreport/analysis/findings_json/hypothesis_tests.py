"""Hypotheses, their tests, and what ended the repetitions, for `document`."""

from __future__ import annotations

from greenreport.analysis.findings_json.plain_values import Json, pick
from greenreport.analysis.hypotheses.findings import Finding, ModelTest
from greenreport.analysis.hypotheses.stopping import StoppingLook
from greenreport.analysis.stats import Description, Effect, Group, NotComputable, Pair


def described(d: Description) -> Json:
    """Return the summary of a sample."""
    return pick(d, "n", "median", "median_ci", "mean", "mean_ci", "sd", "cv", "minimum", "q1", "q3", "maximum")


def hypothesis(finding: Finding) -> Json:
    """Return a hypothesis with its tests on every model."""
    return {
        **pick(finding.hypothesis, "id", "question", "metric"),
        "unit": finding.metric.unit,
        "statement": finding.statement(),
        **pick(finding.hypothesis, "alpha", "smallest_effect"),
        **pick(finding, "decision", "boundary", "estimated"),
        "models": [_model_test(test) for test in finding.tests],
    }


def _model_test(item: ModelTest) -> Json:
    test = item.test
    return {
        "model": item.model.id,
        "test": test.test,
        "why_this_test": test.reason,
        "omnibus": {
            **pick(test.omnibus, "name", "statistic", "df", "p", "p_family"),
            "effect": _effect(test.omnibus.effect),
            "reason": test.omnibus.reason,
        },
        "homogeneity": pick(test.homogeneity, "statistic", "p", "reason"),
        "posthoc": test.posthoc,
        "groups": [_group(group) for group in test.groups],
        "comparisons": test.comparisons,
        "alpha_spent": None if test.interim is None else test.interim.spent,
        "pairs": [_pair(pair) for pair in test.pairs],
        "robustness": test.robustness,
        "withheld": item.withheld,
    }


def _group(group: Group) -> Json:
    return {
        "configuration": group.name,
        **pick(group, "tested", "reason", "letters"),
        "shapiro": pick(group.normality, "statistic", "p", "reason"),
        **described(group.description),
    }


def _effect(effect: Effect | NotComputable) -> Json | Effect:
    return effect if isinstance(effect, Effect) else {"name": None, "value": None, "reason": effect.reason}


def _pair(pair: Pair) -> Json:
    return {
        **pick(pair, "a", "b", "n_a", "n_b", "symbol", "statistic", "df", "p", "p_adjusted", "significant"),
        "effect": _effect(pair.effect),
        **pick(pair, "ratio", "difference"),
        **pick(pair, "verdict", "reason", "runs_needed"),
    }


def stopping(look: StoppingLook | None) -> Json | None:
    """Return the rule that ends the repetitions, and what the last look at the contrasts found; None where their number is fixed."""
    return None if look is None else {
        **pick(look.rule, "at_least", "at_most"),
        "interval_width": look.rule.until.interval_width,
        "hypotheses": look.rule.hypotheses,
        **pick(look, "ending", "blocks", "looks"),
        "alpha_spent": look.interim.spent,
        "contrasts": [pick(c, "hypothesis", "model", "a", "b", "state", "width") for c in look.contrasts],
        "text": look.account(),
    }  # fmt: skip
