"""lm-evaluation-harness: ``results_*.json``, one accuracy for each task, with its standard error."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from greenreport.imports.mapping import Mapping
from greenreport.imports.reader import Candidate, Reader
from greenreport.imports.report_rows import ReportRow, at, first_of, read_json, reports
from greenreport.imports.results_table import ResultsTable, Role

#: The metric of a task, the first that it has.
_ACCURACIES = ("acc", "exact_match", "pass@1", "pass_at_1", "acc_norm")


class LmEval(Reader):
    """A row for each task."""

    def recognises(self, file: Candidate) -> bool:
        """Whether it has results with standard errors, and the versions or settings of tasks."""
        return file.is_json and '"results"' in file.head and "_stderr" in file.head

    def read(self, path: Path, mapping: Mapping) -> ResultsTable:
        """Return the tasks of a file."""
        document = read_json(path)
        return reports(path, "lm-eval", list(_rows(document)), mapping)


def _rows(document: Any) -> Iterator[ReportRow]:
    results = at(document, "results")
    for place, (task, values) in enumerate(results.items() if isinstance(results, dict) else (), 1):
        if not isinstance(values, dict):
            continue
        row = ReportRow(place, within=frozenset({"task"}))
        row.tell(Role.MODEL, first_of(document, ("model_name", "model_source")) or at(document, "config.model"))
        row.tell(Role.FACTOR, task, "task")
        items = at(document, "n-samples")
        number = at(items.get(task), "effective") if isinstance(items, dict) else None
        for name in _ACCURACIES:
            found = next((key for key in values if key.split(",")[0] == name), None)
            if found is not None:
                row.measure(f"results.{task}.{found}", "accuracy_pct", "1", values[found], None, number)
                error = found.replace(name, f"{name}_stderr", 1)
                row.measure(f"results.{task}.{error}", "accuracy_error_pct", "1", values.get(error))
                break
        yield row
