"""Workflows run no code that a moved tag could exchange, and the file that says how to cite the tool agrees with the package."""

from __future__ import annotations

import re
import tomllib

import pytest
import yaml

from tests.conftest import ROOT

FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_actions_are_named_by_commit_and_rights_are_few(file: object) -> None:
    """Each action stands with its commit and version; only what publishes may write, and each job ends by itself or is short."""
    text = file.read_text(encoding="utf-8")  # type: ignore[attr-defined]
    content = yaml.safe_load(text)
    used = re.findall(r"uses: (.+)", text)
    assert used
    assert all(re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+", action) for action in used)
    assert content["permissions"]["contents"] == "read"
    steps = [step for job in content["jobs"].values() for step in job["steps"]]
    assert not any("secrets." in str(step) for step in steps)
    assert not any("${{ github." in step.get("run", "") for step in steps)  # a name of a branch is text of others


def test_the_citation_of_the_tool_names_its_version() -> None:
    """Version, license and keywords are those of the package."""
    package = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (str(citation["version"]), citation["license"]) == (package["version"], package["license"])
    assert citation["keywords"] == package["keywords"]
    assert [author["name"] for author in citation["authors"]] == [author["name"] for author in package["authors"]]
