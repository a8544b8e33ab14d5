"""First import of the fork server: it keeps torch from starting CUDA in a process that others are forked from.

A child of a process that has started CUDA cannot use it. With this variable torch asks NVML for GPUs instead. An engine asks CUDA itself,
which also knows whether driver and library match, so a worker removes the variable again (`process_entry.isolate`).
"""

from __future__ import annotations

import os

os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"
