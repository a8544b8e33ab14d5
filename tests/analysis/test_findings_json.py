"""Tests of findings.json, of the registration of hypotheses, and of the smaller analyses."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import greenreport
from greenreport.analysis.analyse import analyse
from greenreport.analysis.compare.comparison import Likeness, compare_studies
from greenreport.analysis.findings_json.document import document
from greenreport.analysis.hypotheses.aggregates import aggregates
from greenreport.analysis.hypotheses.declared_guidelines import Support
from greenreport.analysis.hypotheses.preregistration import preregistration
from greenreport.analysis.measure.calibration import CalibrationRun, calibration
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.observation import Observation
from greenreport.analysis.measure.run_view import RunView
from greenreport.analysis.measure.spans import Beside, Stage
from greenreport.analysis.stats import NotComputable
from greenreport.record import Metering, RunSpec
from greenreport.study import Study, registration, registration_digest
from tests.conftest import minimal_study
from tests.datasets import around, dataset

ENERGY = {
    "a": {"torch": around(100), "onnx": around(60), "openvino": around(80)},
    "b": {"torch": around(1000), "onnx": around(900), "openvino": around(300)},
}


def test_findings_are_plain_json_with_the_numbers_behind_every_sentence() -> None:
    """It can be written and read, claims are referred to by id, and values of every run are there."""
    found = json.loads(json.dumps(document(analyse(dataset(ENERGY))), allow_nan=False))
    assert found["format"] == 1
    claims = {claim["id"] for claim in found["claims"]}
    assert {g["claim"] for g in found["guidelines"] if g["claim"]} <= claims
    cell = next(c for c in found["cells"] if (c["model"], c["configuration"]) == ("a", "onnx-cpu"))
    assert sorted(cell["metrics"]["energy_j"]["values"]) == pytest.approx(sorted(around(60)))
    assert cell["metrics"]["gpu_energy_j"]["n"] == 0
    assert cell["metrics"]["gpu_energy_j"]["reason"]
    hypothesis = found["hypotheses"][0]
    assert hypothesis["decision"] == "rejected"
    assert len(hypothesis["models"][0]["pairs"]) == 3
    assert {"p", "p_adjusted", "effect", "ratio", "verdict"} <= hypothesis["models"][0]["pairs"][0].keys()


def test_stages_of_serving_are_medians_over_the_runs_that_tell_them() -> None:
    """Where a run tells no spans it is not counted; a server that tells none has null and not zeros."""
    data = dataset(ENERGY)

    def told(number: int, run: RunView) -> RunView:
        parts = (Stage("infer", 2.0 + number, 8.0 + number, 80.0, True), Stage("client, network", 0.1, 1.0, None, False))
        return replace(run, stages=parts, concurrent=(Beside("serialise", 4, 0.25, 1.0 + number),))

    first = data.cells[0]
    runs = tuple(told(number, run) if number < 3 else run for number, run in enumerate(first.runs))
    found = document(analyse(replace(data, cells=(replace(first, runs=runs), *data.cells[1:]))))["cells"]
    assert found[1]["stages"] is None
    assert found[0]["stages"] == {
        "n": 3,
        "boundary": "CPU package-0",
        "methods": ["measured"],
        "of_the_window": [
            {"name": "infer", "request_s": 3.0, "window_s": 9.0, "energy_j": 80.0, "energy_resolved": True},
            {"name": "client, network", "request_s": 0.1, "window_s": 1.0, "energy_j": None, "energy_resolved": False},
        ],
        "while_inferring": [{"name": "serialise", "request_s": 0.25, "total_s": 2.0}],
    }


def test_the_python_interface_gives_the_same_objects(
    command: Callable[..., Any], write_study: Callable[..., Path], tmp_path: Path
) -> None:
    """``greenreport.load`` and ``greenreport analyse --json`` agree, before and after runs."""
    file = write_study()
    assert greenreport.load(file, tmp_path / "cache").findings[0].decision.value == "not computable"
    command("run", str(file), "--repetitions", "3", "--quiet")
    analysis = greenreport.load(write_study(protocol=minimal_study()["protocol"] | {"repetitions": 3}), tmp_path / "cache")
    assert len(analysis.findings[0].tests[0].test.groups) == 2
    printed = json.loads(command("analyse", str(file), "--json").stdout)
    assert printed == json.loads(json.dumps(document(analysis)))
    words = command("analyse", str(file)).stdout
    assert "RQ1: How does the configuration affect execution time?" in words


def registered(data: Dataset, declarations: list[dict[str, Any]]) -> Dataset:
    """Return the data with a declaration kept in each run, in order of time."""
    cells = []
    number = 0
    for cell in data.cells:
        changed = []
        for run in cell.runs:
            value = declarations[min(number, len(declarations) - 1)]
            changed.append(
                replace(
                    run,
                    spec=RunSpec(registration=value),
                    started_at=f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z",
                )
            )
            number += 1
        cells.append(replace(cell, runs=tuple(changed)))
    return replace(data, cells=tuple(cells))


def test_later_changes_of_hypotheses_are_listed() -> None:
    """The first declaration is hashed; a hypothesis added after 4 of 30 runs, and one changed after the last, are named."""
    data = dataset(ENERGY)
    whole = registration(data.study)
    first = whole | {"hypotheses": whole["hypotheses"][:1]}
    found = preregistration(registered(data, [first] * 4 + [whole]))
    assert found is not None
    assert found.digest == registration_digest(first)
    assert found.at == "2026-01-01T00:00:00Z"
    assert [(c.what, c.after, c.runs) for c in found.changes] == [("hypothesis H2.0 added", 4, 30)]
    edited = whole | {"questions": {**whole["questions"], "RQ1": "Another question?"}}
    late = preregistration(registered(data, [edited]))
    assert late is not None
    assert [(c.what, c.after) for c in late.changes] == [("question RQ1 changed: Another question? → Energy?", 30)]
    stricter = {**whole["hypotheses"][0], "alpha": 0.01, "metric": "duration_s"}
    swept = whole | {"hypotheses": [stricter, *whole["hypotheses"][1:]], "sweep": {"factors": {"batch_size": [1, 2]}}}
    known = preregistration(registered(data, [swept]))
    assert known is not None
    assert [c.what for c in known.changes] == [
        "hypothesis H1.0 changed: metric duration_s → energy_j; alpha 0.01 → 0.05",
        'the sweep changed: factors {"batch_size": [1, 2]} → none',
    ]
    assert preregistration(registered(data, [whole])).changes == ()  # type: ignore[union-attr]
    assert preregistration(data) is None


def test_what_is_registered_leaves_the_analysis_free() -> None:
    """Titles and labels are no part of it; thresholds and outlier rules are, once they are declared."""
    base = Study.model_validate(minimal_study())
    assert registration(base) == registration(base.model_copy(update={"title": "another"}))
    stricter = Study.model_validate(minimal_study(validity={"foreign_load": 0.01}))
    assert registration(stricter)["validity"] == {"foreign_load": 0.01}
    assert registration(Study.model_validate(minimal_study(outliers="iqr")))["outliers"] == "iqr"


def test_calibration_tells_cost_noise_and_detectable_difference() -> None:
    """Meters that cost 2 %, and runs that vary by 1 %."""
    runs = [
        CalibrationRun("one/torch-cpu", metering, 97, seconds, "2026-01-01T00:00:00Z")
        for metering, centre in zip(Metering, (10.0, 10.2, 10.2, 10.5), strict=True)
        for seconds in around(centre)
    ]
    found = calibration(runs, 5)
    assert found is not None
    assert found.overhead.value == pytest.approx(1.02, abs=0.002)
    assert found.overhead_often.value == pytest.approx(1.05, abs=0.002)
    assert found.repeated.value == pytest.approx(1.0)
    assert found.cv == pytest.approx(0.0079, abs=0.0005)
    assert not isinstance(found.detectable, NotComputable)
    assert 0.01 < found.detectable < 0.03
    assert dict(found.lines())["Cost of the meters"].startswith("execution time changes by +2.00")
    assert calibration([], 5) is None


def test_two_aggregates_may_disagree_and_unfold() -> None:
    """The large model decides the mean, every model counts the same in the ratio."""
    [found] = aggregates(dataset(ENERGY), "energy_j", ())
    rows = {row.label.split("\u00a0")[0]: row for row in found.rows}
    assert rows["OpenVINO"].mean == pytest.approx(190)
    assert rows["ONNX Runtime"].mean == pytest.approx(480)
    assert rows["OpenVINO"].claim is not None
    assert rows["OpenVINO"].claim.value == pytest.approx((0.8 * 0.3) ** 0.5, rel=0.01)
    assert (rows["ONNX Runtime"].wins, rows["OpenVINO"].wins, rows["Torch"].wins) == (1, 1, 0)
    assert dict(rows["Torch"].medians) == pytest.approx({"A": 100, "B": 1000})


def test_declared_advice_is_supported_refuted_or_without_data() -> None:
    """Three sentences of a study file, with three verdicts."""
    sides = {"torch": {"engine": "torch"}, "onnx": {"engine": "onnx"}, "openvino": {"engine": "openvino"}}
    advice = [
        {"id": "G1", "text": "ONNX saves energy.", "metric": "energy_j", "uses": sides["onnx"], "than": sides["torch"]},
        {"id": "G2", "text": "Torch saves energy.", "metric": "energy_j", "uses": sides["torch"], "than": sides["onnx"]},
        {"id": "G3", "text": "ONNX saves memory.", "metric": "ram_rss_peak_b", "uses": sides["onnx"], "than": sides["torch"]},
    ]
    found = analyse(dataset(ENERGY, guidelines=advice)).declared
    assert [item.support for item in found] == [Support.SUPPORTED, Support.NOT_SUPPORTED, Support.NO_DATA]
    assert found[0].claim is not None


def test_an_outlier_rule_is_applied_and_its_effect_shown() -> None:
    """One wild run is set aside by the declared rule; the findings over all runs stand beside."""
    values = [*around(60, 9), 600.0]
    data = dataset({"a": {"torch": around(100, 10), "onnx": values}}, outliers="iqr")
    cells = tuple(replace(cell, outliers="iqr") for cell in data.cells)
    analysis = analyse(replace(data, cells=cells))
    assert analysis.findings[0].tests[0].test.group("onnx-cpu").description.n == 9
    assert analysis.unscreened[0].tests[0].test.group("onnx-cpu").description.n == 10
    assert analyse(dataset(ENERGY)).unscreened == ()


def test_two_machines_are_compared_by_ratios_and_ranks() -> None:
    """Everything twice as slow elsewhere is the same result; a swapped ranking is not."""
    here = dataset(ENERGY)
    slower = {model: {engine: [2 * v for v in values] for engine, values in row.items()} for model, row in ENERGY.items()}
    found = compare_studies(here, dataset(slower), ("here", "there"))
    energy = found.metrics[0]
    assert found.shared == 6
    assert all(pair.quotient == pytest.approx(1) and pair.likeness in {Likeness.ALIKE, Likeness.OPEN} for pair in energy.pairs)
    assert all(tau == pytest.approx(1) for _, tau in energy.taus)
    swapped = {"a": {"torch": around(100), "onnx": around(150), "openvino": around(200)}}
    other = compare_studies(here, dataset(swapped), ("here", "there"))
    assert other.metrics[0].taus == (("A", pytest.approx(-1 / 3)),)
    assert all(pair.likeness is Likeness.DIFFERENT for pair in other.metrics[0].pairs)
    assert "Kendall" in "\n".join(other.lines())
    assert "nothing can be compared" in "\n".join(compare_studies(here, dataset({"z": ENERGY["a"]}), ("x", "y")).lines())


def test_a_latency_bound_decides_who_may_save_energy() -> None:
    """The most frugal configuration is too slow; without a bound it would win, and a bound nobody meets says so."""
    data = dataset({"a": {"torch": around(100), "onnx": around(60), "openvino": around(80)}})
    latency = {"torch": 0.2, "onnx": 0.9, "openvino": 0.3}
    cells = tuple(
        replace(
            cell,
            runs=tuple(
                replace(
                    run,
                    observations={
                        **run.observations,
                        "latency_p95_s": Observation("latency_p95_s", latency[cell.configuration.engine], "client"),
                    },
                )
                for run in cell.runs
            ),
        )
        for cell in data.cells
    )

    def recommended(bound: float | None) -> tuple[str | None, str | None]:
        study = data.study.model_copy(update={"latency_bound_s": bound})
        found = {g.objective.id: g for g in analyse(replace(data, study=study, cells=cells)).guidelines}
        chosen = found.get("energy-bounded")
        return (None, None) if chosen is None else (chosen.standing.leader.id if chosen.standing else None, chosen.reason)

    assert recommended(0.5) == ("openvino-cpu", None)
    assert recommended(2.0) == ("onnx-cpu", None)
    assert recommended(0.1) == (None, "fewer than two configurations stay within the bound")
    assert recommended(None) == (None, None)
