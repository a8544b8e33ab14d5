"""Preparation of cells before anything is measured: can they run here, are the weights there, is the model converted?

Downloads and conversions happen once, in processes of their own, and are kept by digest. What cannot be obtained becomes the reason of
the cells that need it; the other cells go on.
"""

from __future__ import annotations

import importlib.util
import shutil
import time
from dataclasses import replace
from pathlib import Path

from greenreport.catalog import ENGINES, PROVIDER_INFO, EngineInfo, Served
from greenreport.engines.base import COMPLETE_INSTEAD, EngineJob
from greenreport.engines.cuda import CudaProblem, attempt
from greenreport.engines.devices import LIBRARIES, obstacles
from greenreport.errors import (
    EngineMissing,
    EngineUnavailable,
    ModelUnavailable,
    PythonUnavailable,
    RunError,
    Unavailable,
)
from greenreport.execute.assignment import Assignment
from greenreport.execute.command_server import not_installed
from greenreport.execute.engine_environments import Installed
from greenreport.execute.host import physical_cores
from greenreport.execute.process_entry import Failure
from greenreport.execute.processes import Launcher
from greenreport.execute.run_records import preparation_record
from greenreport.execute.worker import ConvertJob, Prepared, prepare_main
from greenreport.models.weights import WeightsJob, gguf_file
from greenreport.plan import Cell, digest
from greenreport.pooling import EnginePlace, libraries_of
from greenreport.record import Environment, RunRecord
from greenreport.study import Configuration
from greenreport.study.check_models import NO_TEMPLATE, has_chat_template

#: What the version of torch holds where it was built for a kind of GPU.
TORCH_BUILDS = {"rocm": "+rocm", "xpu": "+xpu"}
PREPARE_TIMEOUT_S = 4 * 3600.0
#: What weights are written with, whichever engine reads them.
_WRITERS = ("torch", "transformers", "tokenizers")


def capability(
    engine: EngineInfo, provider: str, environment: Environment, served: Installed | None = None
) -> EngineUnavailable | None:
    """Return why this machine cannot run an engine on a provider, or None; no heavy library is imported into this process.

    Args:
        served: the environment of the study that serves it; None: greenreport's own.
    """
    for module in engine.requires:
        if served is not None and module in served.missing:
            where = f"environment {served.libraries.name}, which does not have it"
            return EngineMissing(f"{engine.label} needs {module} in {where}", "add what installs it to its `requirements:`")
        if served is None and not _importable(module):
            return EngineMissing(f"{engine.label} needs {module}", f"pip install 'greenreport[{engine.extra}]'")
    if provider == "cuda" and engine.served is not Served.RUNNING:
        if not environment.gpus:
            return EngineUnavailable("no NVIDIA GPU is visible on this machine", "nvidia-smi lists what the driver sees")
        version = dict(environment.libraries if served is None else served.libraries.packages).get("torch", "")
        if version.endswith("+cpu") and engine.served is Served.OWN:
            remedy = f"install the CUDA build of torch {version.split('+')[0]}"
            return EngineMissing(f"torch {version} is a CPU build", remedy)
        problem = cuda_problem(engine) if served is None else None
        if problem is not None and problem.lasting:
            return problem.unavailable()
    return _obstacle(engine, provider, environment) if served is None and engine.served is Served.OWN else None


def _obstacle(engine: EngineInfo, provider: str, environment: Environment) -> EngineUnavailable | None:
    """Return why the library of an engine does not offer a provider besides CPU and CUDA; torch is asked only where its build could."""
    version = dict(environment.libraries).get("torch", "")
    for library, (_, providers) in LIBRARIES.items():
        if provider in providers and library in engine.distributions:
            build = TORCH_BUILDS.get(provider)
            if build is not None and build not in version:
                return EngineMissing(
                    f"torch {version} is no {PROVIDER_INFO[provider].label} build", "install that build of torch"
                )
            found = obstacles(library).get(provider)
            return None if found is None else EngineUnavailable(*found)
    return None


def cuda_problem(engine: EngineInfo) -> CudaProblem | None:
    """Try an engine's libraries on the GPU; return why they do not compute on it, or None. Other servers are not tried."""
    if engine.served is not Served.OWN:
        return None
    return next((problem for problem in attempt() if problem.library in engine.requires), None)


def loads_weights(cell: Cell, environment: Environment) -> bool:
    """Return whether a cell loads weights with torch here; any other cell needs no import of it."""
    info = ENGINES[cell.configuration.engine]
    own = info.weights and not info.gguf and cell.configuration.environment is None
    return own and capability(info, cell.configuration.provider, environment) is None


