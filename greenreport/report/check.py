"""``greenreport check``: whether a built site is complete, safe and light, judged from its files without a browser.

Links lead somewhere, nothing is loaded from another host, every page carries the security policy, a language, one main heading,
names for what has no text, unique ids and headed tables; figures have all their parts; weights stay within the budgets; the
manifest matches. Contrast, keyboard and the rest of accessibility need a browser: the tests do that with axe.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import InitVar, dataclass, field
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from greenreport.report.budgets import too_heavy
from greenreport.report.site_writer import MANIFEST, NOWHERE, listed_files, site_files, users_files
from greenreport.workspace import digest_of

GUARDED = ("script-src", "style-src", "connect-src", "frame-src", "object-src")
VOID = frozenset(["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"])
#: Attributes that an element needs, and what is wrong without.
NEEDED = {"img": ("alt", "an image without alt text"), "th": ("scope", "a table heading without scope")}
FIGURE_FILES = ("svg", "png", "csv", "json", "vl.json")
DETAIL_FILES = ("csv",)


@dataclass(frozen=True, slots=True, order=True)
class SiteProblem:
    """Something wrong with a file of the site."""

    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


@dataclass(slots=True)
class _Page(HTMLParser):
    """Everything on a page that is checked."""

    text: InitVar[str]
    tags: Counter[str] = field(default_factory=Counter)
    ids: Counter[str] = field(default_factory=Counter)
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    headings: list[int] = field(default_factory=list)
    figures: dict[str, tuple[str, ...]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    language: str = ""
    policy: str = ""
    canonical: str | None = None
    image: str | None = None
    open: list[str] = field(default_factory=list)

    def __post_init__(self, text: str) -> None:
        HTMLParser.__init__(self)
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.tags[tag] += 1
        if tag not in VOID:
            self.open.append(tag)
        if "id" in values:
            self.ids[values["id"]] += 1
        if "style" in values or any(name.startswith("on") for name in values):
            self.problems.append(f"<{tag}> has inline style or script, which the policy refuses")
        if tag in NEEDED and NEEDED[tag][0] not in values:
            self.problems.append(NEEDED[tag][1])
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        self._collect(tag, values)

    def _collect(self, tag: str, values: Mapping[str, str]) -> None:
        match tag, values:
            case "html", {"lang": language}:
                self.language = language
            case "meta", {"http-equiv": name, "content": policy} if name.lower() == "content-security-policy":
                self.policy = policy
            case "meta", {"property": "og:image", "content": address}:
                self.image = address
            case "link", {"rel": "canonical" | "alternate" as relation, "href": address}:
                self.links.append(address)
                self.canonical = address if relation == "canonical" else self.canonical
            case "a", {"href": address}:
                self.links.append(address)
            case ("link", {"href": address}) | ("object", {"data": address}):
                self.loads.append(address)
            case "script" | "img" | "iframe" | "source" | "embed", {"src": address}:
                self.loads.append(address)
            case "script", _ if values.get("type") not in ("application/json", "application/ld+json"):
                self.problems.append("an inline script, which the policy refuses")
            case "figure", {"id": name} if name.startswith("fig-"):
                detail = "detail" in values.get("class", "").split()
                self.figures[name.removeprefix("fig-")] = DETAIL_FILES if detail else FIGURE_FILES

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open[-1] != tag:
            inner = self.open[-1] if self.open else "nothing"
            self.problems.append(f"</{tag}> closes {inner} (line {self.getpos()[0]})")
        if tag in self.open:
            while self.open and self.open.pop() != tag:
                pass


def check_site(site: Path) -> list[SiteProblem]:
    """Return everything wrong with a built site, in order of path; files of the user are not judged."""
    there, users = site_files(site), users_files(site)
    files = {path: file for path, file in there.items() if path not in users}
    pages = {path: _Page(file.read_text(encoding="utf-8")) for path, file in files.items() if path.endswith(".html")}
    if not pages:
        return [SiteProblem("index.html", "there is no page here; run `greenreport build` first")]
    problems = {problem for path, page in pages.items() for problem in _page(path, page, there, pages)}
    return sorted(problems.union(_styles(files), _heavy(files), _manifest(site, files)))


def _page(path: str, page: _Page, files: Mapping[str, Path], pages: Mapping[str, _Page]) -> Iterator[SiteProblem]:
    for what in (*page.problems, *_structure(page)):
        yield SiteProblem(path, what)
    for address in page.loads:
        if urlsplit(address).scheme not in ("", "data"):
            yield SiteProblem(path, f"loads {address} from elsewhere")
    yield from _addresses(path, page, files)
    yield from _links(path, page, files, pages)
    yield from _figures(path, page, files)


def _structure(page: _Page) -> Iterator[str]:
    if page.open:
        yield f"<{page.open[-1]}> is not closed"
    if not page.language:
        yield "no language"
    if not page.tags["title"]:
        yield "no title"
    if page.tags["main"] != 1:
        yield f"{page.tags['main']} main landmarks"
    yield from _policy(page.policy)
    if page.headings.count(1) != 1:
        yield f"{page.headings.count(1)} main headings"
    steps = [(before, after) for before, after in pairwise(page.headings) if after > before + 1]
    if steps:
        yield f"a heading of level {steps[0][1]} follows one of level {steps[0][0]}"
    yield from (f"the id {name!r} occurs {number} times" for name, number in page.ids.items() if number > 1)


def _policy(policy: str) -> Iterator[str]:
    """Yield what the policy allows beyond the page's own site and scripts or styles with a declared hash."""
    rules = {words[0]: words[1:] for words in (part.split() for part in policy.split(";")) if words}
    if rules.get("default-src") != ["'none'"]:
        yield "the security policy does not begin with default-src 'none'"
    for name in GUARDED:
        loose = [word for word in rules.get(name, ()) if word not in ("'self'", "'none'") and not word.startswith("'sha256-")]
        if loose:
            yield f"the security policy allows {name} {' '.join(loose)}"


