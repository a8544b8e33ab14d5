"""llama.cpp's own HTTP server, from the package xllamacpp: ``python llama_server.py MODEL.gguf --port N --alias NAME --threads N``."""

from __future__ import annotations

import argparse
import signal

import xllamacpp

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--alias", required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--parallel", type=int, default=1, help="requests answered at once")
    parser.add_argument("--no-cache", action="store_true", help="every prompt is computed")
    parser.add_argument("--exact", action="store_true", help="keys and values as float32, and no flash attention, which rounds")
    parser.add_argument("--metrics", action="store_true", help="answer /metrics")
    options = parser.parse_args()
    params = xllamacpp.CommonParams()
    params.model.path = options.model
    params.model_alias = {options.alias}
    params.port = options.port
    params.n_ctx = 512 * options.parallel
    params.n_parallel = options.parallel
    params.cache_prompt = not options.no_cache
    params.endpoint_metrics = options.metrics
    if options.exact:
        params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    params.cpuparams.n_threads = options.threads
    params.cpuparams_batch.n_threads = options.threads
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    signal.pause()
