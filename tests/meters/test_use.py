"""Tests of meters in a study: their options, and a whole run that several of them observe."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

import greenreport
from greenreport.analysis.measure.metrics import observations
from greenreport.catalog import METERS, load_target
from greenreport.errors import MeterUnavailable
from greenreport.meters.base import Meter
from greenreport.meters.replay import FORMAT
from greenreport.store import Store
from greenreport.study import meter_use

Command = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[..., Path]


def test_options_that_are_not_used_leave_no_trace() -> None:
    """What a study asks of a meter, and so the fingerprint of its cells, holds the options it names and no others."""
    assert meter_use(name="rapl").model_dump(mode="json", exclude_defaults=True) == {"name": "rapl"}
    use = meter_use(name="wattmeter", kind="netio", url="http://plug/netio.json", output=1)
    assert set(use.model_dump(mode="json", exclude_defaults=True)) == {"name", "kind", "url", "output"}


@pytest.mark.parametrize(
    ("meter", "message"),
    [
        ({"rapl": {"url": "http://plug/"}}, "unknown key 'url'. Allowed: calibration, interval_ms, required"),
        ({"nvml": {"path": "x"}}, "unknown key 'path'. Allowed: calibration, interval_ms, required"),
        ({"wattmeter": {"kind": "json", "url": "http://plug/"}}, "a wattmeter of kind json needs `power:` or `energy:`"),
        (
            {"wattmeter": {"kind": "netio", "power": "a.b"}},
            "`power` and `energy` say where values are in an answer of `kind: json`",
        ),
        ({"wattmeter": {"url": "ftp://plug/"}}, "url"),
        ({"rapl": {"interval_ms": 1}}, "interval_ms"),
    ],
)
def test_options_are_checked(command: Command, write_study: Write, meter: dict[str, Any], message: str) -> None:
    """An option of another meter, one that is missing and one that cannot be are said with the line."""
    result = command("validate", str(write_study(meters=[meter])), check=None)
    assert result.returncode == 2
    assert message in result.stderr


def test_installed_packages_add_meters(tmp_path: Path) -> None:
    """An entry point names a row of the catalog; a study may then list the meter with the options its row names."""
    (tmp_path / "bench.dist-info").mkdir()
    (tmp_path / "bench.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: bench\nVersion: 1\n")
    (tmp_path / "bench.dist-info" / "entry_points.txt").write_text("[greenreport.meters]\nbench = bench_row:ROW\n")
    (tmp_path / "bench_row.py").write_text(
        "from greenreport.catalog import MeterInfo\n"
        "ROW = MeterInfo('bench', 'Bench', 'bench_meter:Bench', 'a power supply', options='bench_meter:BenchUse')\n"
    )
    (tmp_path / "bench_meter.py").write_text(
        "from greenreport.study.meter_options import MeterUse\nclass BenchUse(MeterUse):\n    channel: int = 1\n"
    )
    check = """
from pydantic import TypeAdapter, ValidationError
from greenreport.study.meter_options import Meter
adapter = TypeAdapter(Meter)
print(adapter.validate_python({"bench": {"channel": 2}}).channel)
for wrong in ({"bench": {"volts": 2}}, "unheard-of"):
    try:
        adapter.validate_python(wrong)
    except ValidationError as error:
        print(error.errors()[0]["type"])
"""
    paths = os.pathsep.join([str(tmp_path), str(Path(greenreport.__file__).resolve().parents[1])])
    done = subprocess.run(
        [sys.executable, "-c", check], env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["2", "extra_forbidden", "union_tag_invalid"]


def test_every_meter_opens_or_says_what_would_help() -> None:
    """Without options each meter of the catalog either reads one value a channel or names cause and remedy."""
    refusals = []
    for name, info in METERS.items():
        meter: Meter = load_target(info.target)(meter_use(name=name))
        try:
            channels = meter.open()
        except MeterUnavailable as error:
            refusals.append(error)
        else:
            assert len(meter.read()) == len(channels) > 0
            meter.close()
    assert "no url is configured" in {error.cause for error in refusals}
    assert all(error.remedy for error in refusals)


def test_a_run_with_several_meters(command: Command, write_study: Write, tmp_path: Path) -> None:
    """A recording, the load of the machine and a wall meter that is not there: energy is right, what is missing is named."""
    channel = {
        "domain": "package-0",
        "quantity": "energy",
        "kind": "counter",
        "unit": "J",
        "method": "measured",
        "wrap_at": 100,
    }
    times = [step / 50 for step in range(51)]
    content = {"greenreport": FORMAT, "repeat": True, "channels": [channel | {"t_s": times, "value": [40 * t for t in times]}]}
    meters = [
        "utilisation",
        {"replay": {"path": "recording.json", "required": True}},
        {"wattmeter": {"url": "http://127.0.0.1:9/"}},
    ]
    busy = {
        "engine": "fake",
        "provider": "cpu",
        "options": {"token_s": 0.005, "busy": 1},
    }  # CPU time is counted in ticks of 10 ms
    study = write_study(meters=meters, configurations=[busy])
    (study.parent / "recording.json").write_text(json.dumps(content))
    command("run", str(study))
    database = tmp_path / "cache" / "greenreport.duckdb"
    with duckdb.connect(str(database), read_only=True) as connection:
        runs = [row[0] for row in connection.execute("SELECT run_id FROM runs").fetchall()]
    for record in Store(database).records(runs):
        values = {o.metric: o.value for o in observations(record)}
        assert values["energy_j"] == pytest.approx(40 * values["duration_s"], rel=1e-3)  # type: ignore[operator]
        assert values["idle_power_w"] == pytest.approx(40, rel=1e-3)
        assert values["process_cpu_pct"] is not None
        assert [(m.meter, m.cause) for m in record.missing] == [
            ("wattmeter", "the wall meter cannot be reached (Connection refused)")
        ]
