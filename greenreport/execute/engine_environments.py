"""The environments of a study: made once from their requirements, kept by the digest of their declaration, and asked what is in them.

::

    declaration ─digest→ cache/environments/<name>-<digest>/ ─uv, or venv and pip→ bin/python ─asked→ environment.json

The file that says what is installed is written last: a folder without it is half made, by a command that was killed, and made again.
Nothing here is done while a run is measured.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from greenreport.catalog import ENGINES
from greenreport.errors import PythonUnavailable
from greenreport.execute.interpreter_entry import OLDEST_PYTHON, SERVER_MODULES, SERVER_REQUIREMENTS
from greenreport.execute.interpreters import last_line, own_python, probed
from greenreport.pooling import key_of
from greenreport.record import EngineLibraries, Environment
from greenreport.study import Study
from greenreport.study.engine_environments import EngineEnvironment

KEPT = "environment.json"
REQUIREMENTS = "requirements.txt"


@dataclass(frozen=True, slots=True)
class Installed:
    """An environment that can be used.

    Attributes:
        missing: modules that engines of the catalog need and that are not there.
        exports: whether models are converted with its libraries.
    """

    python: Path
    libraries: EngineLibraries
    missing: frozenset[str]
    exports: bool = False


Environments = Mapping[str, Installed | PythonUnavailable]


def known(study: Study, folder: Path, cache: Path) -> dict[str, Installed]:
    """Return the environments of a study that are there, as they were last seen; no program is started.

    Args:
        folder: of the study file; relative paths start there.
    """
    found = {name: _kept(name, declared, folder, cache) for name, declared in study.environments.items()}
    return {name: installed for name, installed in found.items() if installed is not None}


def make(
    study: Study, names: Iterable[str], folder: Path, cache: Path, begins: Callable[[str], None]
) -> dict[str, Installed | PythonUnavailable]:
    """Make the environments that are not there yet, and look at those that exist; return each, or why it cannot be used.

    Args:
        begins: called with what takes long, before it begins.
    """
    return {name: _made(name, study.environments[name], folder, cache, begins) for name in names}


def with_environments(host: Environment, environments: Environments) -> Environment:
    """Return the environment of a machine together with what is installed in the environments of a study."""
    served = [item.libraries for _, item in sorted(environments.items()) if isinstance(item, Installed)]
    host = replace(host, served=tuple(served))
    return replace(host, key=key_of(host))


def lock(environments: Mapping[str, Installed]) -> str:
    """Return declarations that install exactly what is installed now, to be put into a study file."""
    lines = ["environments:"]
    for name, installed in sorted(environments.items()):
        lines += [f"  {name}:  # Python {installed.libraries.python}", "    requirements:"]
        lines += [f'      - "{package}=={version}"' for package, version in installed.libraries.packages]
    return "\n".join(lines) + "\n"


def _made(
    name: str, declared: EngineEnvironment, folder: Path, cache: Path, begins: Callable[[str], None]
) -> Installed | PythonUnavailable:
    kept = _kept(name, declared, folder, cache)
    if kept is not None and declared.is_made:
        return kept
    home = _home(name, declared, folder, cache)
    try:
        python = _program(declared, folder)
        if declared.is_made:
            begins(f"environment {name}")
            python = _install(name, declared, python, home, cache)
        return _looked_at(name, declared, python, home)
    except PythonUnavailable as error:
        if declared.is_made:
            shutil.rmtree(home, ignore_errors=True)
        return error
    except OSError as error:
        return PythonUnavailable(f"environment {name} cannot be made: {error.strerror}")


def _looked_at(name: str, declared: EngineEnvironment, python: Path, home: Path) -> Installed:
    """Ask a Python what is installed there, and keep its answer.

    Raises:
        PythonUnavailable: it cannot run greenreport's server.
    """
    modules = sorted({*SERVER_MODULES, *(module for engine in ENGINES.values() for module in engine.requires)})
    said = probed(python, modules)
    version = str(said["python"])
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_PYTHON:
        oldest = ".".join(map(str, OLDEST_PYTHON))
        raise PythonUnavailable(f"environment {name} has Python {version}", f"greenreport's server needs {oldest} or newer")
    if lacking := [module for module in SERVER_MODULES if module in said["missing"]]:
        remedy = f"{python} -m pip install {' '.join(repr(item) for item in SERVER_REQUIREMENTS)}"
        raise PythonUnavailable(f"environment {name} has no {', '.join(lacking)}, which greenreport's server needs", remedy)
    home.mkdir(parents=True, exist_ok=True)
    part = home / f"{KEPT}.{os.getpid()}.part"
    part.write_text(json.dumps({**said, "program": str(python)}, indent=1), encoding="utf-8")
    part.replace(home / KEPT)
    return _installed(name, declared, said, python)


def _kept(name: str, declared: EngineEnvironment, folder: Path, cache: Path) -> Installed | None:
    """Return an environment as it was last seen; None where it is not there, or was moved: its programs hold the path they were made at."""
    try:
        said = json.loads((_home(name, declared, folder, cache) / KEPT).read_text(encoding="utf-8"))
        python = Path(said["program"])
    except (OSError, ValueError, KeyError):
        return None
    return _installed(name, declared, said, python) if python.is_file() or not declared.is_made else None


def _is_installed(distribution: str) -> bool:
    """Return whether this Python has a distribution; looking for its module would set off what setuptools does to those that import pip."""
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def _installed(name: str, declared: EngineEnvironment, said: Mapping[str, Any], python: Path) -> Installed:
    libraries = EngineLibraries(name, str(said["python"]), tuple(sorted(dict(said["packages"]).items())))
    return Installed(python, libraries, frozenset(said["missing"]), declared.exports)


def _home(name: str, declared: EngineEnvironment, folder: Path, cache: Path) -> Path:
    """Return the folder of an environment: another declaration, or another Python, has another."""
    content = declared.model_dump(mode="json", exclude={"exports"})
    content["server"] = SERVER_REQUIREMENTS if declared.is_made else ()
    content["python"] = platform.python_version() if declared.python is None else _named(declared.python, folder)
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return (cache / "environments" / f"{name}-{digest[:12]}").absolute()


def _program(declared: EngineEnvironment, folder: Path) -> Path:
    """Return the Python that a declaration names, or greenreport's own.

    Raises:
        PythonUnavailable: there is none.
    """
    if declared.python is None:
        return own_python()
    if (found := shutil.which(_named(declared.python, folder))) is None:
        raise PythonUnavailable(f"`python: {declared.python}` names no program", "write the path of a Python")
    return Path(found)


def _named(python: str, folder: Path) -> str:
    return str((folder / python).absolute()) if os.sep in python else python


def _install(name: str, declared: EngineEnvironment, base: Path, home: Path, cache: Path) -> Path:
    """Make an environment from its requirements with `uv` or `pip`; return its Python.

    Raises:
        PythonUnavailable: with the last line of what the installer said.
    """
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    log = cache / "logs" / f"environment-{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    listed = home / REQUIREMENTS
    listed.write_text("\n".join((*declared.requirements, *SERVER_REQUIREMENTS)) + "\n", encoding="utf-8")
    python, uv = home / "bin" / "python", shutil.which("uv")
    further = [part for index in declared.indexes for part in ("--extra-index-url", index)]
    if uv is not None:
        commands = [
            [uv, "venv", "--no-project", "--allow-existing", "--python", str(base), str(home)],
            [uv, "pip", "install", "--python", str(python), *further, "-r", str(listed)],
        ]
    else:
        has_pip = _is_installed("pip")
        pip = [sys.executable, "-m", "pip", "--python", str(python)] if has_pip else [str(python), "-m", "pip"]
        quiet = ["--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
        commands = [
            [str(base), "-m", "venv", *(["--without-pip"] if has_pip else []), str(home)],
            [*pip, "install", *quiet, *further, "-r", str(listed)],
        ]
    for command in commands:
        with log.open("ab") as output:
            ended = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False)
        if ended.returncode:
            said = last_line(log.read_text(encoding="utf-8", errors="replace"))
            raise PythonUnavailable(f"environment {name} cannot be made: {said}")
    log.unlink()
    return python
