"""Tests of the sandbox: programs that try to escape it, to forge their verdict, or to take what they may not have."""

from __future__ import annotations

import io
import json
import os
import pickle
import platform
import re
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from greenreport.errors import SandboxUnavailable
from greenreport.quality import sandbox as sandbox_module
from greenreport.quality import sandbox_server, system_calls
from greenreport.quality.sandbox import Limits, ProgramSandbox, Score
from greenreport.quality.system_calls import ALLOW, ALLOWED, ARCHITECTURES, DENIED, ERRNO, KILL, WRITING, filter_program
from greenreport.quality.value_exchange import OfProgram
from greenreport.record import VerdictCode
from tests.conftest import ROOT

TEST = "def check(candidate):\n    assert candidate(3) == 4\n    assert candidate(1) == 2\n"
RIGHT = "def f(x):\n    return x + 1\n"
PASSED, WRONG, ERROR, REFUSED = VerdictCode.PASSED, VerdictCode.WRONG, VerdictCode.ERROR, VerdictCode.REFUSED
TIMED_OUT, OUT_OF_MEMORY = VerdictCode.TIMED_OUT, VerdictCode.OUT_OF_MEMORY


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProgramSandbox]:
    """Return one sandbox for all programs of this file: none of them may harm the next."""
    with ProgramSandbox(Limits(time_s=2, memory_mb=200)) as made:
        yield made


@pytest.fixture(autouse=True)
def unharmed(sandbox: ProgramSandbox) -> Iterator[None]:
    """Check after each test that the same server judges on, and that no process of a program is left."""
    server = sandbox._server
    yield
    assert judged(sandbox, RIGHT) == Score(PASSED)
    assert server is not None
    assert sandbox._server is server
    assert Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text() == ""


def judged(sandbox: ProgramSandbox, program: str, test: str = TEST) -> Score:
    """Return what the sandbox says of a program that defines `f`."""
    return sandbox.run_tests("", program, "f", test, chat=True)


def body(*lines: str) -> str:
    """Return a right function that does something else first."""
    return "import os, sys\ndef f(x):\n" + "".join(f"    {line}\n" for line in (*lines, "return x + 1"))


def test_right_and_wrong_programs_are_told_apart(sandbox: ProgramSandbox) -> None:
    """With the reason: what was expected and given, what it raised, what it does not define."""
    assert judged(sandbox, RIGHT) == Score(PASSED)
    assert judged(sandbox, "def f(x):\n    return [x]") == Score(WRONG, "assert candidate(3) == 4; it gave [3]")
    spaces = judged(sandbox, "def f(x):\n    return 'a  b'", "def check(c):\n    assert c(1) == 'a b'\n")
    assert spaces == Score(WRONG, "assert c(1) == 'a b'; it gave 'a  b'")
    assert judged(sandbox, "def f(x):\n    return x / 0") == Score(ERROR, "ZeroDivisionError: division by zero")
    assert judged(sandbox, "def f(x:\n    return 1").code is ERROR
    assert judged(sandbox, "def g(x):\n    return x") == Score(VerdictCode.NO_ANSWER, "it defines no f")
    assert judged(sandbox, "def f(x):\n    return None", "def check(c):\n    assert abs(c(1) - 2) < 0.1\n").code is WRONG
    assert judged(sandbox, "class Solution:\n    def f(self, x):\n        return x").code is VerdictCode.NO_ANSWER
    assert judged(sandbox, "import numpy\n" + RIGHT) == Score(ERROR, "ModuleNotFoundError: No module named 'numpy'")
    assert judged(sandbox, "class E(Exception): pass\ndef f(x):\n    raise E('own')") == Score(ERROR, "E: own")


def test_examples_below_the_function_do_not_count(sandbox: ProgramSandbox) -> None:
    """Models call their function, assert what is not so, and ask for input."""
    assert judged(sandbox, RIGHT + "assert f(1) == 5\nprint(f(int(input())))\ndef late(): pass\nsys.exit(3)\n") == Score(PASSED)


