"""The figure of what was generated: outputs beside those of the reference."""

from __future__ import annotations

from greenreport.analysis.measure.fidelity import CellFidelity, FidelityVerdict
from greenreport.report import charts
from greenreport.report.charts import MatchRow
from greenreport.report.context import StudyContext
from greenreport.report.figure import Column, Figure, make_table
from greenreport.report.figures.words import metric_bands
from greenreport.units import counted, percent


def match_figure(study: StudyContext) -> Figure | None:
    """F11: share of outputs equal to the reference's, and drift of token counts, for every cell."""
    known = [f for f in study.analysis.fidelity if f.exact_match is not None]
    if not any(f.verdict is not FidelityVerdict.REFERENCE for f in known):
        return None
    models = {m.id: m.label for m in study.dataset.study.models}
    labels = study.dataset.labels
    rows = [_match_row(f, models[f.model], labels[f.configuration]) for f in study.analysis.fidelity]
    compared = [f for f in known if f.verdict is not FidelityVerdict.REFERENCE]
    bad = [f for f in compared if f.verdict is FidelityVerdict.UNFAITHFUL]
    exact = sum(f.exact_match == 1 for f in compared)
    finding = (
        f"{exact} of {counted(len(compared), 'cell')} {'gives' if exact == 1 else 'give'} exactly the outputs of the reference"
    )
    worst = min(compared, key=lambda f: f.exact_match or 0.0)
    least = f"{_equal(worst)} of {worst.prompts} outputs are equal, {labels[worst.configuration]} on {models[worst.model]}"
    summary = f"{finding}. " + (
        f"In the cell that differs most, {least}." if exact < len(compared) else "No token differs in any prompt."
    )
    ruled = f"; {len(bad)} outlined {'cell is' if len(bad) == 1 else 'cells are'} not ranked" if bad else ""
    caption = (
        f"Outputs equal to the reference configuration on the same model, token for token, and the largest relative difference of output "
        f"token counts; the deeper the colour, the more outputs differ{ruled}."
    )
    columns = [
        Column("model"),
        Column("configuration"),
        Column("verdict"),
        Column("outputs compared", "", True),
        Column("share of equal outputs", "1", True),
        Column("token count drift", "1", True),
    ]
    pairs = list(zip(rows, study.analysis.fidelity, strict=True))
    table = make_table(
        "Outputs beside the reference",
        columns,
        [(r.model, r.label, r.verdict, f.prompts or None, f.exact_match, f.token_count_drift) for r, f in pairs],
        [
            (r.model, r.label, r.verdict, str(f.prompts or "–"), _percent(f.exact_match), _percent(f.token_count_drift))
            for r, f in pairs
        ],
    )
    spec = charts.faithful(rows, description=summary)
    return Figure("fidelity", finding, caption, summary, spec, table, metric_bands(study, "duration_s"))


def _match_row(f: CellFidelity, model: str, label: str) -> MatchRow:
    detail = f"{label} on {model}: {f.word}, {f.reason}"
    if f.exact_match is None:
        return MatchRow(model, label, None, f.verdict.value, "not known", "", detail)
    if f.verdict is FidelityVerdict.REFERENCE:
        return MatchRow(model, label, 0.0, f.verdict.value, "reference", f"{f.prompts} outputs", detail)
    drift = f"tokens ±{_percent(f.token_count_drift)}" if f.token_count_drift else "same lengths"
    return MatchRow(model, label, 1 - f.exact_match, f.word, f"{_equal(f)} of {f.prompts} equal", drift, detail)


def _equal(f: CellFidelity) -> int:
    return round((f.exact_match or 0.0) * f.prompts)


def _percent(share: float | None) -> str:
    return "–" if share is None else percent(share)
