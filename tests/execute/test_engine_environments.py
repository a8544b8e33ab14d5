"""Tests of environments of engines: made once, served from, compared, and broken without an end of the rest."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import site
import subprocess
import sys
import tomllib
import venv
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from greenreport.errors import PythonUnavailable
from greenreport.execute import engine_environments, interpreter_entry, interpreters
from greenreport.execute.engine_environments import Installed, known, lock, make
from greenreport.execute.interpreter_entry import SERVER_REQUIREMENTS
from greenreport.execute.processes import Launcher
from greenreport.execute.worker import Prepared, WeightsJob, prepare_main
from greenreport.record import EngineLibraries, Outcome, RecordKind
from greenreport.report.pages.environment_page import _served
from greenreport.store import Store
from greenreport.study import Model, Study, Weights
from tests.commands import greenreport
from tests.conftest import ROOT, minimal_study
from tests.datasets import dataset
from tests.records import ENVIRONMENT
from tests.sharing import made_once

ONCE = minimal_study()["protocol"] | {"repetitions": 1, "worker": "fresh"}
#: Installers find nothing: no test asks a registry for a package that is not there.
NO_INDEX = {"PIP_NO_INDEX": "1", "UV_NO_INDEX": "1"}


def python_of(folder: Path, *, libraries: bool = True) -> Path:
    """Make an environment that has the libraries of the tests, or none; return its Python."""
    venv.create(folder, symlinks=True)
    if libraries:
        (target,) = folder.glob("lib/python*/site-packages")
        (target / "tests.pth").write_text("\n".join(site.getsitepackages()), encoding="utf-8")
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a second environment with the libraries of the tests."""
    folder = made_once(tmp_path_factory, "second-environment", lambda made: python_of(made / "venv"))
    return folder / "venv" / "bin" / "python"


def study(**changes: Any) -> Study:
    """Return a study with other sections."""
    return Study.model_validate(minimal_study(**changes))


def write(folder: Path, **changes: Any) -> None:
    """Write the study of a folder."""
    (folder / "tiny.yaml").write_text(yaml.safe_dump(minimal_study(protocol=ONCE, **changes)), encoding="utf-8")


def test_an_environment_is_added_to_a_finished_study(tmp_path: Path, other: Path) -> None:
    """Only its cells are measured, in its Python; one that cannot be made is the reason of its own cells, and the rest goes on."""
    write(tmp_path, configurations=[{"engine": "fake"}])
    assert greenreport(tmp_path, "run", "tiny.yaml", "-q").returncode == 0
    store = Store(tmp_path / "cache" / "greenreport.duckdb")
    finished = store.ids()
    environments = {"second": {"python": str(other)}, "broken": {"requirements": ["greenreport-no-such-package==0"]}}
    added = [{"engine": "fake", "environment": name} for name in environments]
    write(tmp_path, environments=environments, configurations=[{"engine": "fake"}, *added])
    planned = greenreport(tmp_path, "plan", "tiny.yaml")
    assert f"environment second: {other}" in planned.stdout
    assert "environment broken: greenreport-no-such-package==0" in planned.stdout
    assert "3 runs, 2 pending" in planned.stdout
    assert not (tmp_path / "cache" / "environments").exists()
    ended = greenreport(tmp_path, "run", "tiny.yaml", env={**os.environ, **NO_INDEX})
    assert ended.stdout.index(f"environment second: {other}") < ended.stdout.index("preparing environment broken")
    records = {record.key: record for record in store.of_kind(RecordKind.RUN, "tiny") if record.run_id not in finished}
    assert set(records) == {"one/fake-cpu-second", "one/fake-cpu-broken"}
    served, broken = records["one/fake-cpu-second"], records["one/fake-cpu-broken"]
    assert served.outcome is Outcome.OK
    (installed,) = served.environment.served
    assert installed.name == "second"
    assert dict(installed.packages)["uvicorn"]
    assert broken.outcome is Outcome.NOT_RUN
    assert str(broken.reason).startswith("environment broken cannot be made: ")
    assert "greenreport-no-such-package" in str(broken.reason)
    again = greenreport(tmp_path, "plan", "tiny.yaml", "--only", "environment=second")
    assert "1 runs, 0 pending" in again.stdout
    assert "3 runs, 1 pending" in greenreport(tmp_path, "plan", "tiny.yaml").stdout


