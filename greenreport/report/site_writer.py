"""Write a site into a folder so that it is never half there, and nobody else's files in it are touched.

A folder belongs to two: files its manifest lists are greenreport's and follow each build, all others are the user's and stay.
What a build makes is first written to a folder inside the site, its manifest last. Then the files are moved to their places; where
that was interrupted, the next start finishes it. What was interrupted before is thrown away, and the old site is as it was.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from greenreport.between_processes import open_folder, process_exists, try_lock
from greenreport.errors import BuildError, refusal
from greenreport.workspace import digest_of

MARK = ".greenreport-site"  # a folder with this file is a site, whatever else is in it
MANIFEST = "MANIFEST.sha256"
UNFINISHED = ".greenreport-unfinished"  # inside the site: it may be a mount point, and files move only within one file system
NOWHERE = "404.html"  # shown under any address, so it has none of its own and relative links do not work
MOST_NAMED = 10


@dataclass(slots=True)
class SiteFolder:
    """A site that is being written.

    Attributes:
        site: the folder; `fresh`: the folder inside it where new files wait until all are written.
        digests: SHA-256 of every file the site will have, by its path in the site.
    """

    site: Path
    fresh: Path
    digests: dict[str, str] = field(default_factory=dict)

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write files by their paths in the site.

        Raises:
            BuildError: a file of that path was written already.
        """
        for path, content in files.items():
            self._target(path).write_bytes(content)
            self.digests[path] = hashlib.sha256(content).hexdigest()

    def copy(self, copies: Iterable[tuple[Path, str]]) -> None:
        """Copy files that are too large to be held in memory; each with its path in the site."""
        for source, path in copies:
            target = self._target(path)
            shutil.copyfile(source, target)
            self.digests[path] = digest_of(target)

    def keep(self, files: Mapping[str, str]) -> bool:
        """Keep files of the site as they are and return True; return False if one of them was deleted or changed.

        Args:
            files: path in the site → its SHA-256.
        """
        for path, digest in files.items():
            file = self.site / path
            if file.is_symlink() or not file.is_file() or digest_of(file) != digest:
                return False
        for path, digest in files.items():
            self._require_new(path)
            self.digests[path] = digest
        return True

    def _target(self, path: str) -> Path:
        self._require_new(path)
        target = self.fresh / path
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def _require_new(self, path: str) -> None:
        if path in self.digests:
            raise BuildError(f"two studies would have the same file {path}; shorten or change the name of one")


@contextmanager
def replacing(site: Path) -> Iterator[SiteFolder]:
    """Yield a folder to write; at the end it replaces what the last manifest lists. After an error the site is unchanged.

    Raises:
        BuildError: the folder cannot be written, holds something other than a site, or holds files of the user where the site
            would have some.
    """
    _sweep_beside(site)
    if site.is_symlink() and not site.exists():
        raise BuildError(f"{site} is a link to {site.readlink()}, which does not exist; create that folder, or remove the link")
    if site.exists() and not site.is_dir():
        raise BuildError(f"{site} is a file; choose a folder with --site")
    made = not site.exists()
    try:
        site.mkdir(parents=True, exist_ok=True)
        with _alone_in(site):
            _settle(site)
            yield from _written(site)
    except OSError as error:
        state = (
            "is half replaced, and the next build finishes it" if (site / UNFINISHED / MANIFEST).is_file() else "is unchanged"
        )
        raise BuildError(f"{site} {state}: {refusal(error)}") from None
    finally:
        if made:
            with suppress(OSError):  # there is a site in it
                site.rmdir()


@contextmanager
def settled(site: Path) -> Iterator[None]:
    """Finish what a killed command left undone in a site, and keep other commands from writing it meanwhile.

    Raises:
        BuildError: there is no site, or another command is writing it.
    """
    _sweep_beside(site)
    if not (site / MARK).is_file() and not (site / UNFINISHED / MARK).is_file():
        raise BuildError(f"{site} holds no site; run `greenreport build` first")
    with _alone_in(site):
        _settle(site)
        yield


def site_files(site: Path) -> dict[str, Path]:
    """Return every file of a site by its path in it, those of the user too; no links, and nothing of Git."""
    files = {}
    for folder, folders, names in os.walk(site):
        folders[:] = sorted(name for name in folders if name not in (".git", UNFINISHED))
        inside = Path(folder).relative_to(site)
        for name in sorted(names):
            file = Path(folder, name)
            if name != ".git" and not file.is_symlink() and file.is_file():
                files[(inside / name).as_posix()] = file
    return files


def users_files(site: Path) -> list[str]:
    """Return the files of a site that its manifest does not list; none where there is no manifest to tell."""
    ours = listed_files(site)
    return [path for path in site_files(site) if path != MANIFEST and path not in ours] if ours else []


