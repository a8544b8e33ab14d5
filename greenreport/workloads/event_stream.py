"""Streams of events as servers send them (WHATWG HTML, server-sent events), read as they arrive."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """A line of data, and the name of the event it belongs to; empty where the stream gives none."""

    name: str
    data: str


def events(parts: Iterator[bytes]) -> Iterator[Event]:
    """Yield the events of a stream, each as soon as its data is complete.

    Comments, which keep a connection alive, and other fields are skipped. Each line of data is an event of its own: JSON takes one line,
    and an event would otherwise wait for the empty line after it.

    Raises:
        UnicodeDecodeError: a line is not UTF-8.
    """
    event = ""
    for line in _lines(without_mark(parts)):
        name, _, value = line.partition(":")
        match name:
            case "event":
                event = value.strip()
            case "data":
                yield Event(event, value.strip())
            case "" if not line:
                event = ""


def without_mark(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the parts of an answer without the byte order mark that some frameworks put before it."""
    beginning = b""
    for part in parts:
        beginning += part
        if not BOM_UTF8.startswith(beginning):
            yield beginning.removeprefix(BOM_UTF8)
            break
    yield from parts


def _lines(parts: Iterator[bytes]) -> Iterator[str]:
    """Yield the lines of a stream, which end with a line feed alone.

    Python's `splitlines` also ends a line at U+2028 and others, which JSON need not escape.
    """
    rest = bytearray()
    for part in parts:
        rest += part
        if b"\n" in part:
            *whole, rest = rest.split(b"\n")
            yield from (line.decode().rstrip("\r") for line in whole)
    yield rest.decode()
