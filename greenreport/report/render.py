"""Render pages to files; the same inputs give the same bytes, on any machine and at any time."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

import jinja2
import vl_convert

from greenreport import __version__
from greenreport.catalog import ADDED_PAGES, METRICS
from greenreport.errors import BuildError
from greenreport.regular_files import user_cache
from greenreport.report.drawing.checked_files import read_checked, sweep, write_checked
from greenreport.report.drawing.safe_text import visible
from greenreport.report.drawing.vega import Drawing, Drawings
from greenreport.report.exports.data_dictionary import Download
from greenreport.report.figure import COLUMN, Figure, Rendered, drawing, render
from greenreport.report.filters import FILTERS, TESTS
from greenreport.report.head_metadata import head_of
from greenreport.report.page import Page
from greenreport.report.pages import PageContent
from greenreport.report.site_writer import NOWHERE
from greenreport.report.templates import Compiled, Sandbox, TemplateLoader, inside
from greenreport.study import Site
from greenreport.units import THIN

VEGA_SNIPPET = "window.vegaEmbed = vegaEmbed;"
FONTS = ("greenreport-sans-regular.woff2", "greenreport-sans-bold.woff2")
ASSETS = (
    "site.css",
    "theme.js",
    "app.js",
    "tables.js",
    "share.js",
    "explorer.js",
    "icon.svg",
    *FONTS,
    "THIRD_PARTY_LICENSES.txt",
)
DIGESTED = ("site.css", "theme.js", "app.js", "tables.js", "share.js", "explorer.js", "vega.js")  # in the order of `Assets`
THEME = "theme.css"


@dataclass(frozen=True, slots=True)
class Assets:
    """Names of the shared files; each carries its digest, so browsers may cache them for ever."""

    css: str
    theme: str
    js: str
    tables: str
    share: str
    explorer: str
    vega: str
    version: str = __version__


def environment(folders: Sequence[Path]) -> jinja2.Environment:
    """Return the template environment: everything is escaped, an undefined name is an error.

    Args:
        folders: searched in order, the shipped one last; a file of the same name before it takes its place and may still extend
            it as `shipped/<name>`.
    """
    shipped = jinja2.PrefixLoader({"shipped": TemplateLoader(folders[-1:])})
    env = Sandbox(
        loader=jinja2.ChoiceLoader([TemplateLoader(folders), shipped]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=visible,
        bytecode_cache=Compiled(),
    )
    env.filters.update(FILTERS)
    env.tests.update(TESTS)
    added_pages = [(info.name, info.label) for info in ADDED_PAGES.values()]
    env.globals.update(thin=THIN, pct="%", metrics=METRICS, added_pages=added_pages)
    return env


class Renderer:
    """Renders pages, and holds what all pages of a site share."""

    def __init__(self, folders: Sequence[Path], cache: Path, settings: Site, *, feed: bool = False) -> None:
        """Read the shared files.

        Args:
            folders: template folders, the user's first.
            cache: folder of drawn charts.
            feed: whether the site has one, so that pages name it.
        """
        self.env = environment(folders)
        self.cache = cache
        self.settings = settings
        self.feed = feed
        self.shared, self.assets = _assets(folders)

    @property
    def style(self) -> bytes:
        """The stylesheet with the fonts inside it, for a file that stands alone."""
        text = self.shared[f"assets/{self.assets.css}"].decode()
        for font in FONTS:
            content = base64.b64encode(self.shared[f"assets/{font}"]).decode()
            text = text.replace(f"url({font})", f"url(data:font/woff2;base64,{content})")
        return text.encode()

    def pages(
        self,
        pages: Sequence[Page[PageContent]],
        downloads: Mapping[str, Sequence[Download]],
        drawings: Drawings | None = None,
    ) -> dict[str, bytes]:
        """Return the files of some pages: themselves and those of their figures.

        Args:
            downloads: study slug → files it offers.
            drawings: those that were begun while pages were made (see `drawings_of`).

        Raises:
            BuildError: a template failed; with its name and line.
        """
        files: dict[str, bytes] = {}
        figures = self._figures(pages, drawings or Drawings())
        for page in pages:
            prefix = page.study.root if page.study is not None else ""
            rendered = {figure.id: figures[prefix, figure.id, figure.column] for figure in page.figures}
            for figure in page.figures:
                named = {f"{prefix}figures/{name}": content for name, content in rendered[figure.id].files.items()}
                files = files | named if figure.column == COLUMN else named | files  # those of the widest column are kept
            try:
                text = self.env.get_template(page.template).render(
                    page=page,
                    site=self.assets,
                    up=self._up(page),
                    rendered=rendered,
                    downloads=downloads,
                    settings=self.settings,
                    head=head_of(page, self.settings, downloads),
                    feed=self.feed,
                )
            except jinja2.TemplateError as error:
                raise BuildError(_where(error, page)) from None
            files[page.path] = text.encode()
        return files

    def drawings_of(self, page: Page[PageContent]) -> Iterator[Drawing]:
        """Yield the drawings of the figures of a page."""
        yield from (drawing(figure, source, self.cache) for _, figure, source in _figures_of(page))

    def _figures(self, pages: Sequence[Page[PageContent]], begun: Drawings) -> dict[tuple[str, str, int], Rendered]:
        """Render every figure once for each width of its column, though it may stand on several pages."""
        wanted = {
            (root, figure.id, figure.column): (figure, source) for page in pages for root, figure, source in _figures_of(page)
        }
        drawings = {key: drawing(figure, source, self.cache) for key, (figure, source) in wanted.items()}
        begun.add(drawings.values())
        begun.finish()
        return {key: render(figure, drawings[key], source) for key, (figure, source) in wanted.items()}

    def _up(self, page: Page[PageContent]) -> str:
        """Return the path from a page to the root of the site; absolute for the page that is shown under any address."""
        if page.path == NOWHERE and self.settings.base_url is not None:
            return urlsplit(self.settings.base_url).path
        return page.up


def _figures_of(page: Page[PageContent]) -> Iterator[tuple[str, Figure, str]]:
    """Yield the figures of a page with the folder of their study and the line that names their source."""
    root, source = (page.study.root, page.study.source) if page.study is not None else ("", "greenreport")
    for figure in page.figures:
        yield root, figure, source


def _assets(folders: Sequence[Path]) -> tuple[dict[str, bytes], Assets]:
    contents = {name: _asset(folders, name) for name in ASSETS}
    styles = [(folder / "assets" / THEME, folder) for folder in folders[:-1]]  # of users; they stand after the shipped one
    contents["site.css"] += b"".join(file.read_bytes() for file, folder in styles if inside(file, folder))
    contents["vega.js"] = _vega_bundle()
    names = {name: _digested(name, contents[name]) for name in DIGESTED}
    files = {f"assets/{names.get(name, name)}": content for name, content in contents.items()}
    files[".nojekyll"] = b""
    files.update(_theme_files(folders))
    return files, Assets(*names.values())


def _vega_bundle() -> bytes:
    """Return Vega, Vega-Lite and vega-embed as one script; bundling takes seconds, so it is done once per user and version."""
    snippet = hashlib.sha256(VEGA_SNIPPET.encode()).hexdigest()[:8]
    file = user_cache("vega") / f"{metadata.version('vl-convert-python')}-{snippet}.js"
    if (kept := read_checked(file)) is not None:
        return kept
    content = vl_convert.javascript_bundle(VEGA_SNIPPET).encode()
    with suppress(OSError):  # of a home that is read-only
        sweep(file.parent)
        write_checked(file, content)
    return content


def _theme_files(folders: Sequence[Path]) -> Iterable[tuple[str, bytes]]:
    """Yield the other files under `assets/` of a user's folder, such as pictures and fonts of a theme, by their path in the site."""
    for folder in folders[:-1]:
        for file in sorted((folder / "assets").glob("*")):
            if inside(file, folder) and file.name not in (*ASSETS, THEME) and not file.name.startswith("."):
                yield f"assets/{file.name}", file.read_bytes()


def _asset(folders: Sequence[Path], name: str) -> bytes:
    for folder in folders:
        file = folder / "assets" / name
        if inside(file, folder):
            return file.read_bytes()
    raise BuildError(f"the asset {name} is missing from the templates")


def _digested(name: str, content: bytes) -> str:
    stem, _, suffix = name.partition(".")
    return f"{stem}.{hashlib.sha256(content).hexdigest()[:8]}.{suffix}"


def _where(error: jinja2.TemplateError, page: Page[PageContent]) -> str:
    """Return which line of which template failed on which page."""
    line = getattr(error, "lineno", None)
    name = getattr(error, "name", None) or page.template
    frame = error.__traceback__
    while line is None and frame is not None:
        if frame.tb_frame.f_code.co_filename.endswith(".html"):
            line, name = frame.tb_lineno, Path(frame.tb_frame.f_code.co_filename).name
        frame = frame.tb_next
    return f"page {page.path}: template {name}, line {line}: {error}"
