"""Tests of files of samples: readings for an audit, one run for a study, through the arithmetic of our own runs."""

from __future__ import annotations

import csv
import itertools
from datetime import datetime
from pathlib import Path

import pytest

from greenreport.errors import ImportFileError
from greenreport.imports.reading import read_results
from greenreport.imports.results_table import ResultsTable, Role
from tests.imports.real_files import real


def values(table: ResultsTable) -> dict[str, float]:
    """Return the values of a run."""
    return {column.key: float(column.scaled[0]) for column in table.of(Role.METRIC)}


def written(folder: Path, text: str) -> Path:
    """Write samples and return their path."""
    file = folder / "samples.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_samples_of_energibridge_are_a_run(tmp_path: Path) -> None:
    """Counters of the processor and of memory, and the power of GPUs in mW; the energies of parts add up, those of cores are parts."""
    rows = [f"100,{1000 + 100 * i},{50 + 2 * i},{10 + i},{5 + i / 2},{30_000 + 1000 * i}" for i in range(5)]
    file = written(
        tmp_path, "Delta,Time,CPU_ENERGY (J),CORE0_ENERGY (J),DRAM_ENERGY (J),GPU0_POWER (mWatts)\n" + "\n".join(rows) + "\n"
    )
    run = values(read_results([file], runs=True))
    assert run["duration_s"] == pytest.approx(0.4)
    assert (run["cpu_energy_j"], run["dram_energy_j"], run["gpu_energy_j"]) == pytest.approx((8.0, 2.0, 32 * 0.4))
    assert run["energy_j"] == pytest.approx(8.0 + 2.0 + 12.8)
    samples = read_results([file])
    assert (samples.row, len(samples)) == ("sample", 5)


def test_a_counter_that_falls_is_refused(tmp_path: Path) -> None:
    """What it counted meanwhile is not known, so no energy is made up."""
    file = written(tmp_path, "Delta,Time,CPU_ENERGY (J)\n1,1000,50\n1,1100,60\n1,1200,5\n")
    with pytest.raises(ImportFileError, match=r"the counter CPU_ENERGY \(J\) falls"):
        read_results([file], runs=True)


def test_samples_of_nvidia_smi_are_a_run(tmp_path: Path) -> None:
    """Powers of two GPUs are integrated and added, with units behind the numbers; a GPU that reports none is named."""
    rows = [f"2026/01/01 00:00:{s:02}.000, {gpu}, {100 * (gpu + 1)}.00 W, {s} %, 1024 MiB" for s in range(11) for gpu in (0, 1)]
    head = "timestamp, index, power.draw [W], utilization.gpu [%], memory.used [MiB]\n"
    run = values(read_results([written(tmp_path, head + "\n".join(rows) + "\n")], runs=True))
    assert run["gpu_energy_j"] == pytest.approx(3000.0)
    assert (run["duration_s"], run["power_mean_w"], run["gpu_usage_pct"]) == pytest.approx((10.0, 300.0, 5.0))
    assert run["gpu_memory_used_b"] == pytest.approx(1024**3)
    with pytest.raises(ImportFileError, match=r":2: power\.draw \[W\] 'lots' is no number"):
        read_results([written(tmp_path, head + "2026/01/01 00:00:00.000, 0, lots, 1 %, 1 MiB\n")], runs=True)


def test_published_samples_give_the_energy_of_their_counter() -> None:
    """The processor's counter from first to last sample, in the digits of the file."""
    file = real("energibridge_sample.csv")
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    run = values(read_results([file], runs=True))
    assert run["cpu_energy_j"] == pytest.approx(float(rows[-1]["CPU_ENERGY (J)"]) - float(rows[0]["CPU_ENERGY (J)"]), rel=1e-9)
    assert run["duration_s"] == pytest.approx((int(rows[-1]["Time"]) - int(rows[0]["Time"])) / 1e3)


def test_published_samples_of_a_power_meter_are_integrated() -> None:
    """Trapezoids over the client's times."""
    file = real("wattmeter_sample.csv")
    with file.open(encoding="utf-8", newline="") as stream:
        samples = [
            (datetime.fromisoformat(row["True timestamp"]).timestamp(), float(row["Load"])) for row in csv.DictReader(stream)
        ]
    joules = sum((t2 - t1) * (p1 + p2) / 2 for (t1, p1), (t2, p2) in itertools.pairwise(samples))
    assert values(read_results([file], runs=True))["machine_energy_j"] == pytest.approx(joules, rel=1e-6)


def test_emissions_of_codecarbon_need_no_mapping(tmp_path: Path) -> None:
    """Energies are in kWh, the model is the project, and what is no metric says so."""
    head = "timestamp,project_name,run_id,duration,emissions,emissions_rate,cpu_power,gpu_power,ram_power,cpu_energy,gpu_energy,ram_energy,energy_consumed,country_name\n"
    rows = [f"2026-01-0{i},gpt2,r{i},{10 + i},1e-5,1e-6,42.5,60,3,1e-6,2e-6,1e-7,3.1e-6,NL" for i in range(1, 4)]
    table = read_results([written(tmp_path, head + "\n".join(rows) + "\n")])
    assert (table.format, len(table)) == ("codecarbon", 3)
    energy = table.metric("energy_j")
    assert energy is not None and list(energy.scaled) == pytest.approx([11.16] * 3)
    assert [list(column.values) for column in table.of(Role.MODEL)] == [["gpt2"] * 3]
    assert "country_name" in {column.name for column in table.of(Role.LEFT_OUT)}