def _addresses(path: str, page: _Page, files: Mapping[str, Path]) -> Iterator[SiteProblem]:
    """Check that the canonical address is that of the page, and that its preview image lies on the site."""
    if page.canonical is None:
        return
    own = quote(path.removesuffix("index.html") if f"/{path}".endswith("/index.html") else path)
    if not page.canonical.endswith(f"/{own}"):
        yield SiteProblem(path, f"the canonical address {page.canonical} is not that of this page")
        return
    base = page.canonical.removesuffix(own)
    if page.image is not None and unquote(page.image.removeprefix(base)) not in files:
        yield SiteProblem(path, f"the picture {page.image} is not on this site")


def _links(path: str, page: _Page, files: Mapping[str, Path], pages: Mapping[str, _Page]) -> Iterator[SiteProblem]:
    home = pages["index.html"].canonical if path == NOWHERE and "index.html" in pages else None
    below = None if home is None else urlsplit(home).path  # links of the page that is shown under any address begin with it
    for address in {*page.links, *page.loads}:
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            continue
        if below is not None and parts.path.startswith(below):
            target = posixpath.normpath(unquote(parts.path.removeprefix(below)))
        elif parts.path.startswith("/"):
            yield SiteProblem(path, f"the link {address} starts at the root of the host; the site may lie below")
            continue
        else:
            target = _target(path, parts.path) if parts.path else path
        if target not in files:
            yield SiteProblem(path, f"the link {address} leads nowhere")
        elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].ids:
            yield SiteProblem(path, f"the link {address} has no such anchor")


def _target(path: str, address: str) -> str:
    """Return the file of the site to which a relative address in another file leads."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), unquote(address)))


def _figures(path: str, page: _Page, files: Mapping[str, Path]) -> Iterator[SiteProblem]:
    root = re.match(r"s/[^/]+/", path)
    for name, suffixes in page.figures.items():
        drawn = f"figures/{name}.svg"  # a comparison keeps its figures in the folder of one of the two studies
        folder = root[0] if root else next((file.removesuffix(drawn) for file in files if file.endswith(f"/{drawn}")), "")
        missing = [suffix for suffix in suffixes if f"{folder}figures/{name}.{suffix}" not in files]
        if missing:
            yield SiteProblem(path, f"figure {name} lacks {', '.join(missing)}")


def _styles(files: Mapping[str, Path]) -> Iterator[SiteProblem]:
    """Check that stylesheets load only files that are on the site."""
    for path, file in files.items():
        if not path.endswith(".css"):
            continue
        text = re.sub(r"/\*.*?\*/", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
        for quoted, plain in re.findall(r"""@import\s+["']([^"']*)["']|url\(\s*["']?([^"')]*?)["']?\s*\)""", text):
            address = quoted or plain
            parts = urlsplit(address)
            if parts.scheme == "data" or not parts.path:
                continue
            if parts.scheme or parts.netloc:
                yield SiteProblem(path, f"loads {address} from elsewhere")
            elif _target(path, parts.path) not in files:
                yield SiteProblem(path, f"the address {address} leads nowhere")


def _heavy(files: Mapping[str, Path]) -> Iterator[SiteProblem]:
    for path, what in too_heavy(files):
        yield SiteProblem(path, what)


def _manifest(site: Path, files: Mapping[str, Path]) -> Iterator[SiteProblem]:
    listed = listed_files(site)
    if not listed:
        yield SiteProblem(MANIFEST, "is missing or lists nothing; run `greenreport build` again")
    for path, digest in listed.items():
        if path not in files:
            yield SiteProblem(path, "is in the manifest and not in the site")
        elif digest_of(files[path]) != digest:
            yield SiteProblem(path, "was changed after the build")