def test_what_tests_may_pass_and_get(sandbox: ProgramSandbox) -> None:
    """Values, functions, iterators, objects with methods, exceptions to expect, lists that are changed in place."""
    program = """
from collections import Counter, deque, namedtuple
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
import math
Point = namedtuple("Point", "x y")
@dataclass
class Account:
    balance: int = 0
    def put(self, amount):
        self.balance += amount
        return self
def helper(x): return 2 * x
def f(what, *rest):
    if what == "values": return [1, 2.5, float("inf"), "é", b"x", None, True, (1,), {2}, {"a": [1j]}, Fraction(1, 3), Decimal("0.1")]
    if what == "kinds": return [Point(1, 2), Counter("aab"), deque([1]), range(3)]
    if what == "apply": return [rest[0](item) for item in rest[1]]
    if what == "make": return lambda y: y + rest[0]
    if what == "count": return (n * n for n in range(rest[0]))
    if what == "sort": rest[0].sort()
    if what == "fail": raise KeyError(rest[0])
    if what == "class": return Account(5)
"""
    test = """
import fractions
def check(candidate):
    import decimal
    third = fractions.Fraction(1, 3)
    assert candidate("values") == [1, 2.5, float("inf"), "é", b"x", None, True, (1,), {2}, {"a": [1j]}, third, decimal.Decimal("0.1")]
    assert candidate("kinds") == [(1, 2), {"a": 2, "b": 1}, __import__("collections").deque([1]), range(3)]
    factor = 3
    assert candidate("apply", lambda n: n * factor, [1, 2]) == [3, 6]
    assert candidate("apply", str, [1]) == ["1"]
    assert candidate("make", 2)(3) == 5
    assert list(candidate("count", 4)) == [0, 1, 4, 9]
    items = [3, 1, 2]
    assert candidate("sort", items) is None
    assert items == [1, 2, 3]
    try:
        candidate("fail", "k")
    except KeyError:
        pass
    else:
        raise AssertionError
    assert candidate("class").put(7).balance == 12
    assert helper(4) == 8 and math.sqrt(4) == 2
"""
    assert judged(sandbox, program, test) == Score(PASSED)


@pytest.mark.parametrize(
    ("program", "codes"),
    [
        pytest.param(body("while True: os.fork()"), {REFUSED}, id="fork bomb"),
        pytest.param(body("while True: pass"), {TIMED_OUT}, id="endless loop"),
        pytest.param(body("while True: print('x' * 100000)"), {TIMED_OUT}, id="endless output"),
        pytest.param(body("import time", "time.sleep(60)"), {TIMED_OUT}, id="sleep"),
        pytest.param(body("data = bytearray(10 ** 10)"), {OUT_OF_MEMORY}, id="memory at once"),
        pytest.param(body("data = []", "while True: data.append('x' * 10 ** 6 + str(len(data)))"), {OUT_OF_MEMORY}, id="memory bit by bit"),
        pytest.param("def f(x):\n    return [0] * (10 ** 7)", {OUT_OF_MEMORY, WRONG, TIMED_OUT}, id="large result"),
        pytest.param(
            "import signal\nfor s in range(1, 32):\n    try: signal.signal(s, signal.SIG_IGN)\n    except Exception: pass\n"
            "def f(x):\n    while True:\n        try:\n            while True: pass\n        except BaseException: pass",
            {TIMED_OUT}, id="ignores every signal and exception",
        ),
        pytest.param(
            "import sys\ndef f(x):\n    while True:\n        try: sys.exit()\n        except SystemExit: continue", {TIMED_OUT}, id="exits for ever"
        ),
        pytest.param(body("import threading", "threading.Thread(target=print).start()"), {REFUSED}, id="thread"),
        pytest.param(body("import subprocess", "subprocess.run(['true'])"), {REFUSED}, id="subprocess"),
        pytest.param(body("os.execv('/bin/true', ['true'])"), {REFUSED}, id="exec"),
        pytest.param(body("os.system('true')"), {REFUSED}, id="shell"),
        pytest.param(body("import multiprocessing", "multiprocessing.Process(target=print).start()"), {REFUSED, ERROR}, id="multiprocessing"),
        pytest.param(body("os.kill(os.getppid(), 9)"), {REFUSED}, id="kill the parent"),
        pytest.param(body("os.kill(-1, 9)"), {REFUSED}, id="kill everybody"),
        pytest.param(body("import signal", "signal.raise_signal(signal.SIGSTOP)"), {REFUSED}, id="stop itself"),
        pytest.param(body("sys.setrecursionlimit(10 ** 9)", "g = lambda n: g(n + 1) + 1", "g(0)"), {ERROR, OUT_OF_MEMORY, TIMED_OUT}, id="recursion"),
        pytest.param(body("sys.setrecursionlimit(10 ** 9)", "g = lambda n: max([n], key=g)", "g(0)"), {ERROR}, id="recursion to the end of the stack"),
        pytest.param(body("import ctypes", "ctypes.string_at(0)"), {ERROR}, id="crash"),
        pytest.param(body("import os", "os.abort()"), {ERROR, REFUSED}, id="abort"),
        pytest.param("def f(x):\n    a = []\n    for _ in range(10 ** 5): a = [a]\n    return a", {ERROR}, id="deep result"),
        pytest.param("def f(x):\n    a = []\n    a.append(a)\n    return a", {WRONG}, id="result that holds itself"),
        pytest.param("(" * 50_000 + "\ndef f(x): return x + 1", {ERROR, VerdictCode.NO_ANSWER}, id="nested text"),
        pytest.param("f = " + "-" * 150_000 + "1", {ERROR, WRONG, VerdictCode.NO_ANSWER}, id="nested operators"),
    ],
)  # fmt: skip
def test_programs_that_take_too_much_or_start_others_are_ended(
    sandbox: ProgramSandbox, program: str, codes: set[VerdictCode]
) -> None:
    """In time, each with what ended it, and without harm to the next program."""
    began = time.monotonic()
    assert judged(sandbox, program).code in codes
    assert time.monotonic() - began < 20


