"""PyTorch in eager mode: the baseline."""

from __future__ import annotations

import torch

from greenreport.engines.hf import HfEngine
from greenreport.record import Facts


class TorchEager(HfEngine):
    """The transformers model as it is."""

    def load(self) -> None:
        self.model = self.read_torch_model()

    def facts(self) -> Facts:
        attention = str(self.model.config._attn_implementation)
        return self.torch_facts({"attention": attention, "float32 matmul precision": torch.get_float32_matmul_precision()})
