"""``greenreport publish``: put a built site where others can see it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from greenreport.errors import BuildError
from greenreport.report.site_writer import MARK

BRANCH = "gh-pages"


def publish_folder(site: Path, target: Path) -> str:
    """Copy the site into a folder; files of an earlier copy are removed.

    Raises:
        BuildError: the folder holds something other than a site.
    """
    _require_site(site)
    if target.exists() and any(target.iterdir()) and not (target / MARK).is_file():
        raise BuildError(f"{target} holds files that greenreport did not write; choose an empty folder")
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(site, target)
    return f"copied {sum(1 for file in target.rglob('*') if file.is_file())} files to {target}"


def publish_branch(site: Path, repository: Path) -> str:
    """Commit the site as the whole content of the branch, without touching the working tree; nothing is pushed.

    Raises:
        BuildError: the folder is not a Git repository, or Git fails.
    """
    _require_site(site)
    if _git(repository, "rev-parse", "--git-dir", check=False) is None:
        raise BuildError(f"{repository} is not a Git repository; `--target DIR` copies the site to a folder instead")
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        _git(repository, "--work-tree", str(site.resolve()), "add", "--all", "--force", ".", env=index, cwd=site)
        tree = _git(repository, "write-tree", env=index)
        parent = _git(repository, "rev-parse", "--verify", "--quiet", f"refs/heads/{BRANCH}", check=False)
        if parent is not None and _git(repository, "rev-parse", f"{parent}^{{tree}}") == tree:
            return f"the branch {BRANCH} holds this site already"
        parents = () if parent is None else ("-p", parent)
        commit = _git(repository, "commit-tree", str(tree), *parents, "-m", "Publish the site")
        _git(repository, "update-ref", f"refs/heads/{BRANCH}", str(commit))
    return f"committed the site to the branch {BRANCH}; next: git push origin {BRANCH}"


def _require_site(site: Path) -> None:
    if not (site / MARK).is_file():
        raise BuildError(f"{site} holds no site; run `greenreport build` first")


def _git(
    repository: Path, *arguments: str, env: dict[str, str] | None = None, cwd: Path | None = None, check: bool = True
) -> str | None:
    """Return the output of a Git command; None if it fails and `check` is off."""
    directory = subprocess.run(
        ["git", "-C", str(repository), "rev-parse", "--absolute-git-dir"], capture_output=True, text=True, check=False
    ).stdout.strip()
    command = ["git", *(["--git-dir", directory] if directory else []), *arguments]
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=cwd or repository, env={**os.environ, **(env or {})}
        )
    except FileNotFoundError:
        raise BuildError("git is not installed; `--target DIR` copies the site to a folder instead") from None
    if result.returncode == 0:
        return result.stdout.strip()
    if check:
        raise BuildError(f"git {arguments[0]} failed: {result.stderr.strip().splitlines()[-1:]}")
    return None
