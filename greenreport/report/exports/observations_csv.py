"""Every observation of a study as a CSV file."""

from __future__ import annotations

import csv
import io

from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.analysis.measure.dataset import Dataset
from greenreport.catalog import METRICS
from greenreport.report.exports.data_dictionary import OBSERVATIONS, file_columns
from greenreport.report.figure import guarded


def observations_csv(dataset: Dataset) -> tuple[bytes, int]:
    """Return every observation as CSV, in the columns that ``greenreport import`` reads, and the number of rows."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(column.name for column in file_columns()[OBSERVATIONS])
    number = 0
    for cell in dataset.cells:
        model, engine, provider = map(guarded, (cell.model.id, cell.configuration.engine, cell.configuration.provider))
        size, label = guarded(str(cell.model.size_category or "")), guarded(label_of(cell.configuration))
        for run in cell.runs:
            run_id, outcome = guarded(run.run_id), run.outcome.value
            for metric in (metric for metric in METRICS if metric in run.observations):
                observation = run.observations[metric]
                if observation.value is None:
                    continue
                number += 1
                writer.writerow([
                    model, engine, provider, run.repetition, metric, guarded(repr(observation.value)), METRICS[metric].unit, size, label,
                    outcome, guarded(observation.boundary or ""), observation.method.value if observation.method else "", run_id,
                    "" if observation.budget is None else guarded(repr(observation.budget.expanded)),
                ])  # fmt: skip
    return stream.getvalue().encode(), number


def has_values(dataset: Dataset) -> bool:
    """Return whether any run has an observation."""
    return any(observation.value is not None for run in dataset.runs for observation in run.observations.values())
