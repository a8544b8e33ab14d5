"""Tests of the frontier: the published sweep, imported, and made-up sweeps with limits and objectives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from greenreport.analysis.analyse import analyse
from greenreport.analysis.findings_json.document import document
from greenreport.analysis.hypotheses.claim_text import plain
from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.imported_dataset import imported_dataset
from greenreport.analysis.sweep.frontier import FrontierAnalysis, frontier
from greenreport.analysis.sweep.series import Series, series_id
from greenreport.catalog import METRICS
from greenreport.record import Flag, FlagCode, Outcome
from greenreport.store.observations import ObservedRow
from greenreport.study import Configuration, Objective
from greenreport.units import THIN
from tests.datasets import run, study

#: OPT-1.3B on one H100 (raw data of arXiv 2503.08311): batch, tokens/s, s between tokens, W, J/token, GPU usage.
OPT = (
    (1, 381, 0.0036, 255, 0.669, 86), (8, 2400, 0.0046, 249, 0.104, 76), (32, 5734, 0.0075, 260, 0.045, 64),
    (96, 9033, 0.0139, 290, 0.032, 58), (256, 10810, 0.0293, 291, 0.027, 55), (640, 11298, 0.0617, 305, 0.027, 50),
    (768, 11050, 0.0729, 301, 0.027, 47),
)  # fmt: skip
COLUMNS = ("throughput_tokens_per_s", "tbt_s", "power_mean_w", "j_per_output_token", "gpu_usage_pct")
#: Two and four replicas at batch 96 and 256.
REPLICATED = (
    (96, 2, 12314, 0.0190, 353, 0.029, 74), (96, 4, 13172, 0.0315, 382, 0.029, 77),
    (256, 2, 14669, 0.0371, 364, 0.025, 68), (256, 4, 14720, 0.0458, 388, 0.026, 73),
)  # fmt: skip


def rows(table: Sequence[Sequence[float]], replicas: int | None = None) -> list[ObservedRow]:
    """Return tidy rows of a table: batch first, then the columns."""
    found = []
    for batch, *values in table:
        load: tuple[tuple[str, float], ...] = (("max_batch", float(batch)),)
        load += () if replicas is None else (("replicas", float(replicas)),)
        for metric, value in zip(COLUMNS, values, strict=True):
            found.append(ObservedRow("OPT-1.3B", None, "vllm", "cuda", 1, metric, value, METRICS[metric].unit, None, load))
    return found


def opt() -> FrontierAnalysis:
    """Return the frontier of the published sweep."""
    found = frontier(imported_dataset("opt", "a table", rows(OPT)), ())
    assert found is not None
    return found


def words(found: FrontierAnalysis, series: Series) -> str:
    """Return all sentences of a series."""
    return " ".join(plain(text) for text in found.sentences[series_id(series)])


def test_the_published_sweep_gives_the_published_reading() -> None:
    """Saturation at 256, peak at 640, energy flat from 256 on, and the falling GPU usage is explained."""
    found = opt()
    (series,) = found.series
    assert series.saturation.load == 256
    assert series.peak.load == 640
    assert series.least_energy == (256, 256)
    assert series.latency == "tbt_s"
    text = words(found, series)
    assert "Throughput saturates at dynamic batches of up to 256" in text
    assert f"GPU usage falls from 86.0{THIN}% to 47.0{THIN}% over the sweep while throughput grows" in text
    assert "Energy per token is least at dynamic batches of up to 256" in text
    assert found.headline is not None
    assert "dynamic batches of up to 256 on one replica" in plain(found.headline)
    assert f"27.0{THIN}mJ a token" in plain(found.headline)


def test_every_batch_up_to_the_peak_is_on_the_front_and_the_last_is_beaten() -> None:
    """Beyond the peak, throughput falls and latency rises: 768 is beaten by 640."""
    (series,) = opt().series
    names = {point.cell.configuration.id: point.load for point in series.points}
    beaten = [names[point.name] for point in series.front.points if not point.on_front]
    assert beaten == [768]


def test_replicas_are_compared_at_the_same_batch() -> None:
    """Two replicas at batch 256 gain a third over one; the text says it at every common batch."""
    table = rows(OPT) + [row for batch, n, *values in REPLICATED for row in rows([(batch, *values)], n)]
    extra = [row for n in (2, 4) for row in rows([(32, 5800, 0.008, 270, 0.046, 66)], n)]
    found = frontier(imported_dataset("opt", "a table", table + extra), ())
    assert found is not None
    gains = {(g.replicas, g.load): g.throughput.value for group in found.replicas.values() for g in group}
    assert gains[2, 96] == pytest.approx(12314 / 9033)
    assert gains[2, 256] == pytest.approx(14669 / 10810)
    assert gains[4, 256] == pytest.approx(14720 / 10810)
    assert found.headline is not None
    assert "replicas" in plain(found.headline)


def sweep(values: Mapping[int, Sequence[float]], ended: Mapping[int, Outcome] | None = None, **changes: Any) -> Dataset:
    """Return a dataset with runs of throughput at each batch, and cells that ended otherwise."""
    spec = study(["one"], ["torch"], **changes)
    model = spec.models[0]
    configurations, cells = [], []
    for batch in sorted({*values, *(ended or {})}):
        configuration = Configuration(engine="torch", batch_size=batch)
        configurations.append(configuration)
        if batch in values:
            runs = tuple(
                run(
                    number,
                    {"throughput_tokens_per_s": v, "j_per_output_token": 10 / v, "tbt_s": batch / v, "served_well_pct": 100.0 if batch <= 4 else 50.0},
                )
                for number, v in enumerate(values[batch], start=1)
            )  # fmt: skip
        else:
            runs = (run(1, {}, outcome=(ended or {})[batch], reason="no memory left"),)
        cells.append(CellView(model, configuration, runs))
    return Dataset(spec.model_copy(update={"configurations": tuple(configurations)}), tuple(cells))


GROWING = {b: [b * 100.0, b * 101.0, b * 99.0] for b in (1, 2, 4, 8)}


def test_memory_ends_a_sweep_and_the_last_good_batch_is_kept() -> None:
    """An out-of-memory cell is the limit; the text names it, the last batch that worked, and the recorded reason."""
    found = frontier(sweep(GROWING, {16: Outcome.OUT_OF_MEMORY, 32: Outcome.OUT_OF_MEMORY}), ())
    assert found is not None
    (series,) = found.series
    assert series.end is not None
    assert (series.end.load, series.end.last_good) == (16, 8)
    text = words(found, series)
    assert "Throughput still grows at batch 8, the largest load measured" in text
    assert "Memory ends the sweep at batch 16; batch 8 is the last that worked. Reason recorded: no memory left." in text


def test_resamples_of_few_runs_are_not_called_a_confidence_interval() -> None:
    """Three runs a load cannot give an interval of 95 %; five may."""
    curve = {1: 30.0, 2: 60.0, 4: 100.0, 8: 104.0}
    for spread, told in (((1.0, 1.04, 0.96), f"4 to beyond the sweep in 95{THIN}% of resamples of 3 runs a load, too few"),
                         ((1.0, 1.04, 0.96, 1.02, 0.98), f"95{THIN}% CI 4 to beyond the sweep")):  # fmt: skip
        found = frontier(sweep({load: [value * factor for factor in spread] for load, value in curve.items()}), ())
        assert found is not None
        assert told in words(found, found.series[0])


def test_a_load_that_was_too_slow_ends_a_sweep_only_above_one_that_was_not() -> None:
    """Of a fixed number of requests batch 1 is the slowest: its time-out is told, and is no end of a sweep that goes on."""
    found = frontier(sweep({b: GROWING[b] for b in (2, 4, 8)}, {1: Outcome.TIMED_OUT}), ())
    assert found is not None
    assert found.series[0].end is None
    found = frontier(sweep(GROWING, {16: Outcome.TIMED_OUT}), ())
    assert found is not None
    end = found.series[0].end
    assert end is not None
    assert (end.load, end.last_good, end.outcome) == (16, 8, Outcome.TIMED_OUT)


def test_preemption_marks_where_memory_became_too_small() -> None:
    """Runs whose server took requests back count as points; the sweep says from where on, and what worked without."""
    data = sweep(GROWING)
    taken = Flag(FlagCode.PREEMPTED, "the server took requests back 12 times while the load lasted, for lack of room")
    cells = tuple(
        replace(cell, runs=tuple(replace(run, flags=(taken,)) for run in cell.runs))
        if cell.configuration.batch_size == 8
        else cell
        for cell in data.cells
    )
    found = frontier(replace(data, cells=cells), ())
    assert found is not None
    (series,) = found.series
    assert series.end is not None
    assert (series.end.load, series.end.last_good, series.end.outcome) == (8, 4, Outcome.OK)
    assert [point.load for point in series.points] == [1, 2, 4, 8]
    assert "Preemption begins at batch 8; batch 4 is the last without. Recorded: the server took" in words(found, series)


def test_the_objective_chooses_among_the_loads_that_keep_it() -> None:
    """The best load is the one of the highest throughput that keeps the objective for the declared share of requests."""
    data = sweep(GROWING)
    spec = data.study.model_copy(update={"objective": Objective(ttft_s=1.0)})
    found = frontier(replace(data, study=spec), ())
    assert found is not None
    (series,) = found.series
    assert series.within is not None
    assert series.within.load == 4
    assert (
        f"Best load that meets the objective (time to first token at most 1.00{THIN}s, for 95{THIN}% of requests): batch 4"
        in words(found, series)
    )


def test_loads_whose_requests_cannot_be_judged_keep_no_objective() -> None:
    """Medians stand in for single requests only where a table is all there is."""
    data = sweep(GROWING)
    spec = data.study.model_copy(update={"objective": Objective(tbt_s=1.0)})
    cells = tuple(
        replace(cell, runs=tuple(
            replace(r, observations={k: v for k, v in r.observations.items() if k != "served_well_pct"}) for r in cell.runs
        ))
        for cell in data.cells
    )  # fmt: skip
    found = frontier(replace(data, study=spec, cells=cells), ())
    assert found is not None
    assert [(series.within, series.kept) for series in found.series] == [(None, None)]
    assert found.headline is not None
    assert "objective" not in plain(found.headline)
    assert "is not known" in words(found, found.series[0])


def test_fewer_than_three_loads_are_no_sweep() -> None:
    """Two points make no curve."""
    assert frontier(sweep({1: [1.0], 2: [2.0]}), ()) is None


def test_an_unfaithful_load_is_no_point_of_the_curve() -> None:
    """A batch whose outputs differ from the reference is shown in the table and never ranked."""
    from greenreport.analysis.measure.fidelity import CellFidelity, FidelityVerdict

    data = sweep(GROWING)
    wrong = data.cells[-1]
    verdict = CellFidelity(wrong.model.id, wrong.configuration.id, FidelityVerdict.UNFAITHFUL, "other outputs")
    found = frontier(data, [verdict])
    assert found is not None
    assert [point.load for point in found.series[0].points] == [1, 2, 4]


def test_findings_carry_the_frontier() -> None:
    """findings.json names every load, the saturation with its interval, the limit and the sentences."""
    found = document(analyse(sweep(GROWING, {16: Outcome.OUT_OF_MEMORY})))["frontier"]
    assert isinstance(found, list)
    (item,) = found
    assert item["loads"] == [1, 2, 4, 8]
    assert item["limit"]["load"] == 16
    assert item["saturation"] is None
    assert item["saturation_ci"]["high"] is None
    assert item["sentences"]


def test_a_headline_without_saturation_says_that_the_sweep_ended_there() -> None:
    """A larger load might give more; where throughput saturates there is nothing to add."""
    growing = frontier(sweep(GROWING), ())
    assert growing is not None
    assert growing.headline is not None
    assert "at batch 8 on one replica, the largest load measured, gives" in plain(growing.headline)
    flat = frontier(sweep({b: [min(b, 4) * 100.0] * 3 for b in (1, 2, 4, 8)}), ())
    assert flat is not None
    assert flat.headline is not None
    assert "at batch 4 on one replica gives" in plain(flat.headline)
