"""The JSON Schema of study files, and the starter study of ``greenreport init``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from greenreport.catalog import METRICS, PROVIDERS, known_engines
from greenreport.errors import GreenReportError
from greenreport.study.analysis_spec import Hypothesis
from greenreport.study.protocol import Workload
from greenreport.study.spec import Study


def study_schema() -> dict[str, Any]:
    """Return the schema, with the names of engines, providers, meters and metrics, so that editors complete them."""
    schema = Study.model_json_schema(mode="validation")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "greenreport study"
    definitions = schema["$defs"]
    _enumerate(definitions["Configuration"], "engine", sorted(known_engines()))
    _enumerate(definitions["Configuration"], "provider", list(PROVIDERS))
    _enumerate(definitions["Reference"], "engine", sorted(known_engines()))
    _enumerate(definitions["Reference"], "provider", list(PROVIDERS))
    _enumerate(definitions["Hypothesis"], "metric", list(METRICS))
    for section in (Hypothesis, Workload):
        retired = {key: {"const": value, "deprecated": True} for key, value in section.RETIRED.items()}
        definitions[section.__name__]["properties"] |= retired
    return schema


def _enumerate(definition: dict[str, Any], name: str, values: list[str]) -> None:
    definition["properties"][name]["enum"] = values


def write_starter(file: Path) -> None:
    """Write the starter study.

    Raises:
        GreenReportError: the file exists.
    """
    if file.exists():
        raise GreenReportError(f"{file} exists already; choose another name")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(STARTER.format(name=_slug(file.stem)), encoding="utf-8")


def _slug(text: str) -> str:
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in text.lower())
    return kept.strip("-_.") or "my-study"


STARTER = """\
# A study: models × serving configurations × repetitions, and the questions they are to answer.
# Check it:  greenreport validate FILE      See what would run:  greenreport plan FILE
# Run it:    greenreport run FILE           Publish it:          greenreport build
# All keys:  greenreport schema

study: {name}                     # short stable name, used in addresses
title: Which runtime engine should serve this model on my machine?

questions:
  RQ1: How does the runtime engine affect energy consumption?
  RQ2: How does the runtime engine affect execution time?

weights: untrained                # true shape, seeded random weights, no download; `hub` downloads trained ones
models:
  - id: gpt2-mini
    # hub: owner/name             # for `weights: hub`, with the commit that pins it:
    # revision: 0123abc
    parameters: 5M
    architecture: {{type: gpt2, n_layer: 4, n_head: 4, n_embd: 256, vocab_size: 4096, n_positions: 512}}

configurations:                   # serving configuration = runtime engine × execution provider
  - {{engine: torch, provider: cpu}}
  - {{engine: onnx, provider: cpu}}
  # - {{engine: openvino, provider: cpu, threads: 4}}
  # - {{engine: torch, provider: cuda}}
  # - engine: endpoint            # a server that runs already: vLLM, llama.cpp or another with OpenAI's completions API
  #   name: vLLM
  #   provider: cuda              # what it computes on
  #   server: {{url: "http://127.0.0.1:8000", model: name-it-knows, local: true}}

workload:
  prompts: {{source: builtin, count: 8, seed: 1}}        # or humaneval, or {{source: file, path: my-prompts.jsonl}}
  generation: {{output_tokens: 32, exact: true}}         # exactly as many tokens everywhere: the same work

protocol:
  repetitions: 5                  # 10 or more for results you publish
  order: {{design: randomized_complete_blocks, seed: 1}}
  worker: preloaded               # `fresh` starts a new interpreter for each run: slower, exact start-up times and memory
  warmup_requests: 2
  idle_baseline_s: 1              # 60 for results you publish
  cooldown: {{until: none}}         # {{until: steady, max_s: 300}} for results you publish

# A meter that is missing leaves its metrics empty. `estimate: fallback` lets a power model stand in, marked as an estimate.
meters: [rapl, nvml, utilisation, {{estimate: fallback}}]

# Load of other programs excludes a run; while you try things out it only warns. Remove this line for a study you publish.
validity: {{admit: [foreign_load]}}

hypotheses:
  - {{id: H1.0, question: RQ1, metric: energy_j}}
  - {{id: H2.0, question: RQ2, metric: duration_s}}
"""
