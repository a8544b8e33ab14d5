"""Tests of telling errors of an allocation from others, by the words libraries and servers use."""

from __future__ import annotations

import pytest

from greenreport.engines.memory_errors import LONGEST, is_out_of_memory, memory_line, memory_words


@pytest.mark.parametrize(
    "text",
    [
        (
            "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.11 GiB of which 1.25 GiB is free. Including "
            "non-PyTorch memory, this process has 77.85 GiB memory in use. Of the allocated memory 75.10 GiB is allocated by PyTorch, and 2.00 "
            "GiB is reserved by PyTorch but unallocated. If reserved but unallocated memory is large try setting "
            "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid fragmentation. See documentation for Memory Management"
        ),
        "HIP out of memory. Tried to allocate 20.00 MiB. If reserved but unallocated memory is large try setting PYTORCH_HIP_ALLOC_CONF",
        "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 4096 bytes.",
        "DefaultCPUAllocator: not enough memory: you tried to allocate 17179869184 bytes.",
        "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : bfc_arena.cc:376 Failed to allocate memory for requested buffer of size 8589934592",
        "[ONNXRuntimeError] : 1 : FAIL : CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED",
        "std::bad_alloc",
        "terminate called after throwing an instance of 'std::bad_alloc'",
        "ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of size 17179869184",
        "llama_model_load: error loading model: unable to allocate CUDA0 buffer",
        "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization`",
        "torch.OutOfMemoryError: CUDA error",
        "memory allocation of 34359738368 bytes failed",
        "OSError: [Errno 12] Cannot allocate memory",
        "Unable to allocate 7.45 GiB for an array with shape (1000, 1000, 1000)",
    ],
)
def test_words_of_a_failed_allocation_are_known(text: str) -> None:
    """Torch, ONNX Runtime, OpenVINO, llama.cpp, vLLM, Rust, numpy: the line is found among others."""
    assert memory_line(f"INFO all is well\n{text}\nbye") == text[:LONGEST]
    assert is_out_of_memory(RuntimeError(f"The following operation failed:\n{text}"))
    assert memory_words(RuntimeError(f"The following operation failed:\n{text}")) == text[:LONGEST]


@pytest.mark.parametrize(
    "text",
    [
        "libgomp.so.1: cannot allocate memory in static TLS block",
        "INFO If out-of-memory error occurs during cudagraph capture, consider decreasing `gpu_memory_utilization`",
        "set PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid out of memory",
        "llm_load_tensors: CPU buffer size = 4096 MiB, allocated 12 buffers",
        "CUDA error: device-side assert triggered",
        "the model memory/one does not exist here",
        "",
    ],
)
def test_other_words_are_no_lack_of_memory(text: str) -> None:
    """Advice, reports of what was allocated, thread-local storage and other errors."""
    assert memory_line(text) is None
    assert not is_out_of_memory(RuntimeError(text))


def test_the_error_of_python_needs_no_words() -> None:
    """A bare MemoryError has no text."""
    assert is_out_of_memory(MemoryError())
    assert memory_words(MemoryError()) == "MemoryError"
