"""Builds the stand-in for NVIDIA's library (tests/meters/fake_nvml.c) and says how programs come to load it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parent / "meters" / "fake_nvml.c"
NO_COMPILER = "no C compiler to build the fake NVML library with"


def compiler() -> str | None:
    """Return a C compiler, None when there is none (tests then skip with `NO_COMPILER`)."""
    return shutil.which("gcc") or shutil.which("cc")


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Compile the library once a process; the folder goes when the process ends."""
    folder = tempfile.TemporaryDirectory(prefix="fake-nvml-")
    program = compiler()
    assert program is not None, NO_COMPILER
    target = Path(folder.name) / "libnvidia-ml.so.1"
    subprocess.run([program, "-shared", "-fPIC", "-O1", "-o", str(target), str(SOURCE)], check=True)
    return folder


def library_folder() -> Path:
    """Return the folder that holds the library, for LD_LIBRARY_PATH."""
    return Path(_folder().name)


def write_control(file: Path, **settings: object) -> None:
    """Write the library's behaviour at once: ``gpus=2, lost_1=1`` becomes the lines ``gpus 2`` and ``lost.1 1``."""
    lines = []
    for key, value in settings.items():
        name, _, gpu = key.rpartition("_")
        lines.append(f"{name}.{gpu} {value}" if gpu.isdigit() else f"{key} {value}")
    new = file.with_suffix(".new")
    new.write_text("\n".join(lines) + "\n", encoding="ascii")
    new.replace(file)


def environment(control: Path) -> dict[str, str]:
    """Return the environment in which programs see the fake GPUs that `control` describes."""
    return {**os.environ, "LD_LIBRARY_PATH": str(library_folder()), "FAKE_NVML": str(control)}
