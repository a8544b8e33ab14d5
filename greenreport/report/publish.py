"""``greenreport publish``: put a built site where others can see it."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from greenreport.errors import BuildError
from greenreport.report.site_writer import MANIFEST, MARK, listed, replacing, settled, site_files
from greenreport.units import counted
from greenreport.workspace import digest_of

BRANCH = "gh-pages"


def publish_folder(site: Path, target: Path) -> str:
    """Copy the site into a folder, with files the user put into it; the rules of `site_writer` hold for the folder, too.

    Raises:
        BuildError: the folder cannot be written, holds something other than a site, or one of the two lies in the other.
    """
    ours, theirs = site.resolve(), target.resolve()
    if ours == theirs or ours in theirs.parents or theirs in ours.parents:
        raise BuildError(
            f"{target} and the site {site} are the same folder, or one lies in the other; choose a folder elsewhere"
        )
    with settled(site), replacing(target) as folder:
        for path, file in site_files(site).items():
            if path not in (MARK, MANIFEST) and not folder.keep({path: digest_of(file)}):
                folder.copy([(file, path)])
    return f"copied {counted(len(folder.digests) + 1, 'file')} to {target}"


def publish_branch(site: Path, repository: Path) -> str:
    """Commit the site to the branch without touching the working tree; nothing is pushed.

    The site takes the place of the one in the branch; what else is there stays, such as the CNAME of a domain.

    Raises:
        BuildError: the folder is not a Git repository, Git fails, or the branch has other files where the site has its own.
    """
    if _git(repository, "rev-parse", "--git-dir", check=False) is None:
        raise BuildError(f"{repository} is not a Git repository; `--target DIR` copies the site to a folder instead")
    with settled(site), tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        parent = _git(repository, "rev-parse", "--verify", "--quiet", f"refs/heads/{BRANCH}", check=False)
        if parent is not None:
            _git(repository, "read-tree", parent, env=index)
            manifest = _git(repository, "show", f"{parent}:{MANIFEST}", check=False) or ""
            ours = "\0".join([*listed(manifest), MANIFEST])
            _git(repository, "update-index", "--force-remove", "-z", "--stdin", env=index, stdin=ours)
        others = _entries(repository, index)
        _git(repository, "--work-tree", str(site.resolve()), "add", "--no-all", "--force", ".", env=index, cwd=site)
        if replaced := others - _entries(repository, index):
            paths = ", ".join(sorted(entry.partition("\t")[2] for entry in replaced))
            raise BuildError(
                f"the branch {BRANCH} has files of its own where the site has others: {paths}; remove them there first"
            )
        tree = _git(repository, "write-tree", env=index)
        if parent is not None and _git(repository, "rev-parse", f"{parent}^{{tree}}") == tree:
            return f"the branch {BRANCH} holds this site already"
        parents = () if parent is None else ("-p", parent)
        commit = _git(repository, "commit-tree", str(tree), *parents, "-m", "Publish the site")
        _git(repository, "update-ref", f"refs/heads/{BRANCH}", str(commit))
    return f"committed the site to the branch {BRANCH}; next: git push origin {BRANCH}"


def _entries(repository: Path, index: dict[str, str]) -> set[str]:
    """Return mode, content and path of every file of an index."""
    return set((_git(repository, "ls-files", "--stage", "-z", env=index) or "").split("\0")) - {""}


def _git(
    repository: Path,
    *arguments: str,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str = "",
    check: bool = True,
) -> str | None:
    """Return the output of a Git command; None if it fails and `check` is off."""
    directory = subprocess.run(
        ["git", "-C", str(repository), "rev-parse", "--absolute-git-dir"], capture_output=True, text=True, check=False
    ).stdout.strip()
    command = ["git", *(["--git-dir", directory] if directory else []), *arguments]
    try:
        environment = {**os.environ, **(env or {})}
        result = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=cwd or repository, env=environment, input=stdin
        )
    except FileNotFoundError:
        raise BuildError("git is not installed; `--target DIR` copies the site to a folder instead") from None
    if result.returncode == 0:
        return result.stdout.strip()
    if check:
        raise BuildError(f"git {arguments[0]} failed: {result.stderr.strip().splitlines()[-1:]}")
    return None
