"""All results of a study as plain values with stable names: the content of ``findings.json`` (docs/findings.md).

Numbers are in SI units; a value that does not exist is null, with its ``reason`` beside it. `FORMAT` is raised when a name changes or
disappears; new names may be added at any time.
"""

from __future__ import annotations

from greenreport.analysis.analyse import Analysis
from greenreport.analysis.findings_json.footprint import plain_footprint
from greenreport.analysis.findings_json.stages import plain_stages
from greenreport.analysis.findings_json.tests import (
    Json,
    plain_description,
    plain_hypothesis,
    plain_interval,
    plain_number,
    plain_text,
)
from greenreport.analysis.hypotheses.claim_text import plain
from greenreport.analysis.hypotheses.claims import Claim
from greenreport.analysis.hypotheses.guidelines import Guideline
from greenreport.analysis.hypotheses.preregistration import preregistration
from greenreport.analysis.measure.dataset import CellView, Dataset, label_of
from greenreport.analysis.measure.fidelity import CellFidelity
from greenreport.analysis.stats import describe
from greenreport.analysis.sweep.capacity import Fit
from greenreport.analysis.sweep.frontier import FrontierAnalysis
from greenreport.analysis.sweep.series import Series, series_id
from greenreport.catalog import METRICS

FORMAT = 1


def document(analysis: Analysis) -> Json:
    """Return the findings of a study as JSON-like values."""
    dataset = analysis.dataset
    registered = preregistration(dataset)
    return {
        "format": FORMAT,
        "study": dataset.study.study,
        "title": dataset.study.title,
        "headline": plain_text(plain(analysis.headline)),
        "source": dataset.source,
        "estimated_energy": dataset.estimated,
        "untrained_weights": dataset.untrained,
        "simulated": dataset.simulated,
        "machine": _machine(dataset),
        "registration": None
        if registered is None
        else {
            "sha256": registered.digest,
            "first_run": registered.at,
            "changes": [{"what": c.what, "after_runs": c.after, "of_runs": c.runs} for c in registered.changes],
        },
        "validity": {
            "level": analysis.badge.level.value,
            "rules": [{"rule": r.name, "level": r.level.value, "found": plain_text(r.found)} for r in analysis.badge.rules],
        },
        "configurations": [
            {"id": c.id, "engine": c.engine, "provider": c.provider, "label": plain_text(label_of(c))}
            for c in dataset.configurations
        ],
        "models": [{"id": m.id, "label": m.label, "size_category": m.size_category} for m in dataset.models],
        "cells": [_cell(cell) for cell in dataset.cells],
        "fidelity": [_fidelity(item) for item in analysis.fidelity],
        "hypotheses": [plain_hypothesis(finding) for finding in analysis.findings],
        "answers": [
            {
                "question": answer.id,
                "text": answer.question,
                "answer": plain_text(plain(answer.lead)),
                "hypotheses": [
                    {
                        "id": part.finding.hypothesis.id,
                        "answer": plain_text(plain(part.lead)),
                        "decision": plain_text(part.decision),
                        "exceptions": [plain_text(exception) for exception in part.exceptions],
                    }
                    for part in answer.answers
                ],
            }
            for answer in analysis.answers
        ],
        "guidelines": [_guideline(item) for item in analysis.guidelines],
        "declared_guidelines": [
            {
                "id": item.guideline.id,
                "text": item.guideline.text,
                "verdict": item.support.value,
                "why": item.why,
                "claim": None if item.claim is None else item.claim.id,
            }
            for item in analysis.declared
        ],
        "replications": [
            {
                "reference": report.reference.reference,
                "finding": r.comparison.id,
                "statement": r.comparison.statement,
                "size_category": r.category,
                "published_ratio": list(r.original),
                "outcome": r.outcome.value,
                "why": plain_text(r.why),
                "claim": None if r.ours is None else r.ours.id,
            }
            for report in analysis.replications
            for r in report.replications
        ],
        "sweep_replications": [
            {
                "reference": report.reference.reference,
                "finding": r.finding.id,
                "statement": r.finding.statement,
                "outcome": r.outcome.value,
                "why": plain_text(r.why),
                "claims": [claim.id for claim in r.ours],
            }
            for report in analysis.replications
            for r in report.sweeps
        ],
        "frontier": []
        if analysis.frontier is None
        else [_series(analysis.frontier, item) for item in analysis.frontier.series],
        "limits": [] if analysis.frontier is None else [_fit(item) for item in analysis.frontier.fits],
        "footprint": plain_footprint(analysis.footprint),
        "claims": [_claim(claim) for claim in analysis.claims],
    }


def _machine(dataset: Dataset) -> Json | None:
    host = dataset.environment
    if host is None:
        return None
    return {
        "key": host.key,
        "cpu": host.cpu_model,
        "physical_cores": host.physical_cores,
        "logical_cpus": host.logical_cpus,
        "memory_b": host.memory_b,
        "gpus": [gpu.name for gpu in host.gpus],
        "os": host.os,
        "virtualisation": host.virtualisation,
        "python": host.python,
        "libraries": dict(host.libraries),
    }


