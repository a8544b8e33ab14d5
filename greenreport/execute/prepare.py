"""Preparation of cells before anything is measured: can they run here, are the weights there, is the model converted?

Downloads and conversions happen once, in processes of their own, and are kept by digest. What cannot be obtained becomes the reason of
the cells that need it; the other cells go on.
"""

from __future__ import annotations

import importlib.util
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from greenreport.catalog import EngineInfo, Served, known_engines
from greenreport.engines.base import EngineJob
from greenreport.engines.cuda import CudaProblem, attempt
from greenreport.errors import EngineUnavailable, GreenReportError, RunError
from greenreport.execute.command_server import not_installed
from greenreport.execute.host import physical_cores
from greenreport.execute.process_entry import Failure
from greenreport.execute.processes import Launcher
from greenreport.execute.worker import ConvertJob, Prepared, prepare_main
from greenreport.models.weights import WeightsJob
from greenreport.plan import Cell, digest
from greenreport.record import Environment, Mark
from greenreport.study import Configuration, Study, Weights

PREPARE_TIMEOUT_S = 4 * 3600.0


@dataclass(frozen=True, slots=True)
class Preparation:
    """A download or conversion done now; it gets a record of its own."""

    cell: Cell
    target: Path
    content: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Obstacle:
    """The reason why a cell cannot run, with the log of the attempt."""

    error: GreenReportError
    detail: str | None = None


def capability(engine: EngineInfo, provider: str, environment: Environment) -> EngineUnavailable | None:
    """Return why this machine cannot run an engine on a provider, or None; no heavy library is imported into this process."""
    for module in engine.requires:
        if not _importable(module):
            return EngineUnavailable(f"{engine.label} needs {module}", f"pip install 'greenreport[{engine.extra}]'")
    if provider == "cuda" and engine.served is not Served.RUNNING:
        if not environment.gpus:
            return EngineUnavailable("no NVIDIA GPU is visible on this machine", "nvidia-smi lists what the driver sees")
        version = dict(environment.libraries).get("torch", "")
        if version.endswith("+cpu") and engine.served is Served.OWN:
            remedy = f"install the CUDA build of torch {version.split('+')[0]}"
            return EngineUnavailable(f"torch {version} is a CPU build", remedy)
        problem = cuda_problem(engine)
        if problem is not None and problem.lasting:
            return problem.unavailable()
    return None


def cuda_problem(engine: EngineInfo) -> CudaProblem | None:
    """Try an engine's libraries on the GPU; return why they do not compute on it, or None. Other servers are not tried."""
    if engine.served is not Served.OWN:
        return None
    return next((problem for problem in attempt() if problem.library in engine.requires), None)


def loads_weights(cell: Cell, environment: Environment) -> bool:
    """Return whether a cell loads weights here; a cell that cannot run at all needs no import of torch."""
    info = known_engines()[cell.configuration.engine]
    return info.weights and capability(info, cell.configuration.provider, environment) is None


def _importable(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def threads_of(configuration: Configuration) -> int:
    """Return the threads of each server: those of the study, else the physical cores shared among the replicas."""
    return configuration.threads or max(1, physical_cores() // configuration.replicas)


class Preparer:
    """Prepares the cells of a study; weights and conversions that cells share are made once.

    Args:
        models: folder in which weights and converted models are kept.
    """

    def __init__(
        self, study: Study, folder: Path, models: Path, launcher: Launcher, environment: Environment, logs: Path
    ) -> None:
        self.study = study
        self.folder = folder
        self.models = models
        self.launcher = launcher
        self.environment = environment
        self.logs = logs
        self.weights: dict[str, Path | Obstacle] = {}
        self.artefacts: dict[str, Path | Obstacle] = {}

    def prepare(self, cell: Cell) -> tuple[EngineJob | Obstacle, tuple[Preparation, ...]]:
        """Return the job that loads a cell, or its obstacle; and the downloads and conversions done for it now."""
        configuration = cell.configuration
        info = known_engines()[configuration.engine]
        unavailable = capability(info, configuration.provider, self.environment)
        if unavailable is not None:
            return Obstacle(unavailable), ()
        if info.served is Served.STARTED and (missing := not_installed(configuration, self.folder)) is not None:
            return Obstacle(missing), ()
        threads = threads_of(configuration)
        if not info.weights:
            return EngineJob(configuration, threads), ()
        done: list[Preparation] = []
        weights = self._weights_of(cell, done)
        if isinstance(weights, Obstacle):
            return weights, tuple(done)
        if info.artefact is None:
            return EngineJob(configuration, threads, weights), tuple(done)
        artefact = self._artefact_of(cell, info, EngineJob(configuration, threads, weights), done)
        if isinstance(artefact, Obstacle):
            return artefact, tuple(done)
        return EngineJob(configuration, threads, weights, artefact), tuple(done)

    def _weights_of(self, cell: Cell, done: list[Preparation]) -> Path | Obstacle:
        model, weights = cell.model, self.study.weights_of(cell.model)
        if model.id not in self.weights:
            target = self._home(cell) / "weights"
            if weights is Weights.UNTRAINED and target.is_dir():
                self.weights[model.id] = target
            else:
                self.weights[model.id] = self._run(WeightsJob(model, weights, target, self.folder), cell, cell.weights, done)
        return self.weights[model.id]

    def _artefact_of(self, cell: Cell, info: EngineInfo, job: EngineJob, done: list[Preparation]) -> Path | Obstacle:
        content = {
            "weights": cell.weights,
            "folder": job.weights.name if job.weights else None,  # of a hub model: the resolved commit
            "engine": info.name,
            "revision": info.revision,
            "configuration": _converted(job.configuration, info),
            "libraries": self.environment.libraries,
        }
        name = digest(content)
        if name not in self.artefacts:
            target = self._home(cell) / f"{info.artefact}-{name[:12]}"
            if target.is_dir():
                self.artefacts[name] = target
            else:
                for stale in target.parent.glob(f"{target.name}.*.part"):
                    shutil.rmtree(stale, ignore_errors=True)
                self.artefacts[name] = self._run(ConvertJob(job, target), cell, name, done)
        return self.artefacts[name]

    def _home(self, cell: Cell) -> Path:
        return self.models / f"{cell.model.id}-{cell.weights[:12]}"

    def _run(self, job: WeightsJob | ConvertJob, cell: Cell, content: str, done: list[Preparation]) -> Path | Obstacle:
        log = self.logs / f"prepare-{cell.key.replace('/', '-')}-{time.monotonic_ns()}.log"
        job.target.parent.mkdir(parents=True, exist_ok=True)
        child = self.launcher.start("preparing", self.launcher.servers, prepare_main, job, log)
        child.log = log
        try:
            result = child.receive(Prepared, PREPARE_TIMEOUT_S)
        except Failure as failure:
            return Obstacle(failure.error, failure.detail)
        except RunError as error:
            return Obstacle(error, child.log_tail())
        finally:
            child.stop()
            log.unlink(missing_ok=True)
        done.append(Preparation(cell, result.path, content, result.marks))
        return result.path


def _converted(configuration: Configuration, info: EngineInfo) -> dict[str, object]:
    """Return the part of a configuration that its conversion depends on."""
    provider = configuration.provider if info.artefact_per_provider else None
    return {"dtype": configuration.dtype, "kv_cache": configuration.kv_cache, "provider": provider}
