"""The folder of templates, and drawings made from those in ``templates/drawings``."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from greenreport.catalog import ADDED_PAGES
from greenreport.report.drawing.style import HAIR, INK, PAPER, SOFT
from greenreport.report.drawing.svg_text import FONT, lettered


def templates_folder() -> Path:
    """Return the folder of templates: inside the package when installed, in the source tree otherwise."""
    installed = Path(__file__).parents[1] / "templates"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "templates"


def template_folders(studies: Path) -> list[Path]:
    """Return the folders of templates in the order of search: beside the studies, of packages that add pages, the shipped one."""
    modules = (import_module(info.target.partition(":")[0]) for info in ADDED_PAGES.values())
    added = (Path(str(module.__file__)).parent / "templates" for module in modules)
    return [folder for folder in (studies / "templates", *added, templates_folder()) if folder.is_dir()]


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
