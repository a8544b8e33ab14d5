"""Files that people published; they lie beside the project, and what needs them is skipped where they do not."""

from __future__ import annotations

from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "reference" / "public-results"


def real(name: str) -> Path:
    """Return the path of a published file."""
    file = FOLDER / name
    if not file.exists():
        pytest.skip(f"needs {name} in ../shared/reference/public-results")
    return file
