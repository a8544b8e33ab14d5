"""A study on three hosts that are reached by ssh."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.hosts import Trial, ssh_section, variables
from tests.cluster.ssh import ssh_server


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    """Return a study and three hosts."""
    hosts = tuple(f"gr{os.getpid()}-{letter}" for letter in "abc")
    with ssh_server(tmp_path / "ssh", hosts) as config:
        made = Trial(tmp_path, hosts, {"ssh": ssh_section(tmp_path, config, hosts)}, variables())
        made.write()
        yield made
