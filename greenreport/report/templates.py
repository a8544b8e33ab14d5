"""The folders of templates, what a template may do, and drawings made from those in ``templates/drawings``.

Templates may be somebody else's: they come with studies that are cloned and built. They print what they are given, in the sandbox
of Jinja, and read no file outside their folders.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import jinja2
from jinja2.bccache import Bucket
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from greenreport.catalog import ADDED_PAGES
from greenreport.report.drawing.style import HAIR, INK, PAPER, SOFT
from greenreport.report.drawing.svg_text import FONT, lettered

#: Types whose methods templates may call; those that change a value are refused by the sandbox.
PLAIN = frozenset({str, int, float, tuple, list, set, frozenset, dict, Counter, MappingProxyType, Markup, type({}.items())})


def templates_folder() -> Path:
    """Return the folder of templates: inside the package when installed, in the source tree otherwise."""
    installed = Path(__file__).parents[1] / "templates"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "templates"


def template_folders(studies: Path) -> list[Path]:
    """Return the folders of templates in the order of search: beside the studies, of packages that add pages, the shipped one."""
    modules = (import_module(info.target.partition(":")[0]) for info in ADDED_PAGES.values())
    added = (Path(str(module.__file__)).parent / "templates" for module in modules)
    return [folder for folder in (studies / "templates", *added, templates_folder()) if folder.is_dir()]


def inside(file: Path, folder: Path) -> bool:
    """Return whether there is a file, and no link leads from it out of a folder."""
    return file.is_file() and file.resolve().is_relative_to(folder.resolve())


class TemplateLoader(jinja2.FileSystemLoader):
    """Reads templates of the folders; one that is a link out of its folder is not there."""

    def get_source(self, environment: jinja2.Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        text, file, fresh = super().get_source(environment, template)
        if not any(inside(Path(file), Path(folder)) for folder in self.searchpath):
            raise jinja2.TemplateNotFound(template, f"{template} is a link that leads out of the folder of templates")
        return text, file, fresh


class Compiled(jinja2.BytecodeCache):
    """Compiled templates of this process, which may build several sites; Jinja looks them up by name, file and content."""

    _code: ClassVar[dict[tuple[str, str], bytes]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if code := self._code.get((bucket.key, bucket.checksum)):
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key, bucket.checksum] = bucket.bytecode_to_string()


class Sandbox(ImmutableSandboxedEnvironment):
    """Lets templates call what plain values, greenreport's own types and Jinja offer, and nothing else.

    The sandbox of Jinja keeps templates from the insides of Python, not from methods: those of paths write files, those of pydantic's
    models unpickle.
    """

    #: By type and name of an attribute, which decide alone: Jinja asks the same of each cell of each table.
    #: It only asks about attributes that exist, so this stays small.
    _safe: ClassVar[dict[tuple[type, str], bool]] = {}

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if (key := (type(obj), attr)) not in self._safe:
            self._safe[key] = super().is_safe_attribute(obj, attr, value)
        return self._safe[key]

    def is_safe_callable(self, obj: Any) -> bool:
        owner = getattr(obj, "__self__", None)
        ours = re.match(_packages(), getattr(getattr(obj, "__func__", None), "__module__", None) or "")
        plain = type(owner) in PLAIN or obj is dict or type(obj).__module__.startswith("jinja2.")
        of_jinja = owner is None and (getattr(obj, "__module__", None) or "").startswith("jinja2.")
        return bool(ours or plain or of_jinja) and super().is_safe_callable(obj)


@cache
def _packages() -> str:
    """Return what names of modules begin with whose types templates may call: greenreport's, and of packages that add pages."""
    names = {"greenreport", *(info.target.partition(":")[0].partition(".")[0] for info in ADDED_PAGES.values())}
    return "|".join(rf"{re.escape(name)}(?:\.|$)" for name in sorted(names))


def draw(name: str, **values: Any) -> str:
    """Return a drawing as SVG on one line.

    Texts are escaped. A template places one with ``text(x, y, words, size, fill, …)``, as `lettered` does.

    Args:
        name: file in ``templates/drawings``.
        values: what the template prints.
    """
    return "".join(line.strip() for line in _drawings().get_template(name).render(**values).splitlines())


@cache
def _drawings() -> jinja2.Environment:
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates_folder() / "drawings"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    env.filters.update(g=lambda value: f"{value:g}", tenth=lambda value: f"{value:.1f}")
    env.globals.update(font=FONT, hair=HAIR, ink=INK, paper=PAPER, soft=SOFT, text=_text)
    return env


def _text(*arguments: Any, **options: Any) -> Markup:
    return Markup(lettered(*arguments, **options))  # noqa: S704 - it escapes the words itself
