"""llama.cpp in process: the GGUF file as it is, in llama.cpp's own generation loop.

The package xllamacpp holds llama.cpp with its HTTP server, which is the only way to it that tells token ids. It listens on a loopback
address of its own inside the worker, behind a key; that costs some tenths of a millisecond per token, which count as inference. Prompts
are never taken from its cache.

Options are fields of xllamacpp's ``CommonParams``, such as ``n_ctx`` (the context, 4,096 tokens or what the model was trained with).
"""

from __future__ import annotations

import http.client
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

from greenreport.engines.base import COMPLETE_INSTEAD, Engine, EngineJob, Generated, Message, OnToken, TokenSampling
from greenreport.engines.memory_errors import is_out_of_memory, memory_words
from greenreport.errors import EngineUnavailable, ModelUnavailable, OutOfMemory, RunError
from greenreport.record import Facts

CONTEXT_TOKENS = 4096
#: llama.cpp's names of the types that have a name in this project; quantised ones are called ``q4_k_m`` and the like.
_DTYPES = {"all f32": "float32", "f16": "float16", "bf16": "bfloat16"}
_SIZES = {" - small": "_s", " - medium": "_m", " - large": "_l", " - ": "_"}


class LlamaCpp(Engine):
    """llama.cpp on a GGUF file, one prompt at a time."""

    def __init__(self, job: EngineJob) -> None:
        super().__init__(job)
        self.server: Any = None
        self.properties: dict[str, Any] = {}
        self.key = secrets.token_urlsafe()

    def load(self) -> None:
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path = str(self.job.weights)
        params.n_ctx = CONTEXT_TOKENS
        for name, value in self.job.configuration.options.items():
            if not isinstance(getattr(params, name, None), bool | int | float | str):
                raise EngineUnavailable(f"llama.cpp has no option {name!r}")
            setattr(params, name, value)
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = self.job.threads
        params.n_parallel, params.n_gpu_layers, params.cache_prompt = 1, 0, False
        params.api_keys, params.hostnames, params.port, params.ui, params.warmup = [self.key], ["127.0.0.1"], 0, False, False
        try:
            self.server = xllamacpp.Server(params)
        except (RuntimeError, MemoryError) as error:
            if is_out_of_memory(error):
                raise OutOfMemory(f"the weights do not fit: {memory_words(error)}") from None
            raise EngineUnavailable(f"llama.cpp cannot load the file: {str(error)[:300]}") from None
        self.properties = self._ask("/props")

    def facts(self) -> Facts:
        import xllamacpp

        [model] = self._ask("/v1/models")["data"]
        return Facts(
            dtype=dtype_of(str(self.properties["model_ftype"])),
            kv_cache=True,
            threads=self.job.threads,
            device="cpu",
            parameters=int(model["meta"]["n_params"]),
            weights_b=int(model["meta"]["size"]),
            details=(
                ("context", f"{self.properties['default_generation_settings']['n_ctx']} tokens"),
                ("llama.cpp", xllamacpp.get_system_info().strip()[:300]),
            ),
        )

    def encode(self, text: str) -> list[int]:
        return [int(token) for token in self._ask("/tokenize", {"content": text, "add_special": True})["tokens"]]

    def decode(self, token_ids: Sequence[int]) -> str:
        return str(self._ask("/detokenize", {"tokens": list(token_ids)})["content"])

    def render(self, messages: Sequence[Message]) -> str:
        conversation = [{"role": message.role, "content": message.content} for message in messages]
        try:
            return str(self._ask("/apply-template", {"messages": conversation})["prompt"])
        except RunError as error:
            raise ModelUnavailable(f"the model's chat template does not take the messages: {error}", COMPLETE_INSTEAD) from None

    def encode_rendered(self, text: str) -> list[int]:
        asked = {"content": text, "add_special": False, "parse_special": True}
        return [int(token) for token in self._ask("/tokenize", asked)["tokens"]]

    def generate(
        self, prompts: Sequence[Sequence[int]], output_tokens: int, *, exact: bool, on_token: OnToken
    ) -> list[Generated]:
        [prompt] = prompts
        return [self._continued(prompt, output_tokens, exact, on_token, {"temperature": 0})]

    def sample(
        self,
        prompts: Sequence[Sequence[int]],
        output_tokens: int,
        sampling: Sequence[TokenSampling],
        *,
        exact: bool,
        on_token: OnToken,
    ) -> list[Generated]:
        [prompt], [drawn] = prompts, sampling
        settings = {"temperature": drawn.temperature, "top_p": drawn.top_p, "seed": drawn.seed % 2**32}
        return [self._continued(prompt, output_tokens, exact, on_token, settings | {"samplers": ["temperature", "top_p"]})]

    def _continued(
        self, prompt: Sequence[int], output_tokens: int, exact: bool, on_token: OnToken, settings: Mapping[str, Any]
    ) -> Generated:
        asked = {
            "prompt": list(prompt),
            "n_predict": output_tokens,
            **settings,
            "ignore_eos": exact,
            "cache_prompt": False,
            "return_tokens": True,
            "stream": True,
        }
        tokens: list[int | None] = []
        reason = ""
        with closing(self._answer("/completion", asked)) as response:
            for line in response:
                name, _, data = line.decode().partition(":")
                if name not in ("data", "error") or data.strip() == "[DONE]":
                    continue
                event = json.loads(data)
                if name == "error" or "error" in event:
                    raise _failed(event.get("error", event))
                new = event["tokens"]
                for token in (*[None] * (event["tokens_predicted"] - len(tokens) - len(new)), *new):
                    tokens.append(token)
                    on_token(
                        (token if event["content"] else None,)
                    )  # one without text frames the answer, as its end token does
                reason = event.get("stop_type", "")
        if not reason:
            raise RunError("llama.cpp ended an answer without saying why")
        told = self._complete(asked, tokens)
        return (
            Generated(told[:-1], "stop") if reason == "eos" else Generated(told, "length")
        )  # the end token is no part of an answer

    def _complete(self, asked: dict[str, Any], tokens: list[int | None]) -> tuple[int, ...]:
        """Return the tokens of an answer with those that llama.cpp did not tell, since they end within a character.

        They are asked for again after the answer, from the cache that still holds it; drawn ones with the whole answer, whose draws
        begin with the first token.
        """
        if None in tokens and "seed" in asked:
            return tuple(int(token) for token in self._ask("/completion", {**asked, "stream": False})["tokens"])
        while None in tokens:
            first = tokens.index(None)
            following = next((place for place, token in enumerate(tokens) if place > first and token is not None), len(tokens))
            again = {"prompt": [*asked["prompt"], *tokens[:first]], "n_predict": following - first}
            tokens[first:following] = self._ask("/completion", {**asked, **again, "cache_prompt": True, "stream": False})[
                "tokens"
            ]
        return tuple(int(token) for token in tokens if token is not None)

    def close(self) -> None:
        self.server = None

    def _ask(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        with closing(self._answer(path, body)) as response:
            answer: dict[str, Any] = json.load(response)
        return answer

    def _answer(self, path: str, body: dict[str, Any] | None) -> http.client.HTTPResponse:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection(urlsplit(self.server.listening_address).netloc)
        connection.request("GET" if body is None else "POST", path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        if response.status != 200:
            with closing(response):
                raise _failed(json.load(response).get("error"))
        return response


def dtype_of(file_type: str) -> str:
    """Return the type of a GGUF file as study files call it: ``all F32`` is float32, ``Q4_K - Medium`` is q4_k_m."""
    name = re.sub(r" \(guessed\)$| - [\d.]+ bpw", "", file_type).lower()
    for words, short in _SIZES.items():
        name = name.replace(words, short)
    return _DTYPES.get(name, name)


def _failed(error: object) -> RunError:
    text = str(error.get("message") if isinstance(error, dict) else error)[:300]
    failure = RunError(f"llama.cpp refused the request: {text}")
    return OutOfMemory(text) if is_out_of_memory(failure) else failure
