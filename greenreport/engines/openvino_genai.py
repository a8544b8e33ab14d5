"""OpenVINO GenAI: the model of engine `openvino` behind the generation loop that OpenVINO ships for deployment, without torch.

By default its pipeline keeps the cache of earlier prompts for those that begin alike; here every prompt is computed, unless the configuration
says `options: {enable_prefix_caching: true}`. Options are fields of its ``SchedulerConfig``, or properties as for engine `openvino`.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from greenreport.engines.openvino_properties import (
    ALWAYS_READ,
    MODEL_FILE,
    READ_BACK,
    device_of,
    precision_facts,
    properties,
)  # before openvino itself

import openvino
import openvino_genai

from greenreport.engines.base import EngineJob, Generated, OnToken
from greenreport.engines.memory_errors import loading_error
from greenreport.engines.tokenized import TokenizedEngine
from greenreport.errors import EngineUnavailable, MeasurementInvalid
from greenreport.record import Facts

#: As OpenVINO GenAI schedules by default: a prompt is computed at once.
MOST_BATCHED_TOKENS = 2**64 - 1
WITHOUT_PAGES = "SDPA"
MOST_PRINTED_B = 100_000


class OpenVinoGenAI(TokenizedEngine):
    """OpenVINO GenAI's pipeline for language models, one prompt at a time."""

    def __init__(self, job: EngineJob) -> None:
        if "torch" not in sys.modules:
            os.environ["USE_TORCH"] = "0"  # transformers is asked for its tokenizer alone
        super().__init__(job)
        self.pipeline: Any = None
        self.printed = ""

    @classmethod
    def convert(cls, job: EngineJob, target: Path) -> None:
        from greenreport.engines.openvino import export

        export(job, target)

    def load(self) -> None:
        if not self.job.configuration.kv_cache:
            raise EngineUnavailable("OpenVINO GenAI has no mode without KV cache")
        options = dict(self.job.configuration.options)
        scheduler = _scheduler({name: options.pop(name) for name in options.keys() & vars(openvino_genai.SchedulerConfig)})
        asked: dict[str, Any] = properties(self.job, options)
        if options.get("ATTENTION_BACKEND") != WITHOUT_PAGES and self.job.configuration.provider != "npu":  # which has no pages
            asked["scheduler_config"] = scheduler
        try:
            with _telling_properties() as printed:
                self.pipeline = openvino_genai.LLMPipeline(str(self.job.artefact), device_of(self.job), **asked)
                self.printed = printed()
        except self.failures as error:
            raise loading_error(error, "OpenVINO GenAI", "compile the model") from None

    def facts(self) -> Facts:
        printed = dict(re.findall(r"^ *(\w+): (.*)$", self.printed, re.MULTILINE))
        found = {name: printed[name] for name in READ_BACK if name in printed}
        if not found.keys() >= (set(READ_BACK) if self.job.configuration.provider == "cpu" else ALWAYS_READ):
            raise MeasurementInvalid("OpenVINO GenAI does not say how it compiled the model")
        model = openvino.Core().read_model(str(Path(str(self.job.artefact)) / MODEL_FILE))
        details = {
            "openvino-genai": openvino_genai.__version__,
            "pipeline": printed.get("Model", ""),
            "prefix caching": printed.get("enable_prefix_caching", "false"),
        }
        return precision_facts(self, model, found, details, cached=True)

    def generate(
        self, prompts: Sequence[Sequence[int]], output_tokens: int, *, exact: bool, on_token: OnToken
    ) -> list[Generated]:
        [prompt] = prompts
        settings = openvino_genai.GenerationConfig()
        settings.max_new_tokens, settings.do_sample, settings.num_beams = output_tokens, False, 1
        settings.ignore_eos = exact or not self.end_ids
        if not settings.ignore_eos:
            settings.eos_token_id, settings.stop_token_ids = self.end_ids[0], set(self.end_ids)
        with self.fitting("generation does"):
            result = self.pipeline.generate(openvino.Tensor([list(prompt)]), settings, _TokenStream(on_token))
        return [self.finished(list(result.tokens[0]), exact)]

    def close(self) -> None:
        self.pipeline = None


def _scheduler(options: Mapping[str, object]) -> Any:
    """Return the settings of the scheduler: those of the configuration, and no cache of earlier prompts without its word."""
    scheduler = openvino_genai.SchedulerConfig()
    scheduler.max_num_batched_tokens, scheduler.enable_prefix_caching = MOST_BATCHED_TOKENS, False
    for name, value in options.items():
        if type(value) is not type(getattr(scheduler, name)):
            raise EngineUnavailable(f"OpenVINO GenAI's scheduler takes no {name}: {value!r}")
        setattr(scheduler, name, value)
    return scheduler


class _TokenStream(openvino_genai.StreamerBase):  # type: ignore[misc]
    """Passes each token on; with pages they come as lists."""

    def __init__(self, on_token: OnToken) -> None:
        super().__init__()
        self.on_token = on_token

    def write(self, token: int | Sequence[int]) -> Any:
        for one in [token] if isinstance(token, int) else token:
            self.on_token((one,))
        return openvino_genai.StreamingStatus.RUNNING

    def end(self) -> None:
        return


@contextmanager
def _telling_properties() -> Iterator[Callable[[], str]]:
    """Let the pipeline print the properties of the model it compiles, which it tells in no other way; give what was printed so far."""
    kept = os.dup(1)
    os.environ["OPENVINO_LOG_LEVEL"] = "2"
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 1)
        try:
            yield lambda: os.pread(file.fileno(), MOST_PRINTED_B, 0).decode(errors="replace")
        finally:
            os.dup2(kept, 1)
            os.close(kept)
            del os.environ["OPENVINO_LOG_LEVEL"]
