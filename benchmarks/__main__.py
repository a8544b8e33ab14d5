"""Run the benchmarks: ``python -m benchmarks [NAME …]``; without names, the quick ones."""

from __future__ import annotations

import importlib
import sys

QUICK = ("startup", "orchestration", "http_overhead", "load_generator", "statistics_speed", "build_scale")
LONG = ("many_studies", "profiler_overhead", "statistics_simulation")


def main(names: list[str]) -> None:
    unknown = [name for name in names if name not in QUICK + LONG]
    if unknown:
        sys.exit(f"unknown: {', '.join(unknown)}; there are: {', '.join(QUICK + LONG)}")
    for name in names or QUICK:
        print(f"== {name}", flush=True)
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main(sys.argv[1:])
