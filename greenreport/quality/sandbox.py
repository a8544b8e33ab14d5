"""A sandbox for what models write: programs and texts are judged in processes that can reach nothing (docs/quality.md)."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import greenreport
from greenreport.errors import SandboxUnavailable
from greenreport.quality.value_exchange import Disconnected, Wire
from greenreport.record import VerdictCode

_ROOT = Path(greenreport.__file__).resolve().parents[1]
_START = "import sys; sys.path.append({root!r}); from greenreport.quality.sandbox_server import main; main()"
MOST_DETAIL = 200  # characters
_REMEDY = (
    "score on a Linux machine (x86-64 or AArch64) whose kernel takes seccomp filters: export the runs, import them there, and run "
    "`greenreport score` there"
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What the tests of one answer may take."""

    time_s: float = 10.0
    memory_mb: int = 512


@dataclass(frozen=True, slots=True)
class Score:
    """What a scorer says of an answer, and why."""

    code: VerdictCode
    detail: str | None = None


class ProgramSandbox:
    """Runs judged programs; a context manager that starts its server and ends it.

    Raises:
        SandboxUnavailable: at the start, where programs would not be held: a program that opens a file is tried.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> ProgramSandbox:
        self._start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop()

    def run_tests(self, prompt: str, answer: str, entry_point: str, test: str, *, chat: bool) -> Score:
        """Judge the program in an answer by unit tests.

        Args:
            entry_point: the function that the tests call.
            test: a program that defines ``check(candidate)``.
            chat: whether the answer replies to the prompt; it continues it otherwise.
        """
        return self._judge(prompt=prompt, answer=answer, entry_point=entry_point, test=test, chat=chat)

    def search(self, pattern: str, text: str) -> Score:
        """Search a text for a regular expression."""
        return self._judge(pattern=pattern, answer=text)

    def _judge(self, **job: object) -> Score:
        limits = {"time_limit_s": self.limits.time_s, "memory_limit_mb": self.limits.memory_mb}
        content = json.dumps({"test": None, **job, **limits}).encode()
        for _ in range(2):
            with suppress(Disconnected):
                return self._asked(content)
            self._stop()
            self._start()
        return Score(VerdictCode.ERROR, "the sandbox ended while it was judged")

    def _asked(self, content: bytes) -> Score:
        server = self._server
        if server is None or server.stdin is None or server.stdout is None:
            raise Disconnected
        wire = Wire(server.stdout.fileno(), server.stdin.fileno())
        wire.send(content)
        code, detail = json.loads(wire.receive())
        return Score(VerdictCode(code), None if detail is None else _line(str(detail)))

    def _start(self) -> None:
        command = [sys.executable, "-P", "-s", "-S", "-B", "-c", _START.format(root=str(_ROOT))]
        environment = {"PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"}  # sets have the same order each time
        self._server = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, cwd="/",
            start_new_session=True, bufsize=0,
        )  # fmt: skip
        try:
            checks = [self._asked(json.dumps(job).encode()) for job in _SELF_CHECKS]
        except Disconnected:
            self._stop()
            raise SandboxUnavailable("the process that judges answers does not start", _REMEDY) from None
        if [check.code for check in checks] != [VerdictCode.PASSED, VerdictCode.REFUSED, VerdictCode.REFUSED]:
            self._stop()
            raise SandboxUnavailable("judged programs could reach files or processes here", _REMEDY)

    def _stop(self) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        server.kill()
        server.wait()
        for stream in (server.stdin, server.stdout):
            if stream is not None:
                stream.close()


def _line(text: str) -> str:
    """Return a text in one line that can be printed and stored; its spaces stay, since values are shown in it."""
    line = "".join(c if c.isprintable() else " " for c in text.encode("utf-8", "replace").decode())
    return line if len(line) <= MOST_DETAIL else f"{line[: MOST_DETAIL - 1]}…"


def _check(body: str) -> dict[str, object]:
    return {
        "prompt": "", "answer": f"def tried():\n    import os\n    {body}\n    return True\n", "entry_point": "tried", "chat": True,
        "test": "def check(candidate):\n    assert candidate()\n", "time_limit_s": 10.0, "memory_limit_mb": 512,
    }  # fmt: skip


#: A program that does nothing, one that reads what everybody may read, and one that looks for its parent.
_SELF_CHECKS = (_check("pass"), _check("open('/proc/self/status')"), _check("os.kill(os.getppid(), 0)"))
