"""The process of a judged program: it loads the program, and then does what the tests ask of its functions.

Everything here runs under `system_calls.lock`, beside a program that may do anything to its own interpreter. So nothing that this
process says is a verdict: it gives values, and the process of the tests compares them.
"""

from __future__ import annotations

import io
import pickle
import sys
import types
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from greenreport.quality.programs import defines, parts, program_of
from greenreport.quality.value_exchange import Disconnected, FromProgram, OfTests, Wire

#: The module a program believes to be.
NAME = "answer"


class NoProgram(Exception):
    """Nothing in the answer defines the function; the tests' process makes a verdict of it."""


def load(prompt: str, answer: str, entry_point: str, *, chat: bool) -> dict[str, Any]:
    """Run the program of an answer and return its globals.

    Examples and checks that a model writes below the function count neither for nor against it: what they raise is dropped.

    Raises:
        NoProgram: nothing in the answer defines the function.
        Exception: whatever the program raises until the function is defined.
    """
    program = program_of(prompt, answer, entry_point, chat=chat)
    if program is None:
        raise NoProgram
    module = types.ModuleType(NAME)
    sys.modules[NAME] = module
    warnings.simplefilter("ignore")
    compile(program, NAME, "exec")  # what does not compile as a whole does not count in parts
    if not defines(program, entry_point):  # but a method of a class, say
        raise NoProgram
    until, after = parts(program, entry_point)
    exec(compile(until, NAME, "exec"), module.__dict__)  # noqa: S102 - this is what the sandbox is for
    for statement in after:
        with suppress(Exception, SystemExit):  # an example of the model, not what was asked for
            exec(compile(statement, NAME, "exec"), module.__dict__)  # noqa: S102
    return module.__dict__


def serve(wire: Wire, prompt: str, answer: str, entry_point: str, *, chat: bool) -> None:
    """Do what the tests ask, until they have gone: first to load the program, then to use what it defined."""
    objects: list[object] = []
    try:
        while True:
            kind, place, content = pickle.loads(wire.receive())  # noqa: S301
            arguments, named = OfTests(content, objects).load()
            try:
                if kind == "load":
                    loaded = load(prompt, answer, entry_point, chat=chat)
                    result: object = {name: loaded[name] for name in arguments if name in loaded}
                else:
                    result = _done(kind, objects[place], arguments, named)
                reply: tuple[Any, ...] = ("value", result, arguments)
            except Disconnected:
                raise
            except BaseException as error:
                reply = ("raised", [kind.__name__ for kind in type(error).__mro__], _words(error))
            wire.send(_written(reply, objects))
    except Disconnected:
        return


def _done(kind: str, target: Any, arguments: Sequence[Any], named: dict[str, Any]) -> object:
    if kind == "call":
        return target(*arguments, **named)
    if kind == "attribute":
        return getattr(target, str(arguments[0]))
    if kind == "__bool__":
        return bool(target)
    special: Callable[..., object] | None = getattr(type(target), kind, None)
    if special is None:
        raise TypeError(f"{type(target).__name__} has no {kind}")
    return special(target, *arguments)


def _written(reply: tuple[Any, ...], objects: list[object]) -> bytes:
    stream = io.BytesIO()
    try:
        FromProgram(stream, objects).dump(reply)
    except BaseException as error:
        stream = io.BytesIO()
        FromProgram(stream, objects).dump(("raised", [kind.__name__ for kind in type(error).__mro__], _words(error)))
    return stream.getvalue()


def _words(error: BaseException) -> str:
    try:
        return str(error)[:1000]
    except BaseException:
        return ""