def _cell(cell: CellView) -> Json:
    values: Json = {}
    for metric in METRICS.values():
        sample = cell.values(metric.id)
        if not sample:
            values[metric.id] = {"n": 0, "reason": plain_text(cell.absence(metric.id))}
            continue
        values[metric.id] = {
            "unit": metric.unit,
            **plain_description(describe(sample)),
            "boundary": cell.boundary(metric.id),
            "methods": sorted(method.value for method in cell.methods(metric.id)),
            "values": [plain_number(value) for value in sample],
        }
    return {
        "model": cell.model.id,
        "configuration": cell.configuration.id,
        "outcomes": {outcome.value: number for outcome, number in sorted(cell.outcomes.items())},
        "flags": sorted({flag.code for run in cell.runs for flag in run.flags}),
        "metrics": values,
        "stages": plain_stages(cell),
    }


def _series(frontier: FrontierAnalysis, series: Series) -> Json:
    start = None if series.least_energy is None else series.least_energy[1]
    return {
        "model": series.model.id,
        "configuration": series.base.id,
        "replicas": series.base.replicas,
        "factor": series.factor,
        "loads": [point.load for point in series.points],
        "configurations": [point.cell.configuration.id for point in series.points],
        "saturation": plain_number(series.saturation.load),
        "saturation_ci": plain_interval(series.saturation.ci),
        "gains_per_doubling": [plain_number(gain) for gain in series.saturation.gains],
        "peak": series.peak.load,
        "least_energy": None if series.least_energy is None else series.least_energy[0],
        "least_energy_from": plain_number(start),
        "limit": None
        if series.end is None
        else {
            "load": series.end.load,
            "outcome": series.end.outcome.value,
            "last_good": plain_number(series.end.last_good),
            "reason": plain_text(series.end.reason),
        },
        "best_under_objective": None if series.within is None else series.within.load,
        "latency_metric": series.latency,
        "front_metrics": list(series.dimensions),
        "front": [
            {"configuration": p.name, "on_front": p.on_front, "probability": plain_number(p.probability)}
            for p in series.front.points
        ],
        "sentences": [plain_text(plain(text)) for text in frontier.sentences[series_id(series)]],
    }


def _fit(item: Fit) -> Json:
    return {
        "model": item.model,
        "configuration": plain_text(item.label),
        "factor": item.factor,
        "largest": plain_number(item.load),
        "runs": item.runs,
        "searched": item.searched,
        "why": plain_text(item.why),
        "left_out": [plain_text(text) for text in item.left_out],
    }


def _fidelity(item: CellFidelity) -> Json:
    return {
        "model": item.model,
        "configuration": item.configuration,
        "verdict": item.verdict.value,
        "exact_match": plain_number(item.exact_match),
        "token_count_drift": plain_number(item.token_count_drift),
        "reason": plain_text(item.reason),
    }


def _guideline(item: Guideline) -> Json:
    place = item.standing
    return {
        "objective": item.objective.id,
        "wish": item.objective.wish,
        "metric": item.objective.metric,
        "recommended": None if place is None else place.leader.id,
        "reason": None if item.reason is None else plain_text(item.reason),
        "wins": {} if place is None else dict(place.wins),
        "tied_with_best": {} if place is None else dict(place.shared),
        "by_model": []
        if place is None
        else [{"model": w.model.id, "leader": w.leader, "tied": list(w.ties)} for w in place.winners],
        "claim": None if place is None or place.claim is None else place.claim.id,
        "costs": [claim.id for claim in item.costs],
        "confidence": item.confidence.value if item.confidence is not None else "",
        "limits": [plain_text(limit) for limit in item.limits],
    }


def _claim(claim: Claim) -> Json:
    return {
        "id": claim.id,
        "metric": claim.metric,
        "sentence": plain_text(claim.sentence()),
        "numerator": plain_text(claim.numerator),
        "denominator": plain_text(claim.denominator),
        "numerator_cells": list(claim.numerator_cells),
        "denominator_cells": list(claim.denominator_cells),
        "aggregator": claim.aggregator.value,
        "scope": list(claim.scope),
        "of_models": claim.of_models,
        "value": plain_number(claim.value),
        "ci": plain_interval(claim.ci),
        "ci_for_models_like_these": plain_interval(claim.ci_models),
        "n": claim.n,
        "boundary": claim.boundary,
        "estimated": claim.estimated,
        "rows": [
            {
                "model": row.model,
                "numerator": plain_number(row.numerator),
                "denominator": plain_number(row.denominator),
                "ratio": plain_number(row.ratio),
                "n_numerator": row.n_numerator,
                "n_denominator": row.n_denominator,
            }
            for row in claim.rows
        ],
    }
