"""What a build wrote, and whether the next one would write the same: then it has nothing to read, and imports no library.

After a build that left no study out, the cache holds a digest of the state of everything the build looked at and wrote: path, size, time of
change and inode of each file, as Git keeps them of a working tree. Where the state is the same, so is the site.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path

import greenreport
from greenreport.catalog import GROUPS, added
from greenreport.report.site_writer import MANIFEST, UNFINISHED, listed_files
from greenreport.report.templates import template_folders
from greenreport.workspace import STORE_FILE

SETTINGS = "site.yaml"
#: Libraries whose versions show in pages.
LIBRARIES = (
    "altair", "duckdb", "jinja2", "markupsafe", "numpy", "pandas", "pydantic", "pyoxipng", "scikit-posthocs", "scipy", "statsmodels", "vl-convert-python",
)  # fmt: skip
SOURCES = frozenset({".py", ".html", ".css", ".js", ".svg", ".json", ".txt"})


@dataclass(frozen=True, slots=True)
class StudyFailure:
    """A study that could not be analysed or drawn and is missing from the site.

    Attributes:
        study: its name.
        reason: what happened, in one line.
        traceback: file with the traceback; None where `reason` says what to do.
    """

    study: str
    reason: str
    traceback: Path | None

    def __str__(self) -> str:
        return f"{self.study}: {self.reason}" + (f" (traceback in {self.traceback})" if self.traceback else "")


@dataclass(frozen=True, slots=True)
class BuiltSite:
    """What a build wrote.

    Attributes:
        pages: number of pages of studies.
        studies: number of studies on the site, of which the pages of `unchanged` were kept from the last build.
        feed_remark: why the feed is missing or incomplete; empty where it is neither.
        failures: studies that are not on the site.
    """

    pages: int
    studies: int
    unchanged: int
    feed_remark: str
    failures: tuple[StudyFailure, ...] = ()


@dataclass(frozen=True)
class BuildInput:
    """What a site is asked to be built from.

    Attributes:
        studies: folder of study files; `cache`: with the store; `site`: to write.
        weights, base_url: as given on the command line.
    """

    studies: Path
    cache: Path
    site: Path
    weights: str | None
    base_url: str | None

    def state(self) -> str:
        """Return the digest of the state of everything that is read, but for what the studies name elsewhere."""
        store = self.cache / STORE_FILE
        files = (self.studies, self.studies.resolve().parent / SETTINGS, store, *sorted(self.cache.glob(f"{store.stem}.*")))
        return f"{self.program} {self.weights} {self.base_url} {state_of(files)}"

    @cached_property
    def program(self) -> str:
        """Digest of everything that makes pages."""
        return program_digest(template_folders(self.studies))

    @property
    def file(self) -> Path:
        """Where the state is kept."""
        name = hashlib.sha256(str(self.site.resolve()).encode()).hexdigest()[:16]
        return self.cache / "pages" / f"{name}.state.json"


def recall(wanted: BuildInput) -> BuiltSite | None:
    """Return what the last build wrote, if another would write the same; None if that is not certain."""
    try:
        pages, studies, remark, state, named, there, written = json.loads(wanted.file.read_bytes())
        same = state == wanted.state() and there == state_of(map(Path, named)) and written == _state_of_site(wanted.site)
    except (OSError, ValueError):
        return None
    return BuiltSite(pages, studies, studies, remark) if same else None


def remember(wanted: BuildInput, built: BuiltSite, state: str, named: Sequence[Path], there: str) -> None:
    """Keep what a build read and wrote, for `recall`; nothing where a study is missing from the site.

    Args:
        state: of the input before it was read, so that a change meanwhile is not missed.
        named: files and folders that the studies name, wherever they lie; `there` is the state of these.
    """
    if built.failures:
        wanted.file.unlink(missing_ok=True)
        return
    names = [str(path) for path in named]
    content = [built.pages, built.studies, built.feed_remark, state, names, there, _state_of_site(wanted.site)]
    part = wanted.file.with_suffix(".part")
    part.write_text(json.dumps(content), encoding="utf-8")
    part.replace(wanted.file)


def program_digest(folders: Sequence[Path]) -> str:
    """Return the digest of the program, of its templates and of the user's, of the libraries that make pages, and of the packages that add to greenreport."""
    digest = hashlib.sha256(f"{sys.version}\n".encode())
    adding = {entry.dist.name for group in GROUPS for entry in added(group) if entry.dist is not None}
    for name in (*LIBRARIES, *sorted(adding)):
        digest.update(f"{name} {metadata.version(name)}\n".encode())
    for folder in (Path(greenreport.__file__).parent, *folders):
        for file in sorted(folder.rglob("*")):
            if file.is_file() and (file.suffix in SOURCES or folder in folders):
                digest.update(f"{file.relative_to(folder)}\n".encode())
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def state_of(paths: Iterable[Path]) -> str:
    """Return the digest of the state of files, and of folders with everything in them."""
    states = (state for path in paths for state in _states(path))
    return hashlib.sha256("".join(states).encode(errors="surrogateescape")).hexdigest()


def _state_of_site(site: Path) -> str:
    return state_of(site / path for path in (MANIFEST, UNFINISHED, *listed_files(site)))


def _states(path: Path) -> Iterator[str]:
    try:
        facts = path.stat()
    except FileNotFoundError:
        yield f"{path} absent\n"
        return
    yield f"{path} {facts.st_mode} {facts.st_ino} {facts.st_size} {facts.st_mtime_ns} {facts.st_ctime_ns}\n"
    if stat.S_ISDIR(facts.st_mode):
        for inner in sorted(path.iterdir()):
            if inner.is_symlink() and inner.is_dir():
                yield f"{secrets.token_hex()}\n"  # it may lead round in a circle, so it is never the same
            else:
                yield from _states(inner)
