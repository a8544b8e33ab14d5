"""Tests of the cache whose files reach a site: what is used stays, what was used longest ago goes when there is too much."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from greenreport.regular_files import user_cache
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


def test_an_exchanged_file_is_made_again(tmp_path: Path) -> None:
    """The drawing of one figure would stand below the caption of another."""
    write_checked(tmp_path / "a", b"first")
    write_checked(tmp_path / "b", b"second")
    (tmp_path / "a").replace(tmp_path / "b")
    assert read_checked(tmp_path / "b") is None


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a")
    assert read_checked(tmp_path / "a") is None


def test_a_full_disk_leaves_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(part: Path, target: Path) -> Path:
        raise OSError(errno.ENOSPC, "no space", str(target))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="no space"):
        write_checked(tmp_path / "figures" / "a", b"first")
    assert list((tmp_path / "figures").iterdir()) == []


def test_a_file_that_another_build_removes_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_checked(tmp_path / "figures" / "a", b"first")
    there = Path.is_file

    def removed(file: Path) -> bool:
        found = there(file)
        file.unlink(missing_ok=True)
        return found

    monkeypatch.setattr(Path, "is_file", removed)
    sweep(tmp_path / "figures")


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="files have no owner here")
def test_what_is_kept_for_a_user_is_kept_where_nobody_else_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reaches every site: another user's script would, from a folder in /tmp or one that everybody may write to."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = user_cache("vega")
    assert folder == tmp_path / "greenreport" / "vega"
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)
    assert not user_cache("vega").is_relative_to(tmp_path)
    folder.chmod(0o700)
    folder.parent.chmod(0o770)
    assert not user_cache("vega").is_relative_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "mine")
    assert not (tmp_path / "mine").exists()
    assert "mine" not in user_cache("vega").parts
