"""The cells of one model or of one configuration: medians, places, and what is unusual about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from greenreport.analysis.hypotheses.rank_ranges import places_of
from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.fidelity import losses, not_ranked, unfaithful
from greenreport.analysis.measure.validity_badge import QUIET
from greenreport.catalog import METRICS, MetricInfo
from greenreport.record import Outcome
from greenreport.report.context import StudyContext
from greenreport.report.figure import Figure
from greenreport.report.page import Page, study_page

#: Columns of the table, where any cell of the study has values.
TABLE_METRICS = ("energy_j", "duration_s", "j_per_output_token", "ttft_s", "ram_rss_peak_b", "weights_b")


@dataclass(frozen=True, slots=True)
class CellTableContent:
    """One model across configurations, or one configuration across models.

    Attributes:
        kind: "Model" or "Configuration"; `other`: the heading of the rows.
        facts: (name, text) of what was declared and reported.
        ranked: noun of the metric of the places; empty where there are none.
        rows: label, cell, and its place on the model, with those that the tests leave open.
        unusual: cells with anything but valid runs without remarks, with what it is.
    """

    kind: str
    other: str
    facts: tuple[tuple[str, str], ...]
    metrics: tuple[MetricInfo, ...]
    rows: tuple[tuple[str, CellView, str], ...]
    ranked: str
    unusual: tuple[tuple[str, CellView, str], ...]


def cell_table_page(
    study: StudyContext,
    section: str,
    kind: str,
    label: str,
    other: str,
    cells: Sequence[tuple[str, CellView]],
    facts: Iterable[tuple[str, str]],
    figures: Iterable[Figure],
) -> Page[CellTableContent]:
    """Return the page of a model or of a configuration.

    Args:
        section: its folder in that of the study.
        kind: "Model" or "Configuration"; `other`: the other one, heading of the rows.
        cells: label of a row, and its cell.
    """
    places, leading = _places(study), study.analysis.leading
    content = CellTableContent(
        kind=kind,
        other=other,
        facts=tuple(facts),
        metrics=tuple(METRICS[name] for name in TABLE_METRICS if study.dataset.has(name)),
        rows=tuple((name, cell, places.get(cell.key, "–")) for name, cell in cells),
        ranked=leading.finding.metric.noun if leading is not None and places else "",
        unusual=tuple((name, cell, text) for name, cell in cells if (text := _unusual(study, cell))),
    )
    words = " ".join([section.rpartition("/")[2], *(text for _, text in content.facts[:2])])
    found_as = (kind, study.dataset.study.title, words)
    details = [replace(figure, detail=True) for figure in figures]
    return study_page(study, section, "cell_table.html", label, content, details, found_as=found_as)


def _places(study: StudyContext) -> Mapping[str, str]:
    """Return the place of every cell that was compared, in the metric of the headline."""
    leading, unranked = study.analysis.leading, not_ranked(study.analysis.fidelity)
    return {
        f"{item.model.id}/{configuration}": str(place)
        for finding in (() if leading is None else (leading.finding,))
        for item in finding.tests
        for configuration, place in places_of(item, finding.metric, unranked).items()
    }


def _unusual(study: StudyContext, cell: CellView) -> str:
    """Return what is unusual about a cell: runs that do not count, remarks on those that do, other outputs; else nothing."""
    parts = [] if cell.runs else ["not run"]
    for outcome, number in sorted(cell.outcomes.items()):
        if outcome is not Outcome.OK:
            reason = next((run.reason for run in cell.runs if run.outcome is outcome and run.reason), None)
            parts.append(
                f"{number} of {len(cell.runs)} runs {outcome.value.replace('_', ' ')}" + (f" ({reason})" if reason else "")
            )
    flags = Counter(flag.code for run in cell.ok for flag in run.flags if flag.code not in QUIET)
    parts += [f"{code.replace('_', ' ')} in {number} of {len(cell.ok)} valid runs" for code, number in flags.most_common()]
    place = (cell.model.id, cell.configuration.id)
    reason, loss = unfaithful(study.analysis.fidelity).get(place), losses(study.analysis.fidelity).get(place)
    parts += [] if reason is None else [f"other outputs than the reference ({reason})"]
    parts += [] if loss is None else [f"not ranked: {loss}"]
    return "; ".join(parts)
