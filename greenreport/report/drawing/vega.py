"""Render charts: Vega-Lite specification in, SVG and PNG files out, in several processes.

Each process starts a JavaScript engine of its own, which takes a second, so a handful of charts is drawn in this one.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import re
import signal
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import vl_convert

from greenreport.between_processes import nothing_imported_from_here
from greenreport.report.drawing.checked_files import read_checked, write_checked
from greenreport.report.drawing.png import Picture, light

CLIPS = re.compile(r'<clipPath id="(clip\d+)"')
#: The engine resolves relative links against this address, of examples of data; ours lead into the site.
DEFAULT_BASE = "https://vega.github.io/vega-datasets/"
FEW = 16
PROCESSES = min(4, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart to draw: the specification for the page, the one for the picture where one is wanted, and the files (``.svg`` and ``.png``)."""

    svg_spec: str
    png_spec: str | None
    file: Path

    @property
    def svg(self) -> bytes | None:
        """The drawing for the page; None where it is not drawn yet, or its file was changed since."""
        return read_checked(self.file.with_suffix(".svg"))

    @property
    def png(self) -> bytes | None:
        """The picture, likewise; None where none is wanted."""
        return None if self.png_spec is None else read_checked(self.file.with_suffix(".png"))

    @property
    def complete(self) -> bool:
        """Whether everything is drawn."""
        return self.svg is not None and (self.png_spec is None or self.png is not None)

    def draw(self) -> None:
        """Write the files; a chart may not load data from any address."""
        svg = renumbered(vl_convert.vegalite_to_svg(self.svg_spec, allowed_base_urls=[])).replace(
            f'href="{DEFAULT_BASE}', 'href="'
        )
        write_checked(self.file.with_suffix(".svg"), svg.encode())
        if self.png_spec is not None:
            png = vl_convert.vegalite_to_png(self.png_spec, scale=2, allowed_base_urls=[])
            write_checked(self.file.with_suffix(".png"), light(png))


def draw(drawing: Drawing | Picture) -> None:
    """Draw in another process."""
    drawing.draw()


def renumbered(svg: str) -> str:
    """Return a drawing whose clip paths are numbered from 1 in their order.

    The engine numbers them across charts, so the bytes would depend on what the same process drew before.
    """
    names = {old: f"clip{number}" for number, old in enumerate(CLIPS.findall(svg), start=1)}
    return re.sub(r'(?<=<clipPath id=")clip\d+(?=")|(?<=url\(#)clip\d+(?=\))', lambda match: names.get(match[0], match[0]), svg)


class Drawings:
    """Charts and pictures to draw, which are drawn while others are still being made: a handful in this process, more of them in others.

    A context: those that nobody waits for when it ends, since a page was wrong, are not begun.
    """

    def __init__(self) -> None:
        self._waiting: dict[Path, Drawing | Picture] = {}
        self._begun: dict[Path, Future[None]] = {}

    def __enter__(self) -> Drawings:
        return self

    def __exit__(self, *error: object) -> None:
        for drawn in self._begun.values():
            drawn.cancel()

    def add(self, drawings: Iterable[Drawing | Picture]) -> None:
        """Take drawings, and begin those that are not drawn yet once there are more than a handful."""
        self._waiting |= {
            drawing.file: drawing for drawing in drawings if drawing.file not in self._begun and not drawing.complete
        }
        if len(self._waiting) + len(self._begun) > FEW and PROCESSES > 1:
            with _replaced_when_broken(), nothing_imported_from_here():
                for file, drawing in self._waiting.items():  # the processes may have begun in another folder
                    self._begun[file] = _processes().submit(draw, replace(drawing, file=file.absolute()))
            self._waiting.clear()

    def finish(self) -> None:
        """Draw what is left, and wait for the others."""
        for drawing in self._waiting.values():
            drawing.draw()
        with _replaced_when_broken():
            for drawn in self._begun.values():
                drawn.result()


@contextmanager
def _replaced_when_broken() -> Iterator[None]:
    """Begin new processes for the next study where one of these was killed."""
    try:
        yield
    except BrokenProcessPool:
        _processes.cache_clear()
        raise


@cache
def _processes() -> ProcessPoolExecutor:
    """Return the processes that draw, which stay for the next studies."""
    atexit.register(_processes.cache_clear)  # while the modules that end them are still there
    return ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn"), initializer=_end_with_parent)


def _end_with_parent() -> None:
    """End this process when its parent is killed; otherwise it would wait for charts for ever. Ctrl-C is the parent's affair."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def wait() -> None:
        if (parent := multiprocessing.parent_process()) is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
