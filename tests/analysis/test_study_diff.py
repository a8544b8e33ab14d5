"""Tests of what differs between the machines of two sets of results."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from greenreport.analysis.compare.study_diff import environment_differences
from greenreport.record import Gpu
from tests.records import ENVIRONMENT


def on(*gpus: Gpu) -> Any:
    """Return results of a machine with these GPUs."""
    return SimpleNamespace(environment=replace(ENVIRONMENT, gpus=gpus))


def test_equal_gpus_under_different_power_limits_are_no_equal_machines() -> None:
    """The limit stands beside the name, and is told apart from one that is not known; machines without GPUs do not differ."""
    gpu = Gpu(0, "GPU", 10**9, "u", 300)
    [found] = environment_differences(on(gpu), on(replace(gpu, power_limit_w=250)))
    assert [found.first, found.second] == ["300\u202fW", "250\u202fW"]
    [found] = environment_differences(on(gpu), on(replace(gpu, power_limit_w=None)))
    assert found.second == "not known"
    assert list(environment_differences(on(gpu), on(gpu))) == []
    assert list(environment_differences(on(), on())) == []