SECRET = "kept from judged programs"


@pytest.mark.parametrize(
    "reading",
    [
        "open({file!r}).read()",
        "open('/etc/passwd').read()",
        "open(os.path.expanduser('~/.bashrc')).read()",
        "os.listdir(os.path.expanduser('~/.ssh'))",
        "os.stat({file!r})",
        "open('/proc/self/environ').read()",
        "open(f'/proc/{{os.getppid()}}/environ').read()",
        "open(f'/proc/{{os.getppid()}}/mem', 'rb').read(1)",
        "__import__('pathlib').Path({link!r}).read_text()",
        "__import__('_io').FileIO({file!r}).read()",
        "os.open({file!r}, os.O_RDONLY)",
        "os.open({file!r}, os.O_PATH)",
        "__import__('runpy').run_path({file!r})",
        "__import__('sqlite3').connect({file!r})",
    ],
)
def test_no_file_can_be_read(sandbox: ProgramSandbox, tmp_path: Path, reading: str) -> None:
    """Neither those of the user, nor those of the system, nor what /proc tells of the parent; the tests see only the refusal."""
    file, link = tmp_path / "secret.txt", tmp_path / "link"
    file.write_text(SECRET)
    link.symlink_to(file)
    program = f"import os\ndef f(x):\n    return [{reading.format(file=str(file), link=str(link))}, x][1] + 1\n"
    score = judged(sandbox, program)
    assert score.code in (REFUSED, ERROR)
    assert score.detail is not None
    assert any(word in score.detail for word in ("PermissionError", "not allowed", "ModuleNotFoundError"))


@pytest.mark.parametrize(
    "writing",
    [
        "open({new!r}, 'w').write('x')",
        "open({file!r}, 'a').write('x')",
        "open({file!r}, 'r+').write('x')",
        "os.open({new!r}, os.O_CREAT)",
        "os.truncate({file!r}, 0)",
        "os.remove({file!r})",
        "__import__('shutil').rmtree({folder!r})",
        "os.rename({file!r}, {new!r})",
        "os.symlink({file!r}, {new!r})",
        "os.link({file!r}, {new!r})",
        "os.mkdir({new!r})",
        "os.chmod({file!r}, 0)",
        "os.utime({file!r}, (0, 0))",
        "os.mkfifo({new!r})",
        "os.memfd_create('x')",
        "os.chdir({folder!r})",
        "__import__('tempfile').mkdtemp()",
    ],
)
def test_no_file_can_be_written_moved_or_removed(sandbox: ProgramSandbox, tmp_path: Path, writing: str) -> None:
    """What lies there stays as it is."""
    file, new = tmp_path / "kept.txt", tmp_path / "new"
    file.write_text(SECRET)
    before = file.stat()
    program = body("try:", "    " + writing.format(file=str(file), new=str(new), folder=str(tmp_path)), "except OSError: pass")
    assert judged(sandbox, program.replace("except", "except")).code in (REFUSED, PASSED)
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]
    after = file.stat()
    assert (file.read_text(), after.st_mode, after.st_mtime_ns) == (SECRET, before.st_mode, before.st_mtime_ns)


