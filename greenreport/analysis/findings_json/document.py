"""All results of a study as plain values with stable names: the content of ``findings.json`` (docs/findings.md).

Numbers are in SI units; a value that does not exist is null, with its ``reason`` beside it. `FORMAT` is raised when a name changes or
disappears; new names may be added at any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from greenreport.analysis.analyse import Analysis
from greenreport.analysis.compare.prediction import Prediction
from greenreport.analysis.compare.replication import Replication, ReplicationReport, SweepReplication
from greenreport.analysis.findings_json.hypothesis_tests import described, hypothesis, stopping
from greenreport.analysis.findings_json.order_effects import order_effects, settled
from greenreport.analysis.findings_json.other_analyses import other_analyses
from greenreport.analysis.findings_json.plain_values import Json, pick, plain_value
from greenreport.analysis.findings_json.right_answers import right_answers
from greenreport.analysis.footprint import FootprintAnalysis
from greenreport.analysis.hypotheses.answers import Answer
from greenreport.analysis.hypotheses.claim_text import plain
from greenreport.analysis.hypotheses.claims import Claim
from greenreport.analysis.hypotheses.guidelines import Guideline
from greenreport.analysis.hypotheses.preregistration import preregistration
from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.spans import Beside, Stage
from greenreport.analysis.measure.uncertainty import expanded_uncertainty
from greenreport.analysis.stats import describe
from greenreport.analysis.sweep.capacity import Fit
from greenreport.analysis.sweep.frontier import FrontierAnalysis
from greenreport.analysis.sweep.series import Series, series_id
from greenreport.catalog import METRICS

FORMAT = 1


def document(analysis: Analysis) -> Json:
    """Return the findings of a study as JSON-like values."""
    dataset, swept = analysis.dataset, analysis.frontier
    findings: Json = plain_value(
        {
            "format": FORMAT,
            **pick(dataset.study, "study", "title"),
            **{name: plain(getattr(analysis, name)) for name in ("headline", "advice")},
            "source": dataset.source,
            "estimated_energy": dataset.estimated,
            "untrained_weights": dataset.untrained,
            "simulated": dataset.simulated,
            "machine": _machine(dataset),
            "registration": _registration(dataset),
            "stopping": stopping(analysis.stopping),
            "validity": {
                "level": analysis.badge.level,
                "rules": [{"rule": rule.name, **pick(rule, "level", "found")} for rule in analysis.badge.rules],
            },
            "configurations": [{**pick(c, "id", "engine", "provider"), "label": label_of(c)} for c in dataset.configurations],
            "models": [pick(model, "id", "label", "size_category") for model in dataset.models],
            "cells": [_cell(cell) for cell in dataset.cells],
            "fidelity": [
                pick(item, "model", "configuration", "verdict", "exact_match", "token_count_drift", "reason")
                for item in analysis.fidelity
            ],
            "hypotheses": [hypothesis(finding) for finding in analysis.findings],
            "answers": [_answer(answer) for answer in analysis.answers],
            "guidelines": [_guideline(item) for item in analysis.guidelines],
            "declared_guidelines": [
                {**pick(d.guideline, "id", "text"), "verdict": d.support, "why": d.why, "claim": _id(d.claim)}
                for d in analysis.declared
            ],
            "replications": [_replication(r, item) for r in analysis.replications for item in r.replications],
            "sweep_replications": [_sweep_replication(r, item) for r in analysis.replications for item in r.sweeps],
            "frontier": [] if swept is None else [_series(swept, item) for item in swept.series],
            "limits": [] if swept is None else [_fit(item) for item in swept.fits],
            "multiverse": [other_analyses(item) for item in analysis.multiverses],
            "order_effects": [order_effects(item) for item in analysis.order],
            "settling": [settled(item) for item in analysis.settling],
            "right_answers": right_answers(analysis.quality),
            "footprint": _footprint(analysis.footprint),
            "claims": [_claim(claim) for claim in analysis.claims],
        }
    )
    return findings


def _id(claim: Claim | None) -> str | None:
    return None if claim is None else claim.id


def _machine(dataset: Dataset) -> Json | None:
    host = dataset.environment
    return None if host is None else {
        "key": host.key,
        "cpu": host.cpu_model,
        **pick(host, "physical_cores", "logical_cpus", "memory_b"),
        "gpus": [gpu.name for gpu in host.gpus],
        **pick(host, "os", "virtualisation", "python"),
        "libraries": dict(host.libraries),
    }  # fmt: skip


def _registration(dataset: Dataset) -> Json | None:
    registered = preregistration(dataset)
    return None if registered is None else {
        "sha256": registered.digest,
        "first_run": registered.at,
        "changes": [{"what": c.what, "after_runs": c.after, "of_runs": c.runs} for c in registered.changes],
    }  # fmt: skip


def _cell(cell: CellView) -> Json:
    metrics: Json = {}
    for metric, info in METRICS.items():
        sample = cell.values(metric)
        metrics[metric] = {
            "unit": info.unit,
            **described(describe(sample)),
            "boundary": cell.boundary(metric),
            "methods": cell.methods(metric),
            "expanded_uncertainty": expanded_uncertainty(cell, metric),
            "values": sample,
        } if sample else {"n": 0, "reason": cell.absence(metric)}  # fmt: skip
    return {
        "model": cell.model.id,
        "configuration": cell.configuration.id,
        "outcomes": {outcome.value: number for outcome, number in sorted(cell.outcomes.items())},
        "flags": {flag.code for run in cell.runs for flag in run.flags},
        "metrics": metrics,
        "stages": _stages(cell),
    }


def _stages(cell: CellView) -> Json | None:
    """Return stages in time and energy, medians over the runs that count; None where the server reports no spans."""
    runs = [run for run in cell.ok if run.stages]
    stages = [stage for run in runs for stage in run.stages]
    beside = [item for run in runs for item in run.concurrent]
    return {
        "n": len(runs),
        "boundary": cell.boundary("energy_j"),
        "methods": cell.methods("energy_j"),
        "of_the_window": [_stage([s for s in stages if s.name == name]) for name in dict.fromkeys(s.name for s in stages)],
        "while_inferring": [_beside([b for b in beside if b.name == name]) for name in dict.fromkeys(b.name for b in beside)],
    } if runs else None  # fmt: skip


def _stage(parts: Sequence[Stage]) -> Json:
    energies = [part.energy_j for part in parts if part.energy_j is not None]
    return {
        "name": parts[0].name,
        "request_s": median(part.median_s for part in parts),
        "window_s": median(part.window_s for part in parts),
        "energy_j": median(energies) if energies else None,
        "energy_resolved": bool(energies) and all(part.resolved for part in parts),
    }


def _beside(parts: Sequence[Beside]) -> Json:
    times = {"request_s": median(part.median_s for part in parts), "total_s": median(part.total_s for part in parts)}
    return {"name": parts[0].name, **times}


def _answer(answer: Answer) -> Json:
    parts = [
        {"id": part.finding.hypothesis.id, "answer": plain(part.lead), **pick(part, "decision", "exceptions")}
        for part in answer.answers
    ]
    return {"question": answer.id, "text": answer.question, "answer": plain(answer.lead), "hypotheses": parts}


def _guideline(item: Guideline) -> Json:
    place = item.standing
    return {
        "objective": item.objective.id,
        **pick(item.objective, "wish", "metric"),
        "recommended": None if place is None else place.leader.id,
        "reason": item.reason,
        "wins": {} if place is None else dict(place.wins),
        "tied_with_best": {} if place is None else dict(place.shared),
        "by_model": [] if place is None else [{"model": w.model.id, "leader": w.leader, "tied": w.ties} for w in place.winners],
        "claim": None if place is None else _id(place.claim),
        "costs": [claim.id for claim in item.costs],
        "confidence": item.confidence or "",
        "limits": item.limits,
    }


def _replication(report: ReplicationReport, item: Replication) -> Json:
    return {
        "reference": report.reference.reference,
        "finding": item.comparison.id,
        "statement": item.comparison.statement,
        "size_category": item.category,
        "published_ratio": item.original,
        "published_interval": item.comparison.interval,
        **pick(item, "outcome", "why", "smallest_effect"),
        **pick(item.judgement, "inside", "equivalent"),
        "prediction": _prediction(item.judgement.prediction),
        "claim": _id(item.ours),
    }


def _prediction(prediction: Prediction | None) -> Json | None:
    return None if prediction is None else {"of": prediction.words(), **pick(prediction, "ci", "stated")}


def _sweep_replication(report: ReplicationReport, item: SweepReplication) -> Json:
    return {
        "reference": report.reference.reference,
        "finding": item.finding.id,
        "statement": item.finding.statement,
        **pick(item, "outcome", "why"),
        "claims": [claim.id for claim in item.ours],
    }


def _series(frontier: FrontierAnalysis, series: Series) -> Json:
    least, least_from = series.least_energy or (None, None)
    return {
        "model": series.model.id,
        "configuration": series.base.id,
        "replicas": series.base.replicas,
        "factor": series.factor,
        "loads": [point.load for point in series.points],
        "configurations": [point.cell.configuration.id for point in series.points],
        "saturation": series.saturation.load,
        "saturation_ci": series.saturation.ci,
        "gains_per_doubling": series.saturation.gains,
        "peak": series.peak.load,
        "least_energy": least,
        "least_energy_from": least_from,
        "limit": None if series.end is None else pick(series.end, "load", "outcome", "last_good", "reason"),
        "best_under_objective": None if series.within is None else series.within.load,
        "latency_metric": series.latency,
        "front_metrics": series.dimensions,
        "front": [{"configuration": p.name, **pick(p, "on_front", "probability")} for p in series.front.points],
        "sentences": [plain(text) for text in frontier.sentences[series_id(series)]],
    }


def _fit(item: Fit) -> Json:
    return {
        "model": item.model,
        "configuration": item.label,
        "factor": item.factor,
        "largest": item.load,
        **pick(item, "runs", "searched", "why", "left_out"),
    }


def _instruments(claim: Claim) -> Json | None:
    adds = claim.instruments
    return None if adds is None else {"expanded_uncertainty": adds.expanded, "may_explain": adds.explains(claim.value)}


def _footprint(footprint: FootprintAnalysis | None) -> Json | None:
    """Return the declared factors and the derived amounts; None where the study declares no factors."""
    return None if footprint is None else {
        "location": footprint.declared.location,
        "factors": footprint.declared.model_dump(mode="json", exclude={"location"}, exclude_none=True),
        "derived": [
            {
                "per": table.basis.words,
                "model": row.model.id,
                "configuration": row.configuration.id,
                "n": row.n,
                "energy_kwh": row.kwh,
                "energy_kwh_ci": row.kwh_ci,
                "boundary": row.boundary or None,
                "estimated_energy": row.estimated,
                **{
                    impact.id: {"unit": impact.unit, **pick(amount, "low", "central", "high")}
                    for impact, amount in zip(footprint.impacts, row.amounts, strict=True)
                },
            }
            for table in footprint.tables
            for row in table.rows
        ],
    }  # fmt: skip


def _claim(claim: Claim) -> Json:
    return {
        "id": claim.id,
        "metric": claim.metric,
        "sentence": claim.sentence(),
        **pick(claim, "numerator", "denominator", "numerator_cells", "denominator_cells", "aggregator", "scope", "of_models"),
        "value": claim.value,
        "ci": claim.ci,
        "ci_about": claim.generality,
        "ci_alone": claim.alone,
        "ci_for_these_models": None if claim.mean is None else claim.mean.over_runs,
        "ci_for_models_like_these": None if claim.mean is None else claim.mean.over_models,
        "prediction_for_a_further_model": None if claim.mean is None else claim.mean.further_model,
        "instruments": _instruments(claim),
        **pick(claim, "n", "boundary", "estimated"),
        "rows": [pick(row, "model", "numerator", "denominator", "ratio", "n_numerator", "n_denominator") for row in claim.rows],
    }
