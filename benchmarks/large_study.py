"""Import, build and weight of a study of 2,000 cells: ``python -m benchmarks large_study`` (aims: 12 s, 120 s, 1.5 GB, 60 MB)."""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.sites import build_s

MODELS, FEW_MODELS = 200, 4
ENGINES, PRECISIONS, RUNS = ("torch", "onnx"), 5, 10
METRICS = (
    ("energy_j", "J"), ("duration_s", "s"), ("cpu_energy_j", "J"), ("dram_energy_j", "J"), ("ram_rss_peak_b", "B"), ("ttft_s", "s"),
    ("tbt_s", "s"), ("throughput_tokens_per_s", "tokens/s"), ("cpu_usage_pct", "%"), ("power_mean_w", "W"),
)  # fmt: skip
IMPORT_S, BUILD_S, MEMORY_GB, SITE_MB = 12, 120, 1.5, 60


def write_table(file: Path, models: int) -> None:
    """Write a tidy table of so many models; runs of a cell differ by about 2 %."""
    draw = random.Random(1)
    with file.open("w", encoding="utf-8") as stream:
        stream.write("model,engine,provider,repetition,metric,value,unit,quantisation\n")
        for model in range(models):
            for engine in ENGINES:
                for precision in range(PRECISIONS):
                    size = 10 * (1 + model % 7) * (1.3 if engine == "torch" else 1.0) * (1 + precision / 10)
                    for run in range(1, RUNS + 1):
                        for place, (metric, unit) in enumerate(METRICS, 1):
                            value = size * place * draw.gauss(1, 0.02)
                            stream.write(f"model-{model:03},{engine},cpu,{run},{metric},{value:.6f},{unit},q{precision}\n")


def import_s(folder: Path) -> float:
    """Import the table; return how long it took in seconds."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "greenreport", "import", "t.csv", "--study", "large"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - start


def main(*, small: bool = False) -> None:
    """Print import and build beside their aims."""
    models = FEW_MODELS if small else MODELS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_table(folder / "t.csv", models)
        (folder / "studies").mkdir()
        imported, built = import_s(folder), build_s(folder)
        again = build_s(folder)
        sizes = [file.stat().st_size for file in (folder / "site").rglob("*") if file.is_file()]
    peak, site = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6, sum(sizes) / 1e6
    print(f"{models * len(ENGINES) * PRECISIONS} cells imported in {imported:.1f} s, {imported / IMPORT_S:.2f} of the aim")
    print(f"built from nothing: {built:.1f} s, {built / BUILD_S:.2f} of the aim; nothing changed: {again:.1f} s")
    print(f"peak memory {peak:.2f} GB, {peak / MEMORY_GB:.2f} of the aim; site {site:.0f} MB, {site / SITE_MB:.2f} of the aim")
