"""Tests of themes: files beside the studies that change the look of the site."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from greenreport.report.check import check_site

Command = Callable[..., subprocess.CompletedProcess[str]]


def test_a_theme_changes_colours_blocks_and_pictures(site: Path, command: Command, tmp_path: Path) -> None:
    """A stylesheet after the shipped one, a template that extends the one it replaces, a picture: and the site is in order."""
    folder = tmp_path / "studies" / "templates"
    (folder / "assets").mkdir(parents=True)
    (folder / "base.html").write_text(
        '{% extends "shipped/base.html" %}\n{% block footer %}<p>Institute of {{ page.title }}</p>{% endblock %}\n',
        encoding="utf-8",
    )
    (folder / "assets" / "theme.css").write_text(":root { --link: #00508f; }\n", encoding="utf-8")
    (folder / "assets" / "logo.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>\n', encoding="utf-8")
    (folder / "assets" / ".hidden").write_text("x", encoding="utf-8")
    command("build", "--quiet")
    assert check_site(site) == []
    about = (site / "about" / "index.html").read_text(encoding="utf-8")
    assert "<p>Institute of About</p>" in about
    assert "Skip to the content" in about
    styles = next((site / "assets").glob("site.*.css")).read_text(encoding="utf-8")
    assert styles.startswith("/* greenreport")
    assert styles.endswith(":root { --link: #00508f; }\n")
    assert (site / "assets" / "logo.svg").is_file()
    assert not (site / "assets" / ".hidden").exists()
    assert not (site / "assets" / "theme.css").exists()


def test_a_stylesheet_of_the_same_name_takes_the_place_of_the_shipped_one(site: Path, command: Command, tmp_path: Path) -> None:
    """And gets a name of its own, so that no browser keeps the old one."""
    before = next((site / "assets").glob("site.*.css")).name
    folder = tmp_path / "studies" / "templates" / "assets"
    folder.mkdir(parents=True)
    (folder / "site.css").write_text("body { color: black; }\n", encoding="utf-8")
    command("build", "--quiet")
    [style] = (site / "assets").glob("site.*.css")
    assert style.read_text(encoding="utf-8") == "body { color: black; }\n"
    assert style.name != before