@pytest.mark.parametrize("kind", ["SOCK_STREAM", "SOCK_DGRAM"])
def test_nothing_can_be_sent(sandbox: ProgramSandbox, kind: str) -> None:
    """A server on the same machine hears nothing."""
    with socket.socket(socket.AF_INET, getattr(socket, kind)) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.2)
        if kind == "SOCK_STREAM":
            server.listen()
        address = server.getsockname()
        connect = f"socket.socket(socket.AF_INET, socket.{kind}).connect({address!r})"
        send = f"socket.socket(socket.AF_INET, socket.{kind}).sendto(b'x', {address!r})"
        for action in (connect, send, "socket.socketpair()", "socket.getaddrinfo('localhost', 80)"):
            assert judged(sandbox, body("import socket", action)).code in (REFUSED, ERROR)
        with pytest.raises(TimeoutError):
            _ = server.accept() if kind == "SOCK_STREAM" else server.recv(1)


VERDICT = json.dumps(["passed", None])


@pytest.mark.parametrize(
    "forging",
    [
        pytest.param(f"def f(x):\n    print('{VERDICT}')\n    return 0", id="prints"),
        pytest.param(
            f"import os\ndef f(x):\n    for fd in range(64):\n        try: os.write(fd, b'{VERDICT}')\n        except OSError: pass\n    return 0",
            id="writes into every pipe",
        ),
        pytest.param(
            f"import os, struct\ndef f(x):\n    for fd in range(64):\n        try: os.write(fd, struct.pack('=Q', {len(VERDICT)}) + b'{VERDICT}')\n"
            "        except OSError: pass\n    os._exit(0)",
            id="writes messages into every pipe",
        ),
        pytest.param("import os\nos._exit(0)\ndef f(x): pass", id="ends at once"),
        pytest.param("import os\ndef f(x): os._exit(0)", id="ends when called"),
        pytest.param("import sys\ndef f(x): sys.exit(0)", id="exits when called"),
        pytest.param("import sys\nsys.exit(0)\ndef f(x): pass", id="exits at once"),
        pytest.param("import atexit, os\natexit.register(os._exit, 0)\ndef f(x): raise SystemExit(0)", id="exits at the exit"),
        pytest.param("import atexit\natexit.register(lambda: 1 / 0)\ndef f(x): return 0", id="raises at the exit"),
        pytest.param("def check(candidate): pass\ndef f(x): return 0", id="another check"),
        pytest.param("import builtins\nbuiltins.AssertionError = ZeroDivisionError\ndef f(x): return 0", id="another AssertionError"),
        pytest.param(
            "import sys\nfor module in list(sys.modules.values()):\n    for name in ('check', 'judge_by_tests', '_verdict', 'conduct', '_report'):\n"
            "        if hasattr(module, name): setattr(module, name, lambda *a, **k: ('passed', None))\ndef f(x): return 0",
            id="replaces the judge",
        ),
        pytest.param(
            "class Equal:\n    def __eq__(self, other): return True\n    def __ne__(self, other): return False\n    __hash__ = None\n"
            "def f(x): return Equal()",
            id="equals everything",
        ),
        pytest.param(
            "class Equal(int):\n    def __eq__(self, other): return True\n    __hash__ = int.__hash__\ndef f(x): return Equal(7)",
            id="a number that equals everything",
        ),
        pytest.param(
            "import gc, sys, types\nfor o in gc.get_objects():\n    if isinstance(o, dict) and 'check' in o: o['check'] = print\n"
            "frame = sys._getframe()\nwhile frame:\n    frame.f_globals['VerdictCode'] = None; frame = frame.f_back\ndef f(x): return 0",
            id="walks objects and frames",
        ),
        pytest.param(
            "import os, pickle, struct\nclass Call:\n    def __reduce__(self): return (os._exit, (0,))\ndata = pickle.dumps(('value', Call(), ()))\n"
            "def f(x):\n    for fd in range(3, 64):\n        try: os.write(fd, struct.pack('=Q', len(data)) + data)\n        except OSError: pass\n    return 0",
            id="pickles a call",
        ),
        pytest.param("import os\ndef f(x):\n    os.closerange(0, 64)\n    while True: pass", id="closes every pipe"),
        pytest.param("def f(x):\n    raise AssertionError", id="raises what tests raise"),
        pytest.param("def f(x):\n    raise StopIteration", id="raises StopIteration"),
        pytest.param("class E(BaseException):\n    def __str__(self): raise self\ndef f(x):\n    raise E", id="raises what raises"),
    ],
)  # fmt: skip
def test_no_program_can_forge_its_verdict(sandbox: ProgramSandbox, forging: str) -> None:
    """Tests and program share no interpreter, and what a program writes is no verdict."""
    assert judged(sandbox, forging).code not in (PASSED, VerdictCode.NO_ANSWER)
    swallowing = "def check(candidate):\n    try:\n        candidate(3)\n    except BaseException:\n        pass\n    assert candidate(3) == 4\n"
    assert judged(sandbox, forging, swallowing).code is not PASSED


