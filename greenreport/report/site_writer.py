"""Write a site into a new folder, which replaces the old one when everything is written.

Files of the last build are kept only on request and if they are unchanged; a failed build leaves the old site as it was.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from greenreport.errors import BuildError
from greenreport.workspace import digest_of

MARK = ".greenreport-site"  # a folder with this file may be replaced by a build
MANIFEST = "MANIFEST.sha256"
NOWHERE = "404.html"  # shown under any address, so it has none of its own and relative links do not work


@dataclass(slots=True)
class SiteFolder:
    """A site that is being written.

    Attributes:
        old: the site that will be replaced; `fresh`: the folder that is written.
        digests: SHA-256 of every file written so far, by its path in the site.
    """

    old: Path
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
            shutil.copyfile(source, self._target(path))
            self.digests[path] = digest_of(source)

    def keep(self, files: Mapping[str, str]) -> bool:
        """Keep files of the old site and return True; return False if one of them was deleted or changed.

        Args:
            files: path in the site → its SHA-256.
        """
        for path, digest in files.items():
            file = self.old / path
            if file.is_symlink() or not file.is_file() or digest_of(file) != digest:
                return False
        for path, digest in files.items():
            target = self._target(path)
            try:
                os.link(self.old / path, target)
            except OSError:  # a file system without links
                shutil.copyfile(self.old / path, target)
            self.digests[path] = digest
        return True

    def _target(self, path: str) -> Path:
        if path in self.digests:  # it may be a link to a file of the old site, which must stay as it is
            raise BuildError(f"two studies would have the same file {path}; shorten or change the name of one")
        target = self.fresh / path
        target.parent.mkdir(parents=True, exist_ok=True)
        return target


@contextmanager
def replacing(site: Path) -> Iterator[SiteFolder]:
    """Yield a new folder that replaces the site at the end; after an error it is removed and the site is unchanged.

    Raises:
        BuildError: the folder holds something other than a site.
    """
    if site.exists() and any(site.iterdir()) and not (site / MARK).is_file():
        raise BuildError(f"{site} holds files that greenreport did not write; choose an empty folder with --site")
    fresh = site.with_name(f".{site.name}.{os.getpid()}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    folder = SiteFolder(site, fresh)
    try:
        yield folder
        folder.write({MARK: b"A folder written by greenreport build; the next build replaces it.\n"})
        manifest = "".join(f"{digest}  {path}\n" for path, digest in sorted(folder.digests.items()))
        (fresh / MANIFEST).write_text(manifest, encoding="utf-8")
        _swap(fresh, site)
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(fresh)


def _swap(fresh: Path, site: Path) -> None:
    old = site.with_name(f".{site.name}.{os.getpid()}.old")
    if site.exists():
        site.rename(old)
    try:
        fresh.rename(site)
    except OSError:
        if old.exists():
            old.rename(site)
        raise
    shutil.rmtree(old, ignore_errors=True)
