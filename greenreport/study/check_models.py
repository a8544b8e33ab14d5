"""Checks of the models of a study: where their weights come from, and whether they can chat."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from greenreport.catalog import ENGINES, Served
from greenreport.regular_files import read_regular
from greenreport.study.cells import Model, Weights
from greenreport.study.error_messages import Remark, nearest
from greenreport.study.spec import Study

KNOWN_ARCHITECTURES = ("gpt2", "gpt_bigcode", "gpt_neox", "bloom", "llama", "gemma", "phi", "opt", "qwen2")
#: Of a file with the settings of a tokenizer.
LARGEST_SETTINGS_B = 64_000_000


def model_remarks(study: Study, folder: Path) -> Iterator[Remark]:
    """Yield every problem of the models of a study; `folder`: of the study file."""
    hub = [i for i, m in enumerate(study.models) if study.weights_of(m) is Weights.HUB and m.hub and _loaded(study, m)]
    loose = [index for index in hub if study.models[index].revision is None]
    if loose:
        names = ", ".join(study.models[index].id for index in loose)
        message = f"not pinned: {names}; `greenreport pin` fills in each `revision:`, so that others get the same weights"
        yield Remark(("models", loose[0]), message, warning=True)
    for index, model in enumerate(study.models):
        at = ("models", index)
        match study.weights_of(model) if _loaded(study, model) else None:
            case Weights.HUB if model.hub is None:
                message = f"model {model.id!r} has no `hub: owner/name`; give it one, or a `path:`, or `weights: untrained`"
                yield Remark(at, message)
            case Weights.UNTRAINED if model.architecture is None:
                yield Remark(at, f"model {model.id!r} has untrained weights but no `architecture:`")
            case Weights.PATH if model.path is None:
                yield Remark(at, f"model {model.id!r} has `weights: path` but no `path:`")
            case Weights.PATH if not (folder / str(model.path)).exists():
                yield Remark((*at, "path"), f"{model.path!r} is not a directory or a GGUF file (relative to the study file)")
            case Weights.PATH if not _holds_model(folder / str(model.path)):
                yield Remark((*at, "path"), f"{model.path!r} holds no config.json with *.safetensors and is not a GGUF file")
            case Weights.PACKAGE if model.package is None or model.sha256 is None:
                message = f"model {model.id!r} needs `package:` and `sha256:`, the digest of the GGUF file in it, so that others get the same weights"
                yield Remark(at, message)
            case _:
                pass
        if study.workload.api == "chat" and _loaded(study, model):
            yield from _template(study, model, folder, at)
        if model.architecture is not None and model.architecture.type not in KNOWN_ARCHITECTURES:
            kind = model.architecture.type
            hint = nearest(kind, KNOWN_ARCHITECTURES)
            message = f"architecture type {kind!r} is not among those greenreport is tested with{hint or '.'}"
            yield Remark((*at, "architecture", "type"), f"{message} Tested: {', '.join(KNOWN_ARCHITECTURES)}", not hint)


def _holds_model(folder: Path) -> bool:
    if folder.suffix == ".gguf":
        return folder.is_file()
    return (folder / "config.json").is_file() and any(folder.glob("*.safetensors"))


def _loaded(study: Study, model: Model) -> bool:
    """Whether any engine loads the model here; a server that greenreport did not write has its own weights."""
    engines = {c.engine for c in study.configurations if not study.excludes(model, c)}
    return any(engine not in ENGINES or ENGINES[engine].served is Served.OWN for engine in engines)


def _template(study: Study, model: Model, folder: Path, at: tuple[str | int, ...]) -> Iterator[Remark]:
    """Yield a remark on a model that has no chat template; one that is not on this machine yet is looked at when it is."""
    needed = any(
        ENGINES[c.engine].weights for c in study.configurations if c.engine in ENGINES and not study.excludes(model, c)
    )
    weights = study.weights_of(model)
    if needed and weights is Weights.UNTRAINED:
        message = f"model {model.id!r} has untrained weights, and no chat template comes with those; use `api: completions`"
        yield Remark(at, message)
        return
    local = folder / str(model.path)
    if needed and weights is Weights.PATH and _holds_model(local) and not has_chat_template(local):
        yield Remark((*at, "path"), f"{model.path!r} {NO_TEMPLATE}; use `api: completions`")


#: What is to be said of a model for which `has_chat_template` is false.
NO_TEMPLATE = "holds no chat template (chat_template.jinja, or `chat_template` in tokenizer_config.json or in a GGUF file)"


def has_chat_template(weights: Path) -> bool:
    """Whether a model holds a chat template: a folder in transformers' format, or a GGUF file, whose settings come before its tensors."""
    with suppress(OSError, ValueError, RecursionError):
        if weights.is_file():
            with weights.open("rb") as file:
                return b"tokenizer.chat_template" in file.read(LARGEST_SETTINGS_B)
        if (weights / "chat_template.jinja").is_file():
            return True
        settings = json.loads(read_regular(weights / "tokenizer_config.json", LARGEST_SETTINGS_B))
        return isinstance(settings, dict) and bool(settings.get("chat_template"))
    return False
