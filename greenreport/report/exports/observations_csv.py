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
        for run in cell.runs:
            for metric in METRICS:
                observation = run.observations.get(metric)
                if observation is None or observation.value is None:
                    continue
                number += 1
                row = [
                    cell.model.id, cell.configuration.engine, cell.configuration.provider, run.repetition, metric, repr(observation.value),
                    METRICS[metric].unit, cell.model.size_category or "", label_of(cell.configuration), run.outcome.value,
                    observation.boundary or "", observation.method.value if observation.method else "", run.run_id,
                    "" if observation.budget is None else repr(observation.budget.expanded),
                ]  # fmt: skip
                writer.writerow([guarded(value) if isinstance(value, str) else value for value in row])
    return stream.getvalue().encode(), number


def has_values(dataset: Dataset) -> bool:
    """Return whether any run has an observation."""
    return any(observation.value is not None for run in dataset.runs for observation in run.observations.values())
