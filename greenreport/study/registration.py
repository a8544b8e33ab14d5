"""Registration: what a study declares before it measures, its questions, hypotheses, tests and exclusion rules.

Every run keeps what was declared when it was made, so the methods page can show the digest of the first declaration, its date,
and each later change with the number of runs that existed by then. It is not part of a fingerprint: changing the analysis
never changes a measurement.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from greenreport.study.spec import Study

#: When a study that ends by itself is looked at, and how its α is spent (`analysis.stats.sequential`).
LOOKS, SPENDING = "after each block", "in proportion to the blocks"


def registration(study: Study) -> dict[str, Any]:
    """Return what is registered, as a JSON-like mapping without titles and labels."""
    declared = study.validity.model_dump(mode="json", exclude_defaults=True)
    return {
        **({"validity": declared} if declared else {}),
        **({"outliers": study.outliers} if study.outliers != "none" else {}),
        **({"sweep": study.sweep.model_dump(mode="json", exclude_defaults=True)} if study.sweep else {}),
        **({"objective": study.objective.model_dump(mode="json", exclude_none=True)} if study.objective else {}),
        "questions": study.questions,
        # Retired keys stay, so that a registration made while they existed keeps its digest.
        "hypotheses": [{**hypothesis.model_dump(mode="json"), **hypothesis.RETIRED} for hypothesis in study.hypotheses],
        "exclude": [exclusion.model_dump(mode="json", exclude_none=True) for exclusion in study.exclude],
        "fidelity": study.fidelity.model_dump(mode="json"),
        "repetitions": _repetitions(study),
    }


def _repetitions(study: Study) -> Any:
    """Return the number of repetitions, or the whole rule that ends them: when it looks, and what each look may spend."""
    rule = study.protocol.sequential
    if rule is None:
        return study.protocol.repetitions
    return {**rule.model_dump(mode="json", by_alias=True), "looks": LOOKS, "spending": SPENDING}


def registration_digest(registered: Mapping[str, Any]) -> str:
    """Return the sha256 of a registration, independent of the order of its keys."""
    return hashlib.sha256(json.dumps(registered, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
