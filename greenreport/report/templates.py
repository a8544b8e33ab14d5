"""Where templates lie, and the drawings that are made from them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from greenreport.report.drawing.style import HAIR, INK, PAPER, SOFT
from greenreport.report.drawing.svg_text import FONT, lettered


def templates_folder() -> Path:
    """Return the folder of templates: inside the package when installed, in the source tree otherwise."""
    installed = Path(__file__).parents[1] / "templates"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "templates"


def draw(name: str, **values: Any) -> str:
    """Return a drawing as SVG on one line.

    Every text is escaped; one that is to be placed is given to ``text(x, y, words, size, fill, …)``.

    Args:
        name: file in ``templates/drawings``.
        values: what the template prints.
    """
    lines = _drawings().get_template(name).render(**values).splitlines()
    return "".join(line.strip() for line in lines)


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