@pytest.mark.parametrize(
    "call",
    [
        "process_vm_readv(os.getppid(), 0, 0, 0, 0, 0)",
        "ptrace(16, os.getppid(), 0, 0)",
        "prctl(22, 0)",
        "unshare(0x10000000)",
        "mount(0, 0, 0, 0, 0)",
        "shmget(0, 4096, 0o1777)",
        "syscall(435, 0, 0)",
        "syscall(425, 8, 0)",
        "setuid(0)",
        "chroot(b'/')",
    ],
)
def test_no_other_system_call_can_be_made(sandbox: ProgramSandbox, call: str) -> None:
    """To read another process's memory, to lift the filter, clone3, io_uring: also in machine code of the program's own."""
    assert judged(sandbox, body("import ctypes", f"ctypes.CDLL(None).{call}")).code is REFUSED


@pytest.mark.skipif(platform.machine() != "x86_64", reason="machine code of x86-64")
def test_no_system_call_of_another_abi_can_be_made(sandbox: ProgramSandbox) -> None:
    """The same kernel takes calls of 32-bit programs, and of a second 64-bit ABI, under other numbers."""
    for code in ("b814000000cd80c3", "b827000040" + "0f05c3"):  # getpid by int 0x80, and by x32
        run = [
            "import ctypes, mmap",
            f"code = bytes.fromhex('{code}')",
            "page = mmap.mmap(-1, 4096, prot=7)",
            "page.write(code)",
        ]
        run.append("ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()")
        assert judged(sandbox, body(*run)).code in (REFUSED, ERROR)


