"""All data of a study in one archive; the same files give the same bytes, whatever the clock and the order of folders.

Nothing is compressed: Parquet files are already, and the bytes then do not depend on the version of a library.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

from greenreport.report.site_writer import MANIFEST
from greenreport.workspace import digest_of

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest an archive can say; the days of runs stand in the data
READABLE = 0o100644 << 16


def bundle(name: str, files: Mapping[str, bytes | Path], cache: Path) -> Path:
    """Return the archive of some files, made in the cache, with a folder `name` and the digests of all in a manifest.

    Args:
        files: name → content, or where it lies.
    """
    digests = {file: _digest(files[file]) for file in sorted(files)}
    manifest = "".join(f"{digest}  {file}\n" for file, digest in digests.items()).encode()
    key = hashlib.sha256(f"{name}\n".encode() + manifest).hexdigest()[:24]
    made = cache / "bundles" / f"{key}.zip"
    made.parent.mkdir(parents=True, exist_ok=True)
    part = made.with_name(f".{made.name}.{os.getpid()}.part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        for file, content in {MANIFEST: manifest, **{file: files[file] for file in digests}}.items():
            _add(archive, f"{name}/{file}", content)
    part.replace(made)
    return made


def _add(archive: zipfile.ZipFile, name: str, content: bytes | Path) -> None:
    info = zipfile.ZipInfo(name, EPOCH)
    info.create_system, info.external_attr = 3, READABLE  # as on Unix, wherever it is built
    if isinstance(content, bytes):
        archive.writestr(info, content)
        return
    info.file_size = content.stat().st_size
    with content.open("rb") as source, archive.open(info, "w") as target:
        shutil.copyfileobj(source, target)


def _digest(content: bytes | Path) -> str:
    return hashlib.sha256(content).hexdigest() if isinstance(content, bytes) else digest_of(content)
