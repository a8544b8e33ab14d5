"""What the fork server imports first: asking torch for GPUs must not start CUDA in a process that others are forked from.

A child of a process that has started CUDA cannot use it. With this variable torch asks NVML instead. An engine asks CUDA itself, which
also knows whether driver and library fit, so a worker takes the variable away again (`process_entry.isolate`).
"""

from __future__ import annotations

import os

os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"