def test_a_process_runs_in_the_python_it_is_given(tmp_path: Path, other: Path) -> None:
    """It does what one of greenreport's own does, paths are sent both ways, and its pipe and its end are seen."""
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_text("{}")
    job = WeightsJob(Model(id="one", path=str(tmp_path)), Weights.PATH, tmp_path / "target", tmp_path)
    child = Launcher(fork_servers=False, engines=False).start_engine("preparing", other, prepare_main, job, tmp_path / "log")
    with contextlib.suppress(OSError):  # it may have ended
        assert Path(f"/proc/{child.pid}/cmdline").read_text().split("\0")[0] == str(other)
    assert child.receive(Prepared, 60).path == tmp_path
    child.stop()
    assert child.process.exitcode == 0


def test_both_sides_have_to_speak_of_the_same(tmp_path: Path, other: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of greenreport that were changed under a running command are refused with what to do."""
    monkeypatch.setattr(interpreters, "PROTOCOL", 0)
    log = tmp_path / "log"
    with pytest.raises(PythonUnavailable, match=r"were changed while it ran \(protocols 0 and 1\); start the command again"):
        interpreters.started(other, log, prepare_main)
    ours, theirs = multiprocessing.Pipe()
    with ours, pytest.raises(SystemExit, match=r"greenreport was changed while it ran \(protocols 0 and 1\)"):
        interpreter_entry.main(os.dup(theirs.fileno()), 0)
    theirs.close()


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (
            'echo \'{"python": "3.9.1", "packages": {}, "missing": []}\'',
            "has Python 3.9.1; greenreport's server needs 3.11 or newer",
        ),
        ("echo hello", "does not say what is installed there; is it a Python?"),
        (None, "names no program; write the path of a Python"),
    ],
)
def test_a_python_that_cannot_serve_is_named_with_a_remedy(tmp_path: Path, script: str | None, said: str) -> None:
    """One that is too old, no Python at all, or absent."""
    python = tmp_path / "python"
    if script is not None:
        python.write_text(f"#!/bin/sh\n{script}\n")
        python.chmod(0o755)
    declared = study(environments={"mine": {"python": "./python"}})
    made = make(declared, ["mine"], tmp_path, tmp_path / "cache", print)["mine"]
    assert isinstance(made, PythonUnavailable)
    assert str(made).endswith(said)


def test_an_environment_without_what_the_server_needs_says_how_to_install_it(tmp_path: Path) -> None:
    """The remedy is the command for its own Python."""
    python = python_of(tmp_path / "bare", libraries=False)
    declared = study(environments={"bare": {"python": str(python)}})
    made = make(declared, ["bare"], tmp_path, tmp_path / "cache", print)["bare"]
    assert "has no psutil, pydantic, yaml, starlette, uvicorn, which greenreport's server needs" in str(made)
    assert f"{python} -m pip install 'psutil" in str(made)


def test_an_environment_is_made_once_and_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is kept, made again where a command was killed before it was whole, and its versions can be written down."""
    with zipfile.ZipFile(tmp_path / "tiny_library-1.5-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny_library.py", "")
        wheel.writestr("tiny_library-1.5.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-library\nVersion: 1.5\n")
        wheel.writestr("tiny_library-1.5.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("tiny_library-1.5.dist-info/RECORD", "")
    for name, value in (*NO_INDEX.items(), ("PIP_FIND_LINKS", str(tmp_path)), ("UV_FIND_LINKS", str(tmp_path))):
        monkeypatch.setenv(name, value)
    for name in ("SERVER_REQUIREMENTS", "SERVER_MODULES"):  # no registry is asked for them
        monkeypatch.setattr(engine_environments, name, ())
    declared, cache = study(environments={"tiny": {"requirements": ["tiny-library==1.*"]}}), tmp_path / "cache"
    begun: list[str] = []

    def made() -> Installed:
        item = make(declared, ["tiny"], tmp_path, cache, begun.append)["tiny"]
        assert isinstance(item, Installed), item
        return item

    first = made()
    assert first == made() == known(declared, tmp_path, cache)["tiny"]
    assert begun == ["environment tiny"]
    assert dict(first.libraries.packages)["tiny-library"] == "1.5"
    assert "torch" in first.missing
    (home,) = (cache / "environments").iterdir()
    (home / "environment.json").unlink()
    (home / "half").touch()
    assert known(declared, tmp_path, cache) == {}
    assert made() == first
    assert not (home / "half").exists()
    locked = yaml.safe_load(lock({"tiny": first}))["environments"]
    assert study(environments=locked).environments["tiny"].requirements == tuple(
        f"{name}=={version}" for name, version in first.libraries.packages
    )
    moved = cache.rename(tmp_path / "elsewhere")
    assert known(declared, tmp_path, moved) == {}  # programs of an environment hold the path they were made at
    again = make(declared, ["tiny"], tmp_path, moved, begun.append)["tiny"]
    assert isinstance(again, Installed)
    assert again.python.is_relative_to(moved)
    assert again.libraries == first.libraries


def test_the_server_needs_few_libraries() -> None:
    """What every environment gets has the bounds of the package, and the process of a server imports nothing else."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(SERVER_REQUIREMENTS) <= {*project["dependencies"], *project["optional-dependencies"]["run"]}
    code = "import sys, greenreport.execute.worker, greenreport.execute.model_server; print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout.split()
    heavy = {"duckdb", "altair", "jinja2", "typer", "rich", "numpy", "scipy", "torch", "httpx", "pynvml"}
    assert not heavy & set(shown)


def test_remarks_on_environments_name_the_line(tmp_path: Path) -> None:
    """A name that is not declared, one that nobody uses, an engine with a server of its own, options of an installer."""
    write(
        tmp_path,
        environments={"used": {"python": "python3"}, "idle": {"python": "python3"}},
        configurations=[
            {"engine": "fake", "environment": "usd"},
            {"engine": "fake", "environment": "used"},
            {"engine": "endpoint", "environment": "used", "server": {"url": "http://127.0.0.1:1"}},
        ],
    )
    said = greenreport(tmp_path, "validate", "tiny.yaml").stderr
    assert "unknown environment 'usd'" in said
    assert "warning: no configuration names this environment" in said
    assert "`environment` has no effect here: it is where greenreport's own server runs" in said
    with pytest.raises(ValueError, match="String should match pattern"):
        study(environments={"x": {"requirements": ["--index-url=http://elsewhere.example"]}})
    with pytest.raises(ValueError, match="give `requirements:`"):
        study(environments={"x": {}})


def test_a_study_without_environments_keeps_its_fingerprints() -> None:
    """Declaring them changes no cell that names none, and what a stored configuration holds is read as before."""
    from greenreport.plan import make_plan

    before, after = (make_plan(study(**changes), "x") for changes in ({}, {"environments": {"a": {"python": "python3"}}}))
    assert [cell.fingerprint for cell in before.cells] == [cell.fingerprint for cell in after.cells]
    assert "environment" not in json.dumps([cell.content["configuration"] for cell in after.cells])


def test_the_page_of_the_environment_names_the_versions_that_count() -> None:
    """Of an environment that configurations name, its Python and what their engines compute with."""
    packages = (("onnxruntime", "1.20.1"), ("rich", "14.0"), ("torch", "2.13.0"))
    served = (EngineLibraries("old", "3.11.7", packages), EngineLibraries("of another study", "3.12.0", ()))
    data = dataset({"one": {"onnx": [1.0, 2.0]}})
    (cell,) = data.cells
    chosen = cell.configuration.model_copy(update={"environment": "old"})
    data = replace(
        data,
        study=data.study.model_copy(update={"configurations": (chosen,)}),
        cells=(replace(cell, configuration=chosen),),
        environment=replace(ENVIRONMENT, served=served),
    )
    assert list(_served(data, data.environment)) == [
        ("old", "Python 3.11.7, onnxruntime 1.20.1, torch 2.13.0; 3 packages in all")
    ]