def listed(manifest: str) -> dict[str, str]:
    """Return path → SHA-256 of a manifest; it may come from anybody, so paths that lead out of the site are left out."""
    pairs = (line.partition("  ") for line in manifest.splitlines())
    return {path: digest for digest, _, path in pairs if path and not path.startswith("/") and ".." not in path.split("/")}


def listed_files(folder: Path) -> dict[str, str]:
    """Return path → SHA-256 of the manifest in a folder; empty where there is none that can be read."""
    try:
        return listed((folder / MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, UnicodeDecodeError):
        return {}


def _written(site: Path) -> Iterator[SiteFolder]:
    if not (site / MARK).is_file():
        _require_empty(site)
    fresh = site / UNFINISHED
    fresh.mkdir()
    folder = SiteFolder(site, fresh)
    try:
        yield folder
        folder.write({MARK: b"A folder written by greenreport build, which replaces what MANIFEST.sha256 lists.\n"})
        _require_free(site, folder.digests)
        manifest = "".join(f"{digest}  {path}\n" for path, digest in sorted(folder.digests.items()))
        part = fresh / f"{MANIFEST}.part"
        part.write_text(manifest, encoding="utf-8")
        part.rename(fresh / MANIFEST)  # from here on the new site is complete
        _settle(site)
    finally:
        if not (fresh / MANIFEST).is_file():
            shutil.rmtree(fresh, ignore_errors=True)


def _settle(site: Path) -> None:
    """Move what is complete to its place, remove what the new manifest no longer lists, and throw away what is not complete."""
    fresh = site / UNFINISHED
    if fresh.is_symlink():
        fresh.unlink()
    if not (fresh / MANIFEST).is_file():
        if fresh.exists():
            shutil.rmtree(fresh)
        return
    new, old = listed_files(fresh), listed_files(site)
    waiting = [path for path in new if os.path.lexists(fresh / path)]
    for path in sorted(waiting, key=lambda path: (path.endswith(".html"), path)):  # what a page shows is there before it
        target = site / path
        if (obstacle := _obstacle(site, path)) is not None:
            raise BuildError(f"{site / obstacle} is in the way of {target}; move it elsewhere and build again")
        target.parent.mkdir(parents=True, exist_ok=True)
        (fresh / path).replace(target)
    for path in old.keys() - new.keys():
        if _obstacle(site, path) is None:
            (site / path).unlink(missing_ok=True)
            with suppress(OSError):  # something is left in it
                for parent in PurePosixPath(path).parents[:-1]:
                    (site / parent).rmdir()
    (fresh / MANIFEST).replace(site / MANIFEST)
    shutil.rmtree(fresh)


def _require_empty(site: Path) -> None:
    """Refuse a folder with visible files; a new volume has `lost+found`, a new branch `.git`."""
    others = sorted(file.name for file in site.iterdir() if not file.name.startswith(".") and file.name != "lost+found")
    if others:
        raise BuildError(f"{site} holds files that greenreport did not write ({_named(others)}); choose an empty folder")


def _require_free(site: Path, files: Mapping[str, str]) -> None:
    """Refuse to write over a file of the user; one with the very content of the new file is none."""
    old = listed_files(site)
    taken = []
    for path, digest in files.items():
        if (obstacle := _obstacle(site, path)) is not None:
            taken.append(obstacle)
        elif path not in old and path != MARK and (site / path).is_file() and digest_of(site / path) != digest:
            taken.append(path)
    if taken:
        raise BuildError(
            f"{site} holds files that greenreport did not write where the site has its own: {_named(sorted(set(taken)))}; "
            "move them elsewhere"
        )


def _obstacle(site: Path, path: str) -> str | None:
    """Return what keeps a file from its place: a folder of its name, or a file or link where it needs a folder."""
    target = site / path
    if target.is_dir() and not target.is_symlink():
        return path
    for parent in PurePosixPath(path).parents[:-1]:
        folder = site / parent
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            return str(parent)
    return None


def _named(names: list[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


@contextmanager
def _alone_in(site: Path) -> Iterator[None]:
    """Keep other commands of greenreport out of a folder; the lock ends with the process."""
    descriptor = open_folder(site)
    try:
        if descriptor is not None and not try_lock(descriptor):
            raise BuildError(f"another greenreport command is writing {site}; wait for it to end")
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _sweep_beside(site: Path) -> None:
    """Remove what killed builds of earlier versions left beside a site; one of them may be all there is of the site."""
    for left in site.parent.glob(f".{glob.escape(site.name)}.*"):
        match = re.fullmatch(r"\.(\d+)\.(new|old)", left.name.removeprefix(f".{site.name}"))
        if match is None or process_exists(int(match[1])):
            continue
        with suppress(OSError):  # it is in nobody's way
            if match[2] == "old" and not os.path.lexists(site):
                left.rename(site)
            elif left.is_symlink():
                left.unlink()
            else:
                shutil.rmtree(left)