def test_a_program_knows_nothing_of_who_started_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the environment, no argument, no folder to import from."""
    monkeypatch.setenv("API_KEY", SECRET)
    with ProgramSandbox(Limits(2, 200)) as made:
        program = "import os, sys\ndef f(x):\n    return [sorted(os.environ), sys.argv, sys.path]\n"
        test = "def check(c):\n    assert c(1) == [['LC_ALL', 'PYTHONHASHSEED'], ['-c'], []]\n"
        assert judged(made, program, test) == Score(PASSED)


def test_the_same_program_gets_the_same_verdict(sandbox: ProgramSandbox) -> None:
    """Sets have one order and random numbers one seed, in every process."""
    program = "import random\ndef f(x):\n    return [list({'a', 'b', 'c', 'd'}), random.random()]\n"
    first = judged(sandbox, program).detail
    with ProgramSandbox(Limits(2, 200)) as other:
        assert judged(other, program).detail == first
    assert first is not None
    assert "it gave [['" in first


def test_tests_are_held_too(sandbox: ProgramSandbox) -> None:
    """They come from files of prompts: they reach nothing either, and what they break is their own verdict."""
    for act in ("open('/etc/passwd')", "__import__('socket').socket()", "__import__('os').fork()"):
        assert judged(sandbox, RIGHT, f"def check(c):\n    {act}\n").code in (REFUSED, WRONG)
    write = "import os\ndef check(c):\n    for fd in range(3, 64):\n        try: os.write(fd, b'[1]')\n        except OSError: pass\n"
    assert judged(sandbox, RIGHT, write) == Score(ERROR, "its tests wrote into the pipe of the verdict")
    assert judged(sandbox, RIGHT, "def check(c):\n    while True: pass\n").code is TIMED_OUT
    assert judged(sandbox, RIGHT, "class C: pass\ndef check(c):\n    c(C())\n").code is ERROR
    assert judged(sandbox, RIGHT, "import os\ndef check(c): os._exit(0)\n") == Score(ERROR, "its tests ended too early")


def test_patterns_are_searched_in_bounded_time(sandbox: ProgramSandbox) -> None:
    """One that backtracks for ever is a time-out, not a hang."""
    assert sandbox.search(r"\b4\d\b", "it is 42.") == Score(PASSED)
    assert sandbox.search(r"\b4\d\b", "it is 52.") == Score(WRONG, "it does not contain the pattern")
    assert sandbox.search(r"(a+)+$", "a" * 60 + "b").code is TIMED_OUT


def test_what_a_program_says_becomes_one_line_that_can_be_stored(sandbox: ProgramSandbox) -> None:
    """No escape sequence reaches a terminal, and no half character a file."""
    score = judged(sandbox, "def f(x):\n    raise ValueError('\\x1b[31m\\n\\ud800' + 'y' * 9999)")
    assert score.code is ERROR
    assert score.detail is not None
    assert score.detail.startswith("ValueError:  [31m ?yyy")
    assert score.detail.endswith("…")
    assert len(score.detail) == 200


def test_a_server_that_is_killed_costs_no_verdict() -> None:
    """It is started again; where that does not help, the answer has an error and the next one is judged."""
    with ProgramSandbox(Limits(2, 200)) as made:
        assert made._server is not None
        made._server.kill()
        assert judged(made, RIGHT) == Score(PASSED)


def test_programs_end_with_the_process_that_judges_them(tmp_path: Path) -> None:
    """Killed like that, it cleans up nothing itself."""
    code = (
        "from greenreport.quality.sandbox import *\nwith ProgramSandbox(Limits(60, 200)) as s:\n    print(s._server.pid, flush=True)\n"
        f"    s.run_tests('', {body('while True: pass')!r}, 'f', {TEST!r}, chat=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as judging:
        assert judging.stdout is not None
        server = int(judging.stdout.readline())
        children = Path(f"/proc/{server}/task/{server}/children")
        deadline = time.monotonic() + 30
        while len(running := [int(pid) for pid in children.read_text().split()]) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        judging.kill()
    while any(
        Path(f"/proc/{pid}/stat").exists() and ") Z" not in Path(f"/proc/{pid}/stat").read_text() for pid in (server, *running)
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_without_a_filter_nothing_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel holds no program, that is said with what to do; the sandbox tries it before the first answer."""
    start = sandbox_module._START.replace(
        "; main()", "; from greenreport.quality import system_calls; system_calls.lock = {}; main()"
    )
    monkeypatch.setattr(sandbox_module, "_START", start.replace("{}", "lambda: None"))
    with (
        pytest.raises(SandboxUnavailable, match="could reach files or processes here; score on a Linux machine"),
        ProgramSandbox(Limits()),
    ):
        pass
    monkeypatch.setattr(sandbox_module, "_START", start.replace("{}", "lambda: 1 / 0"))
    with pytest.raises(SandboxUnavailable, match="could reach files"), ProgramSandbox(Limits()):
        pass
    monkeypatch.setattr(sandbox_module, "_START", "import nothing")
    with pytest.raises(SandboxUnavailable, match="does not start"), ProgramSandbox(Limits()):
        pass


