"""Tests and their numbers as plain values, for `document`."""

from __future__ import annotations

import math
from typing import Any

from greenreport.analysis.hypotheses.findings import Finding, ModelTest
from greenreport.analysis.stats import Description, Effect, Group, Interval, NotComputable, Pair
from greenreport.units import THIN

Json = dict[str, Any]


def plain_text(text: str) -> str:
    """Return a printed text with ordinary spaces."""
    return text.replace(THIN, " ").replace("\u00a0", " ")


def plain_number(value: float | None) -> float | None:
    """Return a finite number, or None."""
    return None if value is None or not math.isfinite(value) else float(value)


def plain_interval(ci: Interval | NotComputable | None) -> Json | None:
    """Return an interval with level and method, or why there is none."""
    if ci is None:
        return None
    if isinstance(ci, NotComputable):
        return {"low": None, "high": None, "reason": ci.reason}
    return {"low": plain_number(ci.low), "high": plain_number(ci.high), "level": ci.level, "method": ci.method}


def plain_description(d: Description) -> Json:
    """Return the summary of a sample."""
    return {
        "n": d.n,
        "median": plain_number(d.median),
        "median_ci": plain_interval(d.median_ci),
        "mean": plain_number(d.mean),
        "mean_ci": plain_interval(d.mean_ci),
        "sd": plain_number(d.sd),
        "cv": plain_number(d.cv),
        "minimum": plain_number(d.minimum),
        "q1": plain_number(d.q1),
        "q3": plain_number(d.q3),
        "maximum": plain_number(d.maximum),
    }


def plain_hypothesis(finding: Finding) -> Json:
    """Return a hypothesis with its tests on every model."""
    rule = finding.hypothesis
    return {
        "id": rule.id,
        "question": rule.question,
        "metric": rule.metric,
        "unit": finding.metric.unit,
        "statement": finding.statement(),
        "alpha": rule.alpha,
        "smallest_effect": rule.smallest_effect,
        "decision": finding.decision.value,
        "boundary": finding.boundary,
        "estimated": finding.estimated,
        "models": [_model_test(test) for test in finding.tests],
    }


def _model_test(item: ModelTest) -> Json:
    test = item.test
    return {
        "model": item.model.id,
        "test": test.test,
        "why_this_test": plain_text(test.reason),
        "omnibus": {
            "name": test.omnibus.name,
            "statistic": plain_number(test.omnibus.statistic),
            "df": [plain_number(df) for df in test.omnibus.df],
            "p": plain_number(test.omnibus.p),
            "effect": _effect(test.omnibus.effect),
            "reason": test.omnibus.reason,
        },
        "homogeneity": {
            "statistic": plain_number(test.homogeneity.statistic),
            "p": plain_number(test.homogeneity.p),
            "reason": test.homogeneity.reason,
        },
        "posthoc": test.posthoc,
        "groups": [_group(group) for group in test.groups],
        "pairs": [_pair(pair) for pair in test.pairs],
        "withheld": [{"configuration": w.configuration, "reason": plain_text(w.reason)} for w in item.withheld],
    }


def _group(group: Group) -> Json:
    return {
        "configuration": group.name,
        "tested": group.tested,
        "reason": group.reason,
        "letters": list(group.letters),
        "shapiro": {
            "statistic": plain_number(group.normality.statistic),
            "p": plain_number(group.normality.p),
            "reason": group.normality.reason,
        },
        **plain_description(group.description),
    }


def _effect(effect: Effect | NotComputable) -> Json:
    if isinstance(effect, NotComputable):
        return {"name": None, "value": None, "reason": effect.reason}
    return {
        "name": effect.name,
        "value": plain_number(effect.value),
        "ci": plain_interval(effect.ci),
        "magnitude": effect.magnitude,
        "scale": effect.scale,
    }


def _pair(pair: Pair) -> Json:
    return {
        "a": pair.a,
        "b": pair.b,
        "n_a": pair.n_a,
        "n_b": pair.n_b,
        "symbol": pair.symbol,
        "statistic": plain_number(pair.statistic),
        "df": plain_number(pair.df),
        "p": plain_number(pair.p),
        "p_adjusted": plain_number(pair.p_adjusted),
        "p_family": plain_number(pair.p_family),
        "significant": pair.significant,
        "effect": _effect(pair.effect),
        "ratio_of_medians": {
            "value": plain_number(pair.ratio.value),
            "ci": plain_interval(pair.ratio.ci),
            "reason": pair.ratio.reason,
        },
        "verdict": pair.verdict.value,
        "reason": plain_text(pair.reason),
        "runs_needed": pair.runs_needed,
    }
