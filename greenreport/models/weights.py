"""Obtain weights: download from the hub, use a local folder or a GGUF file, or make untrained ones (`untrained`)."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from greenreport.errors import EngineUnavailable, ModelUnavailable
from greenreport.models.gguf_files import SUFFIX, dequantise, source_file
from greenreport.models.hub import refusals
from greenreport.models.tokenizer import END_OF_TEXT, TOKENIZER_FILE
from greenreport.regular_files import read_regular, user_cache
from greenreport.study import Model, Weights

INFO_FILE = "greenreport.json"
HUB_PATTERNS = ["*.json", "*.safetensors", "*.model", "*.txt", "tokenizer*", "*.jinja"]
MOST_FILES = 1000
SMALL_BYTES = 2_000_000


@dataclass(frozen=True, slots=True)
class WeightsJob:
    """Weights to obtain and where to put them.

    Attributes:
        target: folder to create, for untrained weights and those of a GGUF file; complete when it holds `INFO_FILE`.
        folder: folder of the study file; local paths start there.
    """

    model: Model
    weights: Weights
    target: Path
    folder: Path


def obtain(job: WeightsJob) -> Path:
    """Return the folder with config.json, safetensors and tokenizer.

    Raises:
        ModelUnavailable: with the reason and what to do.
    """
    match job.weights:
        case Weights.HUB:
            return _from_hub(job.model)
        case Weights.PATH:
            folder = (job.folder / str(job.model.path)).resolve()
            if folder.suffix == SUFFIX:
                return _from_gguf(job)
            if not (folder / "config.json").is_file() or not list(folder.glob("*.safetensors")):
                raise ModelUnavailable(f"{job.model.path} holds no config.json with *.safetensors")
            return folder
        case Weights.PACKAGE:
            return _from_gguf(job)
        case Weights.UNTRAINED:
            if not (job.target / INFO_FILE).is_file():
                _make_untrained(job)
            return job.target


def local_digest(folder: Path) -> str:
    """Return a digest of a local model: the content of its weights, configuration and tokenizer, wherever they lie.

    Args:
        folder: in transformers' format, or a GGUF file, whose digest is its SHA-256.

    Raises:
        ModelUnavailable: it holds more files than a model has, or one that cannot be read.
    """
    if folder.suffix == SUFFIX:
        try:
            return _content_digest(folder)
        except OSError as error:
            raise ModelUnavailable(f"{folder} cannot be read: {error.strerror}") from None
    found = list(islice(folder.rglob("*"), MOST_FILES + 1))
    if len(found) > MOST_FILES:
        raise ModelUnavailable(f"{folder} holds more than {MOST_FILES:,} files", "name the folder of one model as its `path:`")
    parts = []
    try:
        for file in sorted(found):
            name = file.relative_to(folder)
            matters = any(name.match(pattern) for pattern in HUB_PATTERNS) and not any(p.startswith(".") for p in name.parts)
            if matters and not file.is_dir():
                parts.append((name.as_posix(), _content_digest(file)))
    except OSError as error:
        raise ModelUnavailable(f"{error.filename or folder} cannot be read: {error.strerror}") from None
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _content_digest(file: Path) -> str:
    """Return the SHA-256 of a file. That of a large one is kept in the user's cache until the file changes: hashing gigabytes takes seconds."""
    facts = file.stat()
    if facts.st_size < SMALL_BYTES or not stat.S_ISREG(facts.st_mode):
        return hashlib.sha256(read_regular(file, SMALL_BYTES)).hexdigest()
    state = f"{facts.st_dev}:{facts.st_ino}:{facts.st_size}:{facts.st_mtime_ns}:{facts.st_ctime_ns}"
    kept = user_cache("digests") / hashlib.sha256(state.encode()).hexdigest()
    with suppress(OSError):
        if len(digest := kept.read_text(encoding="ascii", errors="replace")) == hashlib.sha256().digest_size * 2:
            return digest
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    with suppress(OSError):  # it is hashed again next time
        part = kept.with_suffix(f".{os.getpid()}.part")
        try:
            part.write_text(digest, encoding="ascii")
            part.replace(kept)
        finally:
            part.unlink(missing_ok=True)
    return digest


def folder_bytes(folder: Path) -> int:
    """Return the size of all files below a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _from_hub(model: Model) -> Path:
    from huggingface_hub import snapshot_download

    hub, revision = str(model.hub), model.revision
    offline = ", or run with `--weights untrained` to use the true architecture with random weights"
    with refusals(hub, revision, offline, f"{hub} is not on this machine and the hub cannot be reached"):
        folder = Path(snapshot_download(hub, revision=revision, allow_patterns=HUB_PATTERNS))
    if not list(folder.glob("*.safetensors")):
        raise ModelUnavailable(f"{hub} has no safetensors weights; greenreport loads no pickled weights")
    return folder


def gguf_file(job: WeightsJob) -> Path:
    """Return the GGUF file of a model, for engines that load it as it is.

    Raises:
        ModelUnavailable: the file is not there, or another one than the study names.
        EngineUnavailable: the model lies in other files.
    """
    named = job.weights is Weights.PATH and str(job.model.path).endswith(SUFFIX)
    if job.weights is not Weights.PACKAGE and not named:
        remedy = "name its GGUF file as `path:` or `package:`, or leave the engine out for it under `exclude:`"
        raise EngineUnavailable(f"the engine loads GGUF files, and {job.model.id} is in none", remedy)
    file = source_file(job.model, job.folder)
    actual = local_digest(file)
    if job.model.sha256 not in (None, actual):
        raise ModelUnavailable(f"{file.name} is another file than the study names: its sha256 is {actual}")
    return file


def _from_gguf(job: WeightsJob) -> Path:
    file = gguf_file(job)
    if not (job.target / INFO_FILE).is_file():
        dequantise(file, job.target, INFO_FILE)
    return job.target


def _make_untrained(job: WeightsJob) -> None:
    from transformers import PreTrainedTokenizerFast

    from greenreport.models.untrained import untrained_model

    model = untrained_model(job.model)
    part = job.target.with_name(f"{job.target.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    model.save_pretrained(part, safe_serialization=True)
    PreTrainedTokenizerFast(
        tokenizer_file=str(TOKENIZER_FILE), bos_token=END_OF_TEXT, eos_token=END_OF_TEXT, pad_token=END_OF_TEXT
    ).save_pretrained(part)
    info = {"parameters": sum(p.numel() for p in model.parameters()), "untrained": True, "seed": job.model.seed}
    (part / INFO_FILE).write_text(json.dumps(info), encoding="utf-8")
    shutil.rmtree(job.target, ignore_errors=True)
    part.rename(job.target)
