"""How long the import of a large table takes, and how much memory: ``python -m benchmarks import_speed`` (aims for 2 million rows: 60 s and 1 GB)."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROWS, FEW_ROWS = 2_000_000, 20_000
AIM_S, AIM_MB = 60.0, 1000.0
CELLS = 100
METRICS = (("energy_j", "J"), ("duration_s", "s"))


def write_table(file: Path, rows: int) -> None:
    """Write a tidy table of so many rows."""
    repetitions = rows // (CELLS * len(METRICS))
    with file.open("w", encoding="utf-8") as stream:
        stream.write("model,engine,provider,repetition,metric,value,unit,quantisation\n")
        for cell in range(CELLS):
            for repetition in range(1, repetitions + 1):
                for place, (metric, unit) in enumerate(METRICS):
                    value = 100 + cell + (repetition * 7919 % 1000) / 1000 + place
                    stream.write(
                        f"model-{cell % 10},engine-{cell // 50},cpu,{repetition},{metric},{value:.6f},{unit},q{cell // 10 % 5}\n"
                    )


def import_table(file: Path, cache: Path) -> None:
    """Import a table and print seconds, those of the processor, and the largest memory of this process in MB."""
    from greenreport.results.importing import import_results
    from greenreport.store import Store

    start = time.perf_counter()
    done = import_results(Store(cache / "greenreport.duckdb"), [file], "large")
    print(
        done.values, time.perf_counter() - start, time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    )


def main(*, small: bool = False) -> None:
    """Print how long the import takes, and its memory, beside the aims."""
    rows = FEW_ROWS if small else ROWS
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "t.csv"
        write_table(file, rows)
        command = [sys.executable, "-m", "benchmarks.import_speed", str(file), folder]
        values, seconds, busy, megabytes = map(
            float, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        )
    assert values == rows
    print(
        f"{rows:,} rows imported in {seconds:.1f} s ({busy:.1f} s of processor time), {seconds / AIM_S:.2f} of the aim; {megabytes:,.0f} MB at most, {megabytes / AIM_MB:.2f} of the aim",
        flush=True,
    )


if __name__ == "__main__":
    if len(sys.argv) > 2:
        import_table(Path(sys.argv[1]), Path(sys.argv[2]))
    else:
        main()
