"""Tests of the outcome that an error stands for: by its type, and by whether the run had begun."""

from __future__ import annotations

import pytest

from greenreport import errors
from greenreport.execute.run_records import ended, not_begun
from greenreport.record import Outcome
from tests.records import record


@pytest.mark.parametrize(
    ("error", "before", "within"),
    [
        (errors.EngineMissing("ONNX Runtime needs onnxruntime", "pip install it"), Outcome.NOT_RUN, Outcome.NOT_RUN),
        (errors.EngineUnavailable("no GPU is visible"), Outcome.UNSUPPORTED, Outcome.UNSUPPORTED),
        (errors.ModelUnavailable("the package is not installed"), Outcome.NOT_RUN, Outcome.FAILED),
        (errors.PromptsUnavailable("the package is not installed"), Outcome.NOT_RUN, Outcome.FAILED),
        (errors.WorkerCrashed("the conversion was killed"), Outcome.FAILED, Outcome.FAILED),
        (errors.OutOfMemory("the conversion had no memory"), Outcome.OUT_OF_MEMORY, Outcome.OUT_OF_MEMORY),
    ],
)
def test_what_is_not_there_fails_no_run(error: errors.GreenReportError, before: Outcome, within: Outcome) -> None:
    """A run that could not begin for want of something is not run, and the next call tries it again; a fault fails it."""
    assert not_begun(record(), error, None).outcome is before
    assert ended(record(), error, None).outcome is within
