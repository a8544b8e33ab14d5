"""Values between the process of a judged program and that of its tests, which never share an interpreter.

Plain values are copied. Whatever else a program gives (functions, iterators, objects of its own classes) stays where it is, and the tests
get a `Remote` that asks the program's process; it is equal to nothing but itself, so no program can return what equals everything. What
comes from a program is unpickled with the classes of `PLAIN` alone; to a program go also functions that tests pass to it.
"""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import io
import marshal
import os
import pickle
import struct
import sys
import types
from collections.abc import Callable
from typing import Any, ClassVar

TESTS = "tests"  # the module that tests believe to be
MOST_BYTES = 64_000_000  # of one message
_LENGTH = struct.Struct("=Q")
#: Types that are copied; of their subclasses the value of the first that fits.
BASES: tuple[Any, ...] = (
    bool, int, float, complex, str, bytes, bytearray, tuple, list, collections.deque, dict, set, frozenset,
)  # fmt: skip
PLAIN = frozenset({
    *BASES, type(None), type(...), type(NotImplemented), range, slice, collections.OrderedDict, collections.Counter,
    decimal.Decimal, fractions.Fraction, datetime.date, datetime.datetime, datetime.time, datetime.timedelta, datetime.timezone,
})  # fmt: skip
_NAMED = {(kind.__module__, kind.__qualname__): kind for kind in PLAIN}
_NAMED |= {(kind.__module__.removeprefix("_"), kind.__qualname__): kind for kind in (fractions.Fraction, decimal.Decimal)}
#: The instructions of pickles that make values.
INSTRUCTIONS = (
    pickle.PROTO, pickle.FRAME, pickle.STOP, pickle.MARK, pickle.POP, pickle.POP_MARK, pickle.MEMOIZE, pickle.BINGET, pickle.LONG_BINGET,
    pickle.NONE, pickle.NEWTRUE, pickle.NEWFALSE, pickle.BININT, pickle.BININT1, pickle.BININT2, pickle.LONG1, pickle.LONG4, pickle.BINFLOAT,
    pickle.SHORT_BINUNICODE, pickle.BINUNICODE, pickle.BINUNICODE8, pickle.SHORT_BINBYTES, pickle.BINBYTES, pickle.BINBYTES8,
    pickle.BYTEARRAY8, pickle.EMPTY_TUPLE, pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3, pickle.EMPTY_LIST, pickle.APPEND,
    pickle.APPENDS, pickle.EMPTY_DICT, pickle.SETITEM, pickle.SETITEMS, pickle.EMPTY_SET, pickle.ADDITEMS, pickle.FROZENSET,
    pickle.STACK_GLOBAL, pickle.REDUCE, pickle.BINPERSID,
)  # fmt: skip
#: What tests may do to an object of a program, besides calling it and asking for attributes; never comparing.
SPECIAL = ("__iter__", "__next__", "__len__", "__getitem__", "__bool__", "__str__")


class Disconnected(EOFError):
    """The process at the other end has gone."""


class Wire:
    """Messages over two pipes.

    Args:
        reading, writing: file descriptors.
    """

    def __init__(self, reading: int, writing: int) -> None:
        self._reading, self._writing = reading, writing

    def send(self, content: bytes) -> None:
        """Write a message.

        Raises:
            Disconnected: nobody reads it.
        """
        rest = memoryview(_LENGTH.pack(len(content)) + content)
        try:
            while rest:
                rest = rest[os.write(self._writing, rest) :]
        except BrokenPipeError:
            raise Disconnected from None

    def receive(self) -> bytes:
        """Read a message.

        Raises:
            Disconnected: there is none, or it is longer than `MOST_BYTES`.
        """
        (length,) = _LENGTH.unpack(self._read(_LENGTH.size))
        if length > MOST_BYTES:
            raise Disconnected
        return self._read(length)

    def _read(self, length: int) -> bytes:
        content = bytearray()
        while len(content) < length:
            part = os.read(self._reading, min(length - len(content), 1 << 20))
            if not part:
                raise Disconnected
            content += part
        return bytes(content)