def test_unknown_machines_have_no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers of system calls differ; none are guessed."""
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(system_calls.FilterUnavailable, match="not known"):
        system_calls.lock()


def outcome(program: bytes, audit: int, number: int, third: int = 0) -> int:
    """Run a filter as the kernel does, on one call."""
    data = struct.pack("=IIQ6Q", number, audit, 0, 0, 0, third, 0, 0, 0)
    instructions = list(struct.iter_unpack("=HBBI", program))
    place = word = 0
    while True:
        code, if_true, if_false, constant = instructions[place]
        place += 1
        if code == 0x20:
            (word,) = struct.unpack_from("=I", data, constant)
        elif code == 0x06:
            return int(constant)
        else:
            holds = {0x15: word == constant, 0x35: word >= constant, 0x45: bool(word & constant)}[code]
            place += if_true if holds else if_false


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_filter_admits_what_is_listed_and_nothing_else(name: str) -> None:
    """For every number there is, on each architecture, and for every way to open a file."""
    made = ARCHITECTURES[name]
    program = filter_program(made)
    allowed = {made.numbers[call] for call in ALLOWED if call in made.numbers}
    denied = {made.numbers[call] for call in DENIED if call in made.numbers}
    for number in [*range(600), 0x40000000, 0x40000000 + 39, 0xFFFFFFFF]:
        expected = ALLOW if number in allowed else ERRNO | 13 if number in {*denied, made.numbers["openat"]} else KILL
        assert outcome(program, made.audit, number) == expected
        assert outcome(program, 0x40000003, number) == KILL
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_CREAT, os.O_TRUNC, os.O_APPEND, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC):
        assert flags & WRITING
        assert outcome(program, made.audit, made.numbers["openat"], flags) == KILL
    assert outcome(program, made.audit, made.numbers["openat"], os.O_RDONLY | os.O_CLOEXEC) == ERRNO | 13


@pytest.mark.parametrize(
    ("name", "header", "line"),
    [
        ("x86_64", "/usr/include/x86_64-linux-gnu/asm/unistd_64.h", r"#define __NR_(\w+) (\d+)"),
        ("aarch64", "/usr/include/asm-generic/unistd.h", r"#define __NR(?:3264)?_(\w+) (\d+)"),
    ],
)
def test_the_numbers_are_those_of_the_kernel(name: str, header: str, line: str) -> None:
    """As its own headers have them."""
    if not Path(header).is_file():
        pytest.skip(f"the headers of the C library are not installed ({header})")
    known = {call: int(number) for call, number in re.findall(line, Path(header).read_text(encoding="utf-8"))}
    known.setdefault("newfstatat", known.get("fstatat", -1))  # the name it has where there is one of 32 bits
    assert {call: known.get(call) for call in ARCHITECTURES[name].numbers} == dict(ARCHITECTURES[name].numbers)


def solutions() -> Iterator[tuple[dict[str, str], bool]]:
    """Yield the problems that come with greenreport, and whether their solutions are whole functions."""
    for name, whole in (("elementary", True), ("builtin", False)):
        for line in (ROOT / "studies" / "prompts" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            yield json.loads(line), whole


def test_the_solutions_of_our_problems_pass_in_the_sandbox(sandbox: ProgramSandbox) -> None:
    """Each in its own way: as an answer in a chat, or as the rest of a function. And fast, hundreds of them."""
    problems = list(solutions())
    began = time.monotonic()
    failed = {
        task["task_id"]: score
        for task, whole in problems
        if (
            score := sandbox.run_tests(
                task["prompt"], task["canonical_solution"], task["entry_point"], task["test"], chat=whole
            )
        )
        != Score(PASSED)
    }
    assert failed == {}
    assert (time.monotonic() - began) / len(problems) < 1


@pytest.mark.parametrize("target", ["builtins", "collections.Counter"])
def test_what_a_program_sends_sets_no_attribute(target: str) -> None:
    """Of a module or a class that tests use: Python's own reader of pickles would."""
    name, _, kind = target.partition(".")
    push = f"\x8c{chr(len(name))}{name}" + (f"\x8c{chr(len(kind))}{kind}\x93" if kind else "Q")
    content = ("\x80\x05" + push + "N}(\x8c\x06forged\x88u\x86b.").encode("latin-1")

    class Trusting(pickle.Unpickler):
        def persistent_load(self, place: object) -> object:
            return sys.modules[str(place)]

    found = Trusting(io.BytesIO(content)).load()
    assert found.forged is True
    del found.forged
    with pytest.raises(KeyError):
        OfProgram(content, lambda place: place).load()
    assert not hasattr(found, "forged")


def test_what_the_end_of_a_process_means() -> None:
    """A kill without CPU time used up is the system's, for want of memory; a program can ignore the first signal at its CPU limit."""
    assert sandbox_server._verdict_on(signal.SIGKILL, 0.1, 2.0)[0] is OUT_OF_MEMORY
    assert sandbox_server._verdict_on(signal.SIGKILL, 3.0, 2.0)[0] is TIMED_OUT
    assert sandbox_server._verdict_on(signal.SIGXCPU, 2.0, 2.0)[0] is TIMED_OUT
    assert sandbox_server._verdict_on(signal.SIGSYS, 0.0, 2.0)[0] is REFUSED
    assert sandbox_server._verdict_on(signal.SIGSEGV, 0.0, 2.0) == (ERROR, "crashed (SIGSEGV)")
    assert sandbox_server._verdict_on(0, 0.0, 2.0)[0] is ERROR
