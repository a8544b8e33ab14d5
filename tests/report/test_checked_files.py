"""Tests of the cache whose files reach a site: what is used stays, what was used longest ago goes when there is too much."""

from __future__ import annotations

import os
from pathlib import Path

from greenreport.report.drawing.checked_files import read_checked, sweep, write_checked


def test_the_cache_keeps_what_was_used_last(tmp_path: Path) -> None:
    """Reading counts as use; nothing goes while there is room; a part of a process that has ended goes in any case."""
    folder = tmp_path / "figures"
    files = [folder / name for name in ("first", "second", "third")]
    for age, file in enumerate(files):
        write_checked(file, bytes(1000))
        os.utime(file, (1000 + age, 1000 + age))
    (folder / ".fourth.999999999.part").touch()
    assert read_checked(files[0]) == bytes(1000)
    sweep(folder, 4000)
    assert sorted(file.name for file in folder.iterdir()) == ["first", "second", "third"]
    sweep(folder, 2500)
    assert sorted(file.name for file in folder.iterdir()) == ["first", "third"]
    sweep(tmp_path / "absent", 0)
