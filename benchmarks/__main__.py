"""Run benchmarks: ``python -m benchmarks [--small] [NAME …]``; without names, the quick ones.

With ``--small`` each runs on a size that takes seconds: whether it works can be seen, its figures mean nothing.
"""

from __future__ import annotations

import importlib
import sys

QUICK = ("startup", "orchestration", "http_overhead", "load_generator", "statistics_speed", "build_scale", "import_speed")
LONG = (
    "audit_false_alarms",
    "gpu",
    "guidellm_agreement",
    "known_traces",
    "large_study",
    "many_hosts",
    "many_studies",
    "models_and_ties",
    "profiler_overhead",
    "sequential_replay",
    "statistics_simulation",
)


def main(arguments: list[str]) -> None:
    names = [argument for argument in arguments if argument != "--small"]
    unknown = [name for name in names if name not in QUICK + LONG]
    if unknown:
        sys.exit(f"unknown benchmarks: {', '.join(unknown)}; choose from: {', '.join(QUICK + LONG)}")
    for name in names or QUICK:
        print(f"== {name}", flush=True)
        importlib.import_module(f"benchmarks.{name}").main(small="--small" in arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
