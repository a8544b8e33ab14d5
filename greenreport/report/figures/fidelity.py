"""What was generated: outputs beside those of the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import altair as alt

from greenreport.analysis.measure.fidelity import CellFidelity, FidelityVerdict
from greenreport.report.context import StudyContext
from greenreport.report.figure import Figure, make_table, share
from greenreport.report.figures.axes import cell_axes, narrowest_columns
from greenreport.report.figures.captions import metric_bands
from greenreport.report.figures.specification import WIDTH, Sheet, Specification, drawn, either, layered, text_marks
from greenreport.units import counted, percent

ROW_BYTES = 700


@dataclass(frozen=True, slots=True)
class MatchRow:
    """A cell beside the reference: share of other outputs, 0–1, or None where it is not known."""

    model: str
    label: str
    missed: float | None
    verdict: str
    text: str
    second: str
    detail: str


def fidelity_spec(rows: Sequence[MatchRow]) -> Specification:
    """F11: configuration × model: the deeper the colour, the more outputs differ; cells that are not ranked are outlined."""
    sheet = Sheet()
    axes = cell_axes(rows, gap=0.06, row_gap=0.1)
    x, y = axes.x, axes.y
    base = alt.Chart()
    square = base.mark_rect(fill="var(--vermilion)", stroke="currentColor").encode(
        x=x,
        y=y,
        fillOpacity=alt.FillOpacity("depth:Q", scale=alt.Scale(domain=[0, 1], range=[0.0, 0.55]), legend=None),
        strokeWidth=either(alt.StrokeWidthValue, "datum.verdict == 'unfaithful'", 2.5, 1),
        strokeOpacity=either(alt.StrokeOpacityValue, "datum.verdict == 'unfaithful'", 1, 0.15),
        tooltip=[alt.Tooltip("detail:N", title="cell")],
    )
    opacity = either(alt.OpacityValue, "datum.missed == null", 0.6, 1)
    first = text_marks(base, size=12, dy=-7).encode(x=x, y=y, text=alt.Text("text:N"), opacity=opacity)
    second = text_marks(base, dy=8).encode(x=x, y=y, text=alt.Text("second:N"), opacity=opacity)
    data = sheet.rows([{**asdict(row), "depth": row.missed or 0.0} for row in rows])
    layers = layered(
        square,
        first,
        second,
        data=data,
        width=max(360, min(WIDTH + 80, 130 * len(axes.columns)), narrowest_columns(axes.columns)),
        height=46 * len(axes.rows),
    )
    return sheet.finish(layers, chrome=axes.beside, narrowest=narrowest_columns(axes.columns, 104))


def match_figure(study: StudyContext) -> Figure | None:
    """F11: share of outputs equal to the reference's, and drift of token counts, for every cell."""
    assessed = study.analysis.fidelity
    compared = [f for f in assessed if f.exact_match is not None and f.verdict is not FidelityVerdict.REFERENCE]
    if not compared:
        return None
    models = {m.id: m.label for m in study.dataset.study.models}
    labels = study.dataset.labels
    rows = [_match_row(f, models[f.model], labels[f.configuration]) for f in assessed]
    unfaithful = sum(f.verdict is FidelityVerdict.UNFAITHFUL for f in compared)
    exact = sum(f.exact_match == 1 for f in compared)
    give = "gives" if exact == 1 else "give"
    finding = f"{exact} of {counted(len(compared), 'cell')} {give} exactly the outputs of the reference"
    worst = min(compared, key=lambda f: f.exact_match or 0.0)
    least = f"{_equal(worst)} of {worst.prompts} outputs are equal, {labels[worst.configuration]} on {models[worst.model]}"
    summary = f"{finding}. " + (
        f"In the cell that differs most, {least}." if exact < len(compared) else "No token differs in any prompt."
    )
    outlined = f"; {unfaithful} outlined {'cell is' if unfaithful == 1 else 'cells are'} not ranked" if unfaithful else ""
    caption = (
        f"Outputs equal to the reference configuration on the same model, token for token, and the largest relative difference of output "
        f"token counts; the deeper the colour, the more outputs differ{outlined}."
    )
    table = make_table(
        "Outputs beside the reference",
        [
            "model", "configuration", "verdict", ("outputs compared", ""), ("share of equal outputs", "1"), ("token count drift", "1"),
        ],
        [
            [r.model, r.label, r.verdict, f.prompts or None, share(f.exact_match), share(f.token_count_drift)]
            for r, f in zip(rows, assessed, strict=True)
        ],
    )  # fmt: skip
    shown, left_out = drawn(rows, ROW_BYTES)
    return Figure(
        "fidelity", finding, caption + left_out, summary, fidelity_spec(shown), table, metric_bands(study, "duration_s")
    )


def _match_row(f: CellFidelity, model: str, label: str) -> MatchRow:
    detail = f"{label} on {model}: {f.word}, {f.reason}"
    if f.exact_match is None:
        return MatchRow(model, label, None, f.verdict.value, "not known", "", detail)
    if f.verdict is FidelityVerdict.REFERENCE:
        return MatchRow(model, label, 0.0, f.verdict.value, "reference", f"{f.prompts} outputs", detail)
    drift = f"tokens ±{percent(f.token_count_drift)}" if f.token_count_drift else "same lengths"
    return MatchRow(model, label, 1 - f.exact_match, f.word, f"{_equal(f)} of {f.prompts} equal", drift, detail)


def _equal(f: CellFidelity) -> int:
    return round((f.exact_match or 0.0) * f.prompts)
