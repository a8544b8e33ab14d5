"""Building a site, for the benchmarks that time it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path


def built(folder: Path) -> float:
    """Build the site; return the seconds it took."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "greenreport", "build", "--quiet"], cwd=folder, check=True)
    return time.perf_counter() - start


def told(folder: Path) -> str:
    """Return how much was written, in words."""
    files = [file for file in (folder / "site").rglob("*") if file.is_file()]
    return f"{len(files)} files, {sum(file.stat().st_size for file in files) / 1e6:.0f} MB"