class FromProgram(pickle.Pickler):
    """Writes values of a program: plain ones as they are, all others as their place in a table."""

    def __init__(self, stream: io.BytesIO, objects: list[object]) -> None:
        super().__init__(stream, protocol=5)
        self._objects = objects

    def persistent_id(self, value: object) -> object:
        kind: Any = type(value)
        if kind in PLAIN or isinstance(value, BASES) or (isinstance(value, type) and value in PLAIN):
            return None
        if isinstance(value, types.ModuleType):
            return str(value.__name__)
        self._objects.append(value)
        return len(self._objects) - 1

    def reducer_override(self, value: Any) -> Any:
        """Return the value of a subclass of a plain type as one of that type."""
        kind = next((base for base in BASES if isinstance(value, base)), None)
        if kind is None or type(value) in PLAIN:
            return NotImplemented
        return kind, (kind(value),)


class OfProgram(pickle._Unpickler):
    """Reads what `FromProgram` writes: its instructions alone, and plain values alone.

    Above all not BUILD, which sets attributes: of a module, or of a class of the library, it would change what tests mean.
    """

    dispatch: ClassVar[dict[int, Any]] = {ord(code): pickle._Unpickler.dispatch[ord(code)] for code in INSTRUCTIONS}

    def __init__(self, content: bytes, remote: Callable[[int], object]) -> None:
        super().__init__(io.BytesIO(content))
        self._remote = remote

    def find_class(self, module: str, name: str) -> Any:
        kind = _NAMED.get((module, name))
        if kind is None:
            raise pickle.UnpicklingError(f"{module}.{name} is no plain value")
        return kind

    def persistent_load(self, place: object) -> object:
        if isinstance(place, str) and place.partition(".")[0] in sys.stdlib_module_names and place in sys.modules:
            return sys.modules[place]
        if not isinstance(place, int):
            raise pickle.UnpicklingError("no place of an object")
        return self._remote(place)


class FromTests(pickle.Pickler):
    """Writes what tests pass to a program: plain values, functions of the tests, and objects of the program itself."""

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream, protocol=5)

    def persistent_id(self, value: object) -> object:
        return value._place if isinstance(value, Remote) else None

    def reducer_override(self, value: Any) -> Any:
        """Return a function of the tests as its code; those of modules are known by name."""
        if not isinstance(value, types.FunctionType) or value.__module__ != TESTS:
            return NotImplemented
        cells = tuple(cell.cell_contents for cell in value.__closure__ or ())
        return function_of, (marshal.dumps(value.__code__), value.__name__, value.__defaults__, value.__kwdefaults__, cells)


def function_of(code: bytes, name: str, defaults: Any, keyword_defaults: Any, cells: tuple[object, ...]) -> types.FunctionType:
    """Return a function of the tests, made anew in the process of the program; of modules it knows the loaded ones."""
    loaded = marshal.loads(code)  # noqa: S302 - the tests wrote it
    known = {name: sys.modules[name] for name in loaded.co_names if name in sys.modules}
    closure = tuple(types.CellType(cell) for cell in cells)
    made = types.FunctionType(loaded, known | {"__builtins__": __builtins__}, name, defaults, closure)
    made.__kwdefaults__ = keyword_defaults
    return made


class OfTests(pickle.Unpickler):
    """Reads what `FromTests` writes, in the process of the program."""

    def __init__(self, content: bytes, objects: list[object]) -> None:
        super().__init__(io.BytesIO(content))
        self._objects = objects

    def persistent_load(self, place: Any) -> object:
        return self._objects[place]


Ask = Callable[..., Any]


class Remote:
    """An object in the process of the program: it can be called, asked for attributes and iterated over."""

    __slots__ = ("_ask", "_place")

    def __init__(self, place: int, ask: Ask) -> None:
        self._place, self._ask = place, ask

    def __call__(self, *arguments: object, **named: object) -> object:
        return self._ask("call", self._place, arguments, named)

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._ask("attribute", self._place, (name,), {})

    def __repr__(self) -> str:
        return "an object of the program"


def _forwarded(name: str) -> Callable[..., Any]:
    def ask(self: Remote, *arguments: object) -> Any:
        return self._ask(name, self._place, arguments, {})

    return ask


for _name in SPECIAL:
    setattr(Remote, _name, _forwarded(_name))


def refreshed(arguments: tuple[Any, ...], after: tuple[Any, ...]) -> None:
    """Give the tests' own lists, dictionaries and sets the content they have after a call, as if they had been shared."""
    for mine, now in zip(arguments, after, strict=False):
        if type(mine) is not type(now) or mine == now:
            continue
        if isinstance(mine, list | bytearray):
            mine[:] = now
        elif isinstance(mine, dict | set):
            mine.clear()
            mine.update(now)