def _importable(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def threads_of(configuration: Configuration) -> int:
    """Return the threads of each server: those of the study, else the physical cores shared among the replicas."""
    return configuration.threads or max(1, physical_cores() // configuration.replicas)


class Preparer:
    """Prepares the cells of a study; weights and conversions that cells share are made once."""

    def __init__(self, assignment: Assignment, launcher: Launcher) -> None:
        self.assignment = assignment
        self.launcher = launcher
        #: What was obtained for each target, or why it was not: that is not tried again.
        self.results: dict[Path, Path | Failure] = {}

    def prepare(self, cell: Cell) -> tuple[EngineJob | Failure, tuple[RunRecord, ...]]:
        """Return the job that loads a cell, or why it cannot run; and records of the downloads and conversions done for it now."""
        done: list[RunRecord] = []
        try:
            return self._job_of(cell, done), tuple(done)
        except Failure as failure:
            return failure, tuple(done)

    def _job_of(self, cell: Cell, done: list[RunRecord]) -> EngineJob:
        configuration, folder, environment = cell.configuration, self.assignment.folder, self.assignment.environment
        info = ENGINES[configuration.engine]
        served = self._served(configuration)
        unavailable = capability(info, configuration.provider, environment, served)
        if unavailable is None and info.served is Served.STARTED:
            unavailable = not_installed(configuration, folder)
        if unavailable is not None:
            raise Failure(unavailable)
        job = EngineJob(configuration, threads_of(configuration), python=None if served is None else served.python)
        if not info.weights:
            return job
        home = self.assignment.cache / "models" / f"{cell.model.id}-{cell.weights[:12]}"
        weights = WeightsJob(cell.model, self.assignment.study.weights_of(cell.model), home / "weights", folder)
        if info.gguf:
            try:
                job = replace(job, weights=gguf_file(weights))
            except Unavailable as error:
                raise Failure(error) from None
        else:
            elsewhere = served is not None and not all(map(_importable, _WRITERS))
            job = replace(job, weights=self._made(weights, cell, cell.weights, done, job.python if elsewhere else None))
        if self.assignment.study.workload.api == "chat" and job.weights and not has_chat_template(job.weights):
            raise Failure(ModelUnavailable(f"model {cell.model.id} {NO_TEMPLATE}", COMPLETE_INSTEAD))
        if info.artefact is None:
            return job
        # One conversion for all environments, so that they serve the same file; only where greenreport's own Python has no converter, or
        # the study says so, an environment converts for itself.
        own = served is not None and (served.exports or not all(map(_importable, info.requires)))
        converter = configuration.environment if own else None
        content = {
            "weights": cell.weights,
            "folder": job.weights.name if job.weights else None,  # of a hub model: the resolved commit
            "engine": info.name,
            "revision": info.revision,
            "configuration": {
                "dtype": configuration.dtype,
                "kv_cache": configuration.kv_cache,
                "provider": configuration.provider if info.artefact_per_provider else None,
            },
            "libraries": libraries_of(EnginePlace(info.name, converter), environment),
        }
        name = digest(content)
        converting = ConvertJob(job, home / f"{info.artefact}-{name[:12]}")
        return replace(job, artefact=self._made(converting, cell, name, done, job.python if own else None))

    def _served(self, configuration: Configuration) -> Installed | None:
        """Return the environment that serves a configuration; None: greenreport's own.

        Raises:
            Failure: it cannot be used.
        """
        if configuration.environment is None:
            return None
        served = self.assignment.environments.get(configuration.environment)
        if isinstance(served, Installed):
            return served
        raise Failure(served or PythonUnavailable(f"environment {configuration.environment} is not made yet"))

    def _made(self, job: WeightsJob | ConvertJob, cell: Cell, content: str, done: list[RunRecord], python: Path | None) -> Path:
        """Return the folder that a job makes, if need be now.

        Args:
            python: of the environment that makes it; None: greenreport's own.

        Raises:
            Failure: it cannot be made.
        """
        if job.target not in self.results:
            self.results[job.target] = job.target if job.target.is_dir() else self._make(job, cell, content, done, python)
        result = self.results[job.target]
        if isinstance(result, Failure):
            raise result
        return result

    def _make(
        self, job: WeightsJob | ConvertJob, cell: Cell, content: str, done: list[RunRecord], python: Path | None
    ) -> Path | Failure:
        log = self.assignment.logs / f"prepare-{cell.key.replace('/', '-')}-{time.monotonic_ns()}.log"
        job.target.parent.mkdir(parents=True, exist_ok=True)
        for stale in job.target.parent.glob(f"{job.target.name}.*.part"):
            shutil.rmtree(stale, ignore_errors=True)
        try:
            child = self.launcher.start_engine("preparing", python, prepare_main, job, log)
        except PythonUnavailable as error:
            return Failure(error)
        try:
            result = child.receive(Prepared, PREPARE_TIMEOUT_S)
        except Failure as failure:
            return failure
        except RunError as error:
            return Failure(error, child.log_tail())
        finally:
            child.stop()
            log.unlink(missing_ok=True)
        done.append(preparation_record(self.assignment, cell, result.path, content, result.mark))
        return result.path
