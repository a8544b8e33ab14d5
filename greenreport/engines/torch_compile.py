"""PyTorch with the forward pass compiled by TorchInductor.

Compilation takes seconds to minutes and happens in `compile`, a phase of its own, by answering two prompts of different
length: the first compiles for its shapes, the second makes the shapes dynamic, after which nothing is compiled any more.
"""

from __future__ import annotations

import torch
import torch._dynamo

from greenreport.engines.hf import HfEngine
from greenreport.errors import MeasurementInvalid
from greenreport.record import Facts

WARMING_LENGTHS = (5, 11, 17)
WARMING_TOKENS = 6


class TorchCompile(HfEngine):
    """The transformers model with ``forward`` replaced by its compiled form."""

    compiles = True

    def load(self) -> None:
        self.model = self.read_torch_model()
        self.model.forward = torch.compile(self.model.forward, dynamic=True)
        self.compiled = 0

    def compile(self) -> None:
        for length in WARMING_LENGTHS:
            prompt = [(7 * index) % self.model.config.vocab_size for index in range(1, length + 1)]
            self.generate([prompt], WARMING_TOKENS, exact=True, on_token=lambda tokens: None)
        self.compiled = int(torch._dynamo.utils.counters["stats"].get("unique_graphs", 0))
        if self.compiled == 0:
            raise MeasurementInvalid("torch.compile compiled nothing: the model ran in eager mode")

    def facts(self) -> Facts:
        return self.torch_facts({"compiled graphs": str(self.compiled), "backend": "inductor, dynamic shapes"})
