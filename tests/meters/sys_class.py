"""A folder like /sys/class with sensor chips and batteries, which tests fill and change."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenreport.meters.hwmon import ROOT_VARIABLE


class SysClass:
    """Sensor chips and batteries; values stand in files, as the kernel shows them."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        monkeypatch.setenv(ROOT_VARIABLE, str(root))

    def chip(self, number: int, name: str, device: str = "", **files: object) -> Path:
        """Add the chip hwmonN; keywords are its files."""
        folder = self._filled(self.root / "hwmon" / f"hwmon{number}", {"name": name, **files})
        if device:
            (self.root / "devices" / device).mkdir(parents=True, exist_ok=True)
            (folder / "device").symlink_to(self.root / "devices" / device)
        return folder

    def supply(self, name: str, **files: object) -> Path:
        """Add a power supply; keywords are its files."""
        return self._filled(self.root / "power_supply" / name, files)

    def _filled(self, folder: Path, files: dict[str, object]) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for file, value in files.items():
            with (folder / file).open("w") as target:  # in place, as the kernel does
                target.write(f"{value}\n")
        return folder
