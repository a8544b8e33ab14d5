"""The process that judges: it runs the tests of a task, and asks the process of the program for each call of its function.

A program never shares an interpreter with the tests, so it can neither replace what they use nor say that they passed. This process is
locked too, since tests come from files of prompts.
"""

from __future__ import annotations

import ast
import builtins
import io
import pickle
import re
import symtable
import traceback
from typing import Any

from greenreport.quality.value_exchange import TESTS, Disconnected, FromTests, OfProgram, Remote, Wire, refreshed
from greenreport.record import VerdictCode

#: How an exception of a program is known: not by its class, which tests may raise too.
_MARK = "of_program"


class Malformed(Exception):
    """The program's process sends what is no reply."""


class Program:
    """The program in its own process.

    Attributes:
        gone: whether its process has ended; no verdict of the tests counts then.
        last: what its last call gave.
        calls: number of calls so far.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.gone = False
        self.last: object = None
        self.calls = 0

    def ask(self, kind: str, place: int, arguments: tuple[object, ...], named: dict[str, object]) -> Any:
        """Let the program do something, and return what it gives or raise what it raises.

        Raises:
            Disconnected: its process has ended.
            Malformed: it sends something else than a reply.
        """
        stream = io.BytesIO()
        FromTests(stream).dump((arguments, named))
        try:
            self._wire.send(pickle.dumps((kind, place, stream.getvalue())))
            content = self._wire.receive()
        except Disconnected:
            self.gone = True
            raise
        try:
            said, value, rest = OfProgram(content, lambda number: Remote(number, self.ask)).load()
        except (MemoryError, RecursionError):
            raise
        except Exception as error:
            raise Malformed from error
        if said == "raised":
            raise _raised(value, str(rest))
        refreshed(arguments, rest)
        if kind == "call":
            self.last, self.calls = value, self.calls + 1
        return value


def judge_by_tests(wire: Wire, test: str, entry_point: str) -> tuple[VerdictCode, str | None] | None:
    """Run the tests against the program; None where its process ended before they did, and nobody here knows why."""
    program = Program(wire)
    namespace: dict[str, Any] = {"__name__": TESTS}
    try:
        loaded = program.ask("load", 0, (entry_point, *_wanted(test)), {})
        if not isinstance(loaded, dict) or entry_point not in loaded:
            return VerdictCode.NO_ANSWER, f"it defines no {entry_point}"
        namespace |= loaded
        exec(compile(test, TESTS, "exec"), namespace)  # noqa: S102 - the tests of the study's task
        namespace["check"](loaded[entry_point])
    except BaseException as error:
        return None if program.gone else _verdict(error, program, test, entry_point)
    return None if program.gone else (VerdictCode.PASSED, None)


def judge_by_pattern(pattern: str, text: str) -> tuple[VerdictCode, str | None]:
    """Search a text for a regular expression, which may take for ever."""
    if re.search(pattern, text):
        return VerdictCode.PASSED, None
    return VerdictCode.WRONG, "it does not contain the pattern"


def _wanted(test: str) -> list[str]:
    """Return the names that the tests take from the program: those they use and neither define nor import, and no builtins."""
    tables = [symtable.symtable(test, TESTS, "exec")]
    defined = {symbol.get_name() for symbol in tables[0].get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    used: set[str] = set()
    while tables:
        table = tables.pop()
        used |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global() and symbol.is_referenced()}
        tables += table.get_children()
    return sorted(used - defined - set(dir(builtins)))


def _raised(names: object, words: str) -> BaseException:
    """Return the exception of a program as the nearest one that Python itself has."""
    for name in names if isinstance(names, list) else ():
        kind = getattr(builtins, name, None) if isinstance(name, str) else None
        if isinstance(kind, type) and issubclass(kind, BaseException):
            try:
                error = kind(words)
            except TypeError:  # one that needs more than words
                continue
            setattr(error, _MARK, names)
            return error
    return Malformed()


def _verdict(error: BaseException, program: Program, test: str, entry_point: str) -> tuple[VerdictCode, str]:
    names = getattr(error, _MARK, None)
    kind = names[0] if names else type(error).__name__
    what = f"{kind}: {error}" if str(error) else kind
    if names is not None and names[0] == "NoProgram":
        return VerdictCode.NO_ANSWER, f"it defines no {entry_point}"
    if isinstance(error, MemoryError):
        return VerdictCode.OUT_OF_MEMORY, "it needs more memory than the study allows"
    if isinstance(error, Malformed):
        return VerdictCode.REFUSED, "it wrote into the pipe of its tests"
    if isinstance(error, PermissionError) and names is not None:
        return VerdictCode.REFUSED, what
    if names is not None:
        return VerdictCode.ERROR, what
    if isinstance(error, pickle.PicklingError):
        return VerdictCode.ERROR, f"the tests pass what cannot be handed over: {what}"
    line = _failed_line(error, test)
    gave = f"; it gave {_shown(program.last)}" if program.calls else ""
    return VerdictCode.WRONG, f"{line or what}{gave}" if isinstance(error, AssertionError) else f"{what}, at {line}{gave}"


def _failed_line(error: BaseException, test: str) -> str:
    """Return the statement of the tests that failed, in one line."""
    numbers = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == TESTS and frame.lineno]
    if not numbers:
        return ""
    for node in ast.walk(ast.parse(test)):
        if isinstance(node, ast.Assert) and node.lineno <= numbers[-1] <= (node.end_lineno or 0):
            return ast.unparse(node)
    return test.splitlines()[numbers[-1] - 1].strip()


def _shown(value: object) -> str:
    try:
        return repr(value)
    except (ValueError, RecursionError, MemoryError, Disconnected):  # a number of too many digits, a list that holds itself
        return "what cannot be printed"
