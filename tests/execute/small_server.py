"""A small OpenAI-compatible server that shares no code with greenreport: ``python small_server.py --port N [--faults]``.

It answers as real servers do: no token ids, no times of its own, usage in the last event of a stream. Its texts are those of
greenreport's fake engine, so that outputs can be compared.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import ssl
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def arguments() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True, help="0: a free one, which is printed")
    parser.add_argument("--model", default="one")
    parser.add_argument("--key-env", help="variable with the key that every request must carry")
    parser.add_argument("--style", choices=("llama.cpp", "vllm", "silent"), default="llama.cpp")
    parser.add_argument("--load-s", type=float, default=0.0)
    parser.add_argument("--token-s", type=float, default=0.001)
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("--tokens", type=int, help="generate this many, whatever the request says")
    parser.add_argument("--tokens-per-piece", type=int, default=1, help="send so many tokens with each event of a stream")
    parser.add_argument("--unescaped", action="store_true", help="begin each answer with U+2028, which JSON need not escape")
    parser.add_argument("--answer-as", help="model named in answers, instead of the requested one")
    parser.add_argument("--end-at", type=int, help="end with exit code 7 at this request")
    parser.add_argument(
        "--fail-at", type=int, help="answer this request and all later ones with HTTP 500 and the text of --error"
    )
    parser.add_argument("--fail-every", type=int, help="answer every so-manieth request with HTTP 500")
    parser.add_argument("--error", default="the engine is dead")
    parser.add_argument("--log", help="print this line before an answer of --fail-at")
    parser.add_argument(
        "--preempt-from", type=int, help="count each request after this many as taken back, in the metrics of vLLM"
    )
    parser.add_argument(
        "--cache", type=int, help="count so many prompt tokens of each request as cached, in the metrics of vLLM"
    )
    parser.add_argument("--say", help="print this line and end with exit code 4 instead of serving")
    parser.add_argument("--claim", help="fail when this file exists, else make it")
    parser.add_argument("--worker", action="store_true", help="start a process in a session of its own and leave it behind")
    parser.add_argument("--no-health", action="store_true")
    parser.add_argument(
        "--fail-status", type=int, default=500, help="of --fail-at; errors of others than 500 have a type, as vLLM's"
    )
    parser.add_argument("--only", choices=("completions", "chat/completions"), help="have no other route than this one")
    parser.add_argument("--think", type=int, default=0, help="in chat, the first so many tokens are reasoning")
    parser.add_argument("--refuse", action="append", default=[], help="answer requests with this key with HTTP 400")
    parser.add_argument("--tls", help="file with certificate and key: speak https")
    return parser.parse_args()


def text_of(prompt: str, tokens: int) -> list[str]:
    """Return the pieces of an answer, one a token."""
    digest = hashlib.sha256(prompt.encode()).digest()
    return [chr(97 + digest[index % len(digest)] % 26) for index in range(tokens)]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "small-server/1.0"
    disable_nagle_algorithm = True
    options: argparse.Namespace
    ready_at = 0.0
    requests = 0

    def log_message(self, *_: Any) -> None:
        return

    def allowed(self) -> bool:
        """Whether the request carries the key."""
        name = self.options.key_env
        return name is None or self.headers.get("Authorization") == f"Bearer {os.environ[name]}"

    def do_GET(self) -> None:
        if self.path == "/health" and not self.options.no_health:
            self.answer(200 if time.monotonic() >= self.ready_at else 503, {"status": "ok"})
        elif self.path == "/v1/models" and self.options.style != "silent":
            meta = {"n_params": 1234, "size": 4936, "n_ctx_train": 2048}
            listed = {"id": self.options.model, "object": "model", "owned_by": "small", "meta": meta}
            self.answer(200, {"object": "list", "data": [listed]}) if self.allowed() else self.answer(401, {"error": "no key"})
        elif self.path == "/metrics" and (self.options.preempt_from, self.options.cache) != (None, None):
            taken_back = None if self.options.preempt_from is None else max(0, Handler.requests - self.options.preempt_from)
            self.metrics(taken_back, None if self.options.cache is None else Handler.requests * self.options.cache)
        elif self.path == "/version" and self.options.style == "vllm":
            self.answer(200, {"version": "9.9"})
        else:
            self.answer(404, {"error": "not found"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self.allowed():
            self.answer(401, {"error": {"message": f"wrong key {self.headers.get('Authorization')}", "type": "auth"}})
            return
        if self.options.only not in (None, self.path.removeprefix("/v1/")):
            self.answer(404, {"detail": "Not Found"})
            return
        Handler.requests += 1
        if Handler.requests == self.options.end_at:
            print("the small server gives up", flush=True)
            os._exit(7)
        if self.options.fail_at and Handler.requests >= self.options.fail_at:
            print(self.options.log or "", flush=True)
            status = self.options.fail_status
            typed = {} if status == 500 else {"type": "overloaded_error"}
            self.answer(status, {"error": {"message": self.options.error, "code": status} | typed})
            return
        if self.options.fail_every and Handler.requests % self.options.fail_every == 0:
            self.answer(500, {"error": {"message": self.options.error, "code": 500}})
            return
        unknown = [key for key in self.options.refuse if key in body]
        if unknown:
            self.answer(400, {"error": {"message": f"unknown field {unknown[0]}", "code": 400}})
            return
        if "messages" in body:
            self.chat(body)
            return
        prompts = body["prompt"] if isinstance(body["prompt"], list) else [body["prompt"]]
        answers = [text_of(prompt, self.options.tokens or body["max_tokens"]) for prompt in prompts]
        if self.options.unescaped:
            answers = [["\u2028", *pieces[1:]] for pieces in answers]
        usage = {"prompt_tokens": sum(map(len, prompts)), "completion_tokens": sum(map(len, answers))}
        whole = {
            "object": "text_completion",
            "model": self.options.answer_as or body["model"],
            "cache_prompt": body.get("cache_prompt"),
        }
        if body.get("stream"):
            self.stream(whole, self.pieces(answers[0]), usage)
            return
        self.spend(len(answers[0]))
        choices = [{"index": i, "text": "".join(pieces), "finish_reason": "length"} for i, pieces in enumerate(answers)]
        self.answer(200, {**whole, "choices": choices, "usage": usage})

    def chat(self, body: dict[str, Any]) -> None:
        """Answer a conversation in the manner of llama.cpp and vLLM: with the letters of a completion of its last message."""
        prompt = "".join(message["content"] for message in body["messages"])
        pieces = text_of(body["messages"][-1]["content"], self.options.tokens or body["max_tokens"])
        thoughts, words = pieces[: self.options.think], pieces[self.options.think :]
        usage: dict[str, Any] = {"prompt_tokens": len(prompt), "completion_tokens": len(pieces)}
        usage["completion_tokens_details"] = {"reasoning_tokens": len(thoughts)}
        whole = {"object": "chat.completion", "model": body["model"]}
        if not body.get("stream"):
            self.spend(len(pieces))
            said = {"role": "assistant", "content": "".join(words), "reasoning_content": "".join(thoughts) or None}
            self.answer(200, {**whole, "choices": [{"index": 0, "message": said, "finish_reason": "length"}], "usage": usage})
            return
        deltas = [*({"reasoning_content": piece} for piece in thoughts), *({"content": piece} for piece in words)]
        choices: list[dict[str, Any]] = [{"delta": delta, "finish_reason": None} for delta in deltas]
        self.stream(whole, [*choices, {"delta": {}, "finish_reason": "length"}], usage)

    def spend(self, tokens: int) -> None:
        """Take the time of some tokens; when busy it is CPU time, so that a loaded machine gives as much of it."""
        if self.options.busy:
            end = time.thread_time() + tokens * self.options.token_s
            while time.thread_time() < end:
                pass
        else:
            time.sleep(tokens * self.options.token_s)

    def stream(self, whole: dict[str, Any], choices: list[dict[str, Any]], usage: dict[str, int]) -> None:
        """Send server-sent events in the manner of a real server, after the time their tokens take."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.chunk(": comments keep the connection alive\n\n")
        for choice in choices:
            said = choice["text"] if "text" in choice else "".join(text or "" for text in choice["delta"].values())
            self.spend(len(said))
            self.event({**whole, "choices": [{"index": 0} | choice], "usage": None})
        if self.options.style != "silent":
            self.event({**whole, "choices": [], "usage": usage})
        self.chunk("data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def pieces(self, tokens: list[str]) -> list[dict[str, Any]]:
        """Return the choices of a streamed completion."""
        several = self.options.tokens_per_piece
        parts = [tokens[start : start + several] for start in range(0, len(tokens), several)]
        choices: list[dict[str, Any]] = [{"text": "".join(part), "finish_reason": None} for part in parts]
        if self.options.style == "vllm":
            choices = [
                choice | {"token_ids": [ord(token) for token in part]} for choice, part in zip(choices, parts, strict=True)
            ]
        return [*choices[:-1], choices[-1] | {"finish_reason": "length"}]

    def event(self, content: dict[str, Any]) -> None:
        """Send one event; llama.cpp puts a blank after the colon, others do not."""
        self.chunk(f"data:{'' if self.options.style == 'vllm' else ' '}{json.dumps(content, ensure_ascii=False)}\n\n")

    def chunk(self, text: str) -> None:
        """Send one chunk."""
        raw = text.encode()
        self.wfile.write(f"{len(raw):x}\r\n".encode() + raw + b"\r\n")
        self.wfile.flush()

    def metrics(self, taken_back: int | None, cached: int | None) -> None:
        """Send metrics as vLLM does: comments, other counters, a line for each engine."""
        lines = ['vllm:num_requests_running{engine="0",model_name="one"} 3.0']
        if taken_back is not None:
            lines += [
                "# HELP vllm:num_preemptions_total Cumulative number of preemption from the engine.",
                "# TYPE vllm:num_preemptions_total counter",
                f'vllm:num_preemptions_total{{engine="0",model_name="one"}} {float(taken_back)}',
                'vllm:num_preemptions_total{engine="1",model_name="one"} 40.0',
                'vllm:num_preemptions_created{engine="0",model_name="one"} 1.76e+09',
            ]
        if cached is not None:
            lines += [
                "# HELP vllm:prefix_cache_hits_total Prefix cache hits, in terms of number of cached tokens.",
                "# TYPE vllm:prefix_cache_hits_total counter",
                f'vllm:prefix_cache_hits_total{{engine="0",model_name="one"}} {float(cached)}',
                'vllm:prefix_cache_hits_created{engine="0",model_name="one"} 1.76e+09',
                'vllm:external_prefix_cache_hits_total{engine="0",model_name="one"} 7.0',
                'vllm:prefix_cache_queries_total{engine="0",model_name="one"} 99.0',
            ]
        raw = ("\n".join(lines) + "\n").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def answer(self, status: int, content: dict[str, Any]) -> None:
        """Send a JSON answer in one piece."""
        raw = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


def main() -> None:
    """Serve until the end."""
    options = arguments()
    if options.say:
        print(options.say, flush=True)
        sys.exit(4)
    if options.claim:
        try:
            os.close(os.open(options.claim, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            print("somebody else has it", flush=True)
            sys.exit(5)
    if options.worker:
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    Handler.options = options
    Handler.ready_at = time.monotonic() + options.load_s
    server = ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    if options.port == 0:
        print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
