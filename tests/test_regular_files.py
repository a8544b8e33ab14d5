"""Tests of reading what a path leads to: regular files, up to a bound, and nothing else."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from greenreport.regular_files import read_regular, read_regular_text


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    """A file as large as the bound is read, one byte more is refused."""
    file = tmp_path / "f"
    file.write_bytes(b"x" * 2_000_000)
    assert len(read_regular(file, 2_000_000)) == 2_000_000
    with pytest.raises(OSError, match="it is larger than 1 MB"):
        read_regular(file, 1_999_999)


def test_lines_end_alike_on_every_system(tmp_path: Path) -> None:
    """As with any file that is opened as text."""
    file = tmp_path / "f"
    file.write_bytes(b"a\r\nb\rc\n")
    assert read_regular_text(file, 100) == "a\nb\nc\n"


def test_what_is_no_regular_file_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    """A device has no end, a pipe waits for its writer, a socket cannot be opened."""
    pipe, listening, folder = tmp_path / "pipe", tmp_path / "socket", tmp_path / "folder"
    os.mkfifo(pipe)
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(listening))
        for path in (Path("/dev/zero"), pipe, listening):
            with pytest.raises(OSError, match="not a regular file"):
                read_regular(path, 1000)
    with pytest.raises(IsADirectoryError, match="it is a folder"):
        read_regular(folder, 1000)
    for path in (tmp_path / "absent", Path("a\x00b")):
        with pytest.raises(FileNotFoundError):
            read_regular(path, 1000)


@pytest.mark.parametrize("name", ["/proc/kmsg", "/proc/self/status"])
def test_files_of_the_kernel_are_as_empty_as_they_say(name: str) -> None:
    """They have no size, and some of them no end."""
    with suppress(PermissionError):
        assert read_regular(Path(name), 1000) == b""
