"""Tests of themes: files beside the studies that change the look of the site."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from jinja2 import TemplateNotFound, UndefinedError
from jinja2.sandbox import SecurityError

from greenreport.report.check import check_site
from greenreport.report.render import environment
from greenreport.report.templates import templates_folder
from greenreport.study import Site

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


ESCAPES = (
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ settings.__init__.__globals__ }}",
    "{{ (''|attr('__class__')) }}",
    "{{ [settings]|map(attribute='__class__')|first }}",
    "{{ '{0.__class__}'.format(settings) }}",
    "{{ '{x.__class__}'.format_map({'x': settings}) }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ self._TemplateReference__context }}",
    "{{ self.__init__.__globals__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{% set x = page.__class__ %}{{ x }}",
    "{{ settings.parse_raw(b, proto='pickle', allow_pickle=True) }}",
    "{{ settings.parse_file('/etc/passwd') }}",
    "{{ settings.model_copy() }}",
    "{{ settings.model_construct() }}",
    "{{ file.write_text('x') }}",
    "{{ file.read_text() }}",
    "{{ file.parent.iterdir()|list }}",
    "{{ file.open() }}",
    "{{ rows.append(1) }}",
    "{{ rows.clear() }}",
    "{{ rows.index(2) }}{{ rows.index(2) }}{{ rows.append(1) }}",
    "{{ open('/etc/passwd') }}",
    "{{ program('id') }}",
    "{{ generator.gi_frame.f_globals }}",
)


@pytest.mark.parametrize("escape", ESCAPES)
def test_a_template_cannot_leave_the_sandbox(escape: str, tmp_path: Path) -> None:
    """The well-known ways out, and methods of values that would write, read or unpickle."""
    file = tmp_path / "file"
    file.write_text("untouched", encoding="utf-8")
    rows = [2]
    values = {
        "settings": Site(), "page": Site(), "file": file, "rows": rows, "b": b"cos\nsystem\n(S'id'\ntR.", "program": subprocess.run,
        "generator": (row for row in rows),
    }  # fmt: skip
    template = environment([templates_folder()]).from_string(escape)
    with pytest.raises((SecurityError, UndefinedError)):
        template.render(**values)
    assert rows == [2]
    assert file.read_text(encoding="utf-8") == "untouched"


def test_what_leaves_the_sandbox_stops_the_build_with_page_and_line(site: Path, command: Command, tmp_path: Path) -> None:
    """The old site stays."""
    before = (site / "index.html").read_bytes()
    folder = tmp_path / "studies" / "templates"
    folder.mkdir()
    (folder / "index.html").write_text("one\n{{ settings.model_dump() }}\n", encoding="utf-8")
    error = command("build", check=4).stderr
    assert "page index.html: template index.html, line 2" in error
    assert "is not safely callable" in error
    assert (site / "index.html").read_bytes() == before


@pytest.mark.parametrize("name", ["/etc/passwd", "../../../etc/passwd", "shipped/../../etc/passwd", "link.html", "away/secret"])
def test_a_template_reads_no_file_outside_its_folder(name: str, tmp_path: Path) -> None:
    """By its path, through dots, or through a link."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret", encoding="utf-8")
    theme = tmp_path / "templates"
    theme.mkdir()
    (theme / "link.html").symlink_to(tmp_path / "outside" / "secret")
    (theme / "away").symlink_to(tmp_path / "outside")
    env = environment([theme, templates_folder()])
    with pytest.raises(TemplateNotFound):
        env.from_string(f'{{% include "{name}" %}}').render()


def test_a_link_among_the_assets_is_not_published(site: Path, command: Command, tmp_path: Path) -> None:
    """A file outside the theme never reaches the site; a link within it is the file it leads to."""
    (tmp_path / "secret").write_text("secret", encoding="utf-8")
    assets = tmp_path / "studies" / "templates" / "assets"
    assets.mkdir(parents=True)
    for name in ("theme.css", "site.css", "key.svg"):
        (assets / name).symlink_to(tmp_path / "secret")
    (assets / "logo.svg").write_text("<svg/>", encoding="utf-8")
    (assets / "same.svg").symlink_to("logo.svg")
    command("build", "--quiet")
    published = {file.name: file.read_text(encoding="utf-8", errors="replace") for file in (site / "assets").iterdir()}
    assert "key.svg" not in published
    assert published["same.svg"] == "<svg/>"
    assert "secret" not in "".join(published.values())
