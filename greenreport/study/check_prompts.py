"""Checks of prompts, and of how the answers to them are judged."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from greenreport.catalog import ENGINES, SCORERS
from greenreport.study.check_servers import TEXTS
from greenreport.study.error_messages import Remark, unknown
from greenreport.study.protocol import Lengths
from greenreport.study.spec import Study
from greenreport.units import counted


def prompt_remarks(study: Study, folder: Path) -> Iterator[Remark]:
    """Yield every problem of the prompts of a study, and of the judgement of the answers to them.

    Args:
        folder: of the study file; relative paths start there.
    """
    prompts = study.workload.prompts
    at = ("workload", "prompts")
    if prompts.source == "file" and prompts.path is None:
        yield Remark(at, "source `file` needs a `path:`")
    if prompts.source in ("builtin", "elementary") and prompts.path is not None:
        yield Remark((*at, "path"), f"source `{prompts.source}` takes no path; use `source: file`")
    if prompts.source == "file" and prompts.path is not None and not (folder / prompts.path).is_file():
        yield Remark((*at, "path"), f"{prompts.path!r} is not a file (relative to the study file)")
    if prompts.source in TEXTS and (prompts.count or 0) > TEXTS[prompts.source]:
        advice = "; `workload: {requests: …}` sends them again from the start"
        yield Remark(
            (*at, "count"), f"{prompts.count} prompts are wanted, but {prompts.source} has {TEXTS[prompts.source]}{advice}"
        )
    swept_sizes = study.sweep.factors.get("batch_size", ()) if study.sweep is not None else ()
    largest = max(*(c.batch_size for c in study.configurations), *swept_sizes, 1)
    if isinstance(study.workload.generation.output_tokens, Lengths) and largest > 1:
        message = "all requests of a static batch (`batch_size`) ask for the same number of tokens; for lengths that differ, use `max_batch` or `concurrency`"
        yield Remark(("workload", "generation", "output_tokens"), message)
    if study.workload.api == "chat" and largest > 1:
        message = "a request in chat is one conversation, so `batch_size` is 1 there; use `max_batch` or `concurrency`"
        yield Remark(("workload", "api"), message)
    if study.workload.generation.temperature > 0:
        greedy = sorted({c.engine for c in study.configurations if c.engine in ENGINES and not ENGINES[c.engine].samples})
        for engine in greedy:
            able = ", ".join(name for name, info in ENGINES.items() if info.samples)
            message = f"{engine} always takes the likeliest token, so it has no temperature; engines that draw: {able}"
            yield Remark(("workload", "generation", "temperature"), message)
    yield from _quality(study)


def _quality(study: Study) -> Iterator[Remark]:
    quality, prompts = study.quality, study.workload.prompts
    if quality is None:
        return
    if prompts.slice_tokens is not None:
        message = (
            "with `slice_tokens` prompts are pieces of text to which no answer is right; leave it out, or leave out `quality:`"
        )
        yield Remark(("workload", "prompts", "slice_tokens"), message)
    if quality.scorer is not None and quality.scorer not in SCORERS:
        yield Remark(("quality", "scorer"), unknown("scorer", quality.scorer, SCORERS))
    elif quality.scorer is not None and prompts.source in TEXTS and SCORERS[quality.scorer].needs not in ("", "test"):
        message = f"the prompts of `source: {prompts.source}` have unit tests, which {quality.scorer} does not use; leave `scorer:` out"
        yield Remark(("quality", "scorer"), message)
    texts = prompts.count or TEXTS.get(prompts.source)
    if texts is not None:
        answers = math.ceil((study.workload.requests or texts) / texts) * study.protocol.most_repetitions
        if max(quality.k) > answers:
            message = f"k = {max(quality.k)} needs that many answers to each prompt, but a cell gives only {counted(answers, 'answer')}"
            yield Remark(("quality", "k"), f"{message}; raise `repetitions:` or `requests:`")
