"""Whether the answers are right, for `document`."""

from __future__ import annotations

from greenreport.analysis.findings_json.plain_values import Json, pick
from greenreport.analysis.quality.judgement import ConfigurationQuality, ModelQuality, StudyQuality


def right_answers(quality: StudyQuality | None) -> Json | None:
    """Return the judged answers of a study; None where it judges none."""
    return None if quality is None else {
        "largest_loss": quality.declared.largest_loss,
        "models": [_model(item) for item in quality.models],
    }  # fmt: skip


def _model(item: ModelQuality) -> Json:
    return {
        "model": item.model.id,
        "reference": item.reference,
        "problems": item.problems,
        "configurations": [_configuration(row) for row in item.rows],
    }


def _configuration(row: ConfigurationQuality) -> Json:
    return {
        **pick(row, "configuration", "share", "ci"),
        "right": row.answers.right.sum(axis=0).astype(int).tolist(),
        "answered": row.answers.answered.sum(axis=0).astype(int).tolist(),
        "pass_at": {str(k): value for k, value in row.pass_at},
        "difference": row.difference,
        "p_adjusted": row.p_adjusted,
        "loss": row.loss,
        **pick(row, "time_ratio", "energy_ratio", "time_front", "energy_front"),
        "same_outputs": row.same,
    }
