"""Tests of building: same bytes, whole figures, hostile content inert, sensible pages in every state."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from greenreport.report import build
from greenreport.report.context import StudyContext
from greenreport.report.exports.latex import tex
from greenreport.report.page import Page
from greenreport.report.pages import PageContent
from tests.hostile_site import make_hostile_site
from tests.sharing import made_once

Command = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[..., Path]


def test_two_builds_give_the_same_bytes(site: Path, command: Command, tmp_path: Path) -> None:
    """Nothing in the site depends on the clock, on order, or on where it is built."""
    command("build", "--quiet", "--site", "elsewhere", process=True)  # another process orders its sets otherwise
    first = {file.relative_to(site): file.read_bytes() for file in site.rglob("*") if file.is_file()}
    other = tmp_path / "elsewhere"
    second = {file.relative_to(other): file.read_bytes() for file in other.rglob("*") if file.is_file()}
    assert first.keys() == second.keys()
    assert [str(path) for path in first if first[path] != second[path]] == []


def test_the_manifest_covers_every_file(site: Path) -> None:
    """MANIFEST.sha256 names each file with its digest."""
    lines = (site / "MANIFEST.sha256").read_text(encoding="utf-8").splitlines()
    listed = {path: digest for digest, path in (line.split("  ", 1) for line in lines)}
    files = {f.relative_to(site).as_posix(): f for f in site.rglob("*") if f.is_file() and f.name != "MANIFEST.sha256"}
    assert listed.keys() == files.keys()
    assert all(hashlib.sha256(files[path].read_bytes()).hexdigest() == digest for path, digest in listed.items())


def test_every_figure_is_whole(site: Path) -> None:
    """Each figure of each page has drawing, summary, table, specification, and the files to take away."""
    figures = 0
    for page in site.rglob("*.html"):
        for figure, kinds in re.findall(
            r'<figure id="fig-(.*?)" class="(.*?)".*?</figure>', page.read_text(encoding="utf-8"), re.DOTALL
        ):
            figures += 1
            folder = next(parent for parent in page.parents if (parent / "figures").is_dir()) / "figures"
            if "detail" in kinds.split():  # its pictures are made in the page; the table alone is a file
                assert (folder / f"{figure}.csv").stat().st_size > 0, (page, figure)
                continue
            for suffix in ("svg", "png", "csv", "json", "vl.json"):
                assert (folder / f"{figure}.{suffix}").stat().st_size > 0, (page, figure, suffix)
            with (folder / f"{figure}.csv").open(encoding="utf-8") as stream:
                rows = list(csv.reader(stream))
            facts = json.loads((folder / f"{figure}.json").read_text(encoding="utf-8"))
            assert (len(rows) - 1, [column["name"] for column in facts["columns"]]) == (facts["rows"], rows[0])
            assert facts["finding"]
            assert facts["caption"]
    assert figures >= 10
    html = (site / "s" / "tiny" / "index.html").read_text(encoding="utf-8")
    figure = re.search(r"<figure.*?</figure>", html, re.DOTALL)
    assert figure is not None
    for part in ("<svg", 'class="gr-sum"', "<table>", '<script type="application/json" class="gr-spec">'):
        assert part in figure[0]


def test_a_changed_file_of_the_cache_reaches_no_page(site: Path, command: Command, tmp_path: Path, drawn: Path) -> None:
    """Drawn figures, cards and scripts are digested; one that was changed, cut or emptied is made again."""
    before = {file.relative_to(site): file.read_bytes() for file in site.rglob("*") if file.is_file()}
    figures = tmp_path / "cache" / "figures"
    figures.unlink()
    shutil.copytree(drawn, figures)
    dead = figures / f".chart.svg.{2**22 + 1}.part"
    dead.write_bytes(b"half")
    for number, file in enumerate(sorted(figures.glob("*.*"))):
        content = file.read_bytes()
        file.write_bytes((content.replace(b"<path", b"<script/><path"), content[:-1], b"")[number % 3])
    command("build", "--quiet", "--site", "again")
    again = tmp_path / "again"
    assert {file.relative_to(again): file.read_bytes() for file in again.rglob("*") if file.is_file()} == before
    assert not dead.exists()


def test_exported_pictures_carry_no_theme_variable(site: Path) -> None:
    """An SVG that leaves the page has colours of its own."""
    for file in (site / "s" / "tiny" / "figures").glob("*.svg"):
        assert not re.search(r"var\(--|currentColor", file.read_text(encoding="utf-8")), file.name


def test_no_link_leads_nowhere(site: Path) -> None:
    """Every relative link and source of every page exists, anchors included."""
    anchors = {file: set(re.findall(r'\bid="([^"]+)"', file.read_text(encoding="utf-8"))) for file in site.rglob("*.html")}
    for file in anchors:
        for target in re.findall(r'(?:href|src)="([^"]+)"', file.read_text(encoding="utf-8")):
            if re.match(r"[a-z]+:", target):
                assert target.startswith(("https://doi.org/", "https://arxiv.org/")), (file, target)
                continue
            path, _, anchor = target.partition("#")
            goal = (file.parent / path).resolve() if path else file
            assert goal.is_file(), (file, target)
            assert not anchor or anchor in anchors[goal], (file, target)


def test_a_simulated_engine_says_so_everywhere(site: Path) -> None:
    """Results of the fake engine are marked on every figure and make the badge red."""
    page = (site / "s" / "tiny" / "index.html").read_text(encoding="utf-8")
    assert "Validity: do not use" in page
    assert page.count("simulated engine") >= page.count("<figure ") + 1


class _Tags(HTMLParser):
    """Collects tags and attributes as a browser's tokenizer would."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_hostile_texts_render_inert(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Script tags, template syntax, formulas and direction overrides in labels stay text, everywhere."""
    site = made_once(tmp_path_factory, "hostile", make_hostile_site) / "site"
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        parser = _Tags()
        parser.feed(text)
        for tag, attributes in parser.tags:
            assert tag != "img", page
            assert not any(name.startswith("on") for name in attributes), page
            if tag == "script":
                data = ("application/json", "application/ld+json")
                assert attributes.get("type") in data or str(attributes.get("src")).endswith(".js"), page
        assert "\u202e" not in text, page
        assert "<script>49" not in unescape(text), page
    for table in site.rglob("*.csv"):
        with table.open(encoding="utf-8") as stream:
            for row in csv.reader(stream):
                assert not any(cell.startswith(("=", "@")) for cell in row), table


def test_studies_without_runs_render(command: Command, write_study: Write, tmp_path: Path) -> None:
    """A declared study and an empty folder give pages that say so."""
    write_study()
    command("build", "--quiet")
    page = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert "not run yet" in page
    assert "A tiny study: no runs yet." in (tmp_path / "site" / "s" / "tiny" / "index.html").read_text(encoding="utf-8")
    assert "there is no such folder" in command("build", "--studies", "none", "--site", "empty", check=2).stderr
    assert not (tmp_path / "empty").exists()
    (tmp_path / "none").mkdir()
    command("build", "--quiet", "--studies", "none", "--site", "empty")
    assert "No study has been published here yet" in (tmp_path / "empty" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "changes",
    [
        {"configurations": [{"engine": "torch", "provider": "cuda"}]},
        {"configurations": [{"engine": "fake", "options": {"crash_at": 1}}]},
        pytest.param({"hypotheses": [], "questions": {}}, marks=pytest.mark.acceptance, id="no questions"),
        pytest.param(
            {"configurations": [{"engine": "fake", "options": {"token_s": 0.001}}]}, marks=pytest.mark.acceptance, id="one cell"
        ),
        pytest.param(
            {"configurations": [{"engine": "fake", "options": {"answer": text}} for text in "ab"]},
            marks=pytest.mark.acceptance,
            id="different outputs",
        ),
    ],
    ids=["no GPU", "all failed", None, None, None],
)
def test_every_state_of_a_study_renders(command: Command, write_study: Write, tmp_path: Path, changes: dict[str, Any]) -> None:
    """Nothing supported, everything failed, one cell, nothing asked, nothing comparable: a site all the same."""
    command("run", str(write_study(**changes)), "--quiet", check=None)
    command("build", "--quiet")
    pages = list((tmp_path / "site" / "s" / "tiny").rglob("*.html"))
    assert len(pages) >= 8
    assert all("Traceback" not in page.read_text(encoding="utf-8") for page in pages if "cells" not in page.parts)


def test_a_folder_with_other_files_is_not_overwritten(command: Command, write_study: Write, tmp_path: Path) -> None:
    """Build refuses a folder it did not write; a site it wrote is replaced as a whole."""
    write_study()
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "precious.txt").write_text("mine", encoding="utf-8")
    result = command("build", check=4, process=True)
    assert "holds files that greenreport did not write" in result.stderr
    assert (tmp_path / "site" / "precious.txt").read_text(encoding="utf-8") == "mine"


def test_a_broken_template_names_itself_and_leaves_the_old_site(site: Path, command: Command, tmp_path: Path) -> None:
    """A user's template with an error: exit code 4, page and line, and the site as it was."""
    before = (site / "index.html").read_bytes()
    folder = tmp_path / "studies" / "templates"
    folder.mkdir()
    (folder / "index.html").write_text("line one\n{{ page.nothing }}\n", encoding="utf-8")
    result = command("build", check=4)
    assert re.search(r"page index\.html: template index\.html, line 2", result.stderr)
    assert (site / "index.html").read_bytes() == before


@pytest.fixture
def undrawable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make drawing the study `broken` fail, as a number outside the domain of a logarithm does."""
    pages_of = build.study_pages

    def fail(study: StudyContext, *arguments: Any) -> list[Page[PageContent]]:
        if study.slug == "broken":
            raise ValueError("math domain error")
        return pages_of(study, *arguments)

    monkeypatch.setattr(build, "study_pages", fail)


@pytest.mark.usefixtures("undrawable")
@pytest.mark.parametrize("compare", [[], ["tiny.yaml"]], ids=["alone", "compared"])
def test_a_study_that_cannot_be_drawn_never_stops_the_others(
    site: Path, command: Command, write_study: Write, compare: list[str]
) -> None:
    """The others are built, even where they refer to it; who failed and why is said at the end, with exit code 4."""
    write_study("broken", compare=compare)
    result = command("build", check=4)
    assert (site / "s" / "tiny" / "index.html").is_file()
    assert not (site / "s" / "broken").exists()
    assert "of 1 study" in result.stdout
    traceback = Path("cache", "build-errors", "broken.txt")
    reason = f"broken: ValueError: math domain error (traceback in {traceback})"
    assert f"1 study is missing from the site:\n{reason}" in result.stderr
    assert "in fail" in (site.parent / traceback).read_text(encoding="utf-8")
    assert "(1 unchanged)" in command("build", check=4).stdout


@pytest.mark.usefixtures("undrawable")
def test_a_site_is_not_replaced_by_one_without_any_study(site: Path, command: Command, write_study: Write) -> None:
    """Where no study can be built, the last site stays."""
    before = (site / "index.html").read_bytes()
    (site.parent / "studies" / "tiny.yaml").unlink()
    write_study("broken")
    assert "no study could be built:\nbroken: ValueError" in command("build", check=4).stderr
    assert (site / "index.html").read_bytes() == before


def test_published_results_give_the_same_site_without_the_store(
    site: Path, command: Command, tmp_path: Path, write_study: Write
) -> None:
    """Exported runs are enough to build: pages differ in nothing but the files on offer."""
    command("export", "studies/tiny.yaml")
    (tmp_path / "cache").rename(tmp_path / "gone")
    command("build", "--quiet", "--site", "again")
    for name in ("index.html", "rq/rq1/index.html", "matrix/index.html", "claims/index.html"):
        assert (tmp_path / "again" / "s" / "tiny" / name).read_bytes() == (site / "s" / "tiny" / name).read_bytes()


def test_an_imported_table_becomes_a_site(command: Command, tmp_path: Path) -> None:
    """Values measured elsewhere get every page; what is not known is said to be unknown."""
    rows = ["model,engine,provider,repetition,metric,value,unit"]
    for engine, joules in (("TORCH", 100), ("ONNX", 60)):
        rows += [f"Phi 2,{engine},CUDA,{n},energy_j,{joules + n},J" for n in range(1, 6)]
        rows += [f"Phi 2,{engine},CUDA,{n},duration_s,{joules / 10 + n / 10},s" for n in range(1, 6)]
    (tmp_path / "r.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert "imported 20 observations" in command("import", "r.csv", "--study", "elsewhere").stdout
    assert "Validity:" in command("analyse", "elsewhere").stdout
    assert (
        "nowhere is neither a study file nor an imported study; imported: elsewhere"
        in command("analyse", "nowhere", check=2).stderr
    )
    command("build", "--quiet")
    page = (tmp_path / "site" / "s" / "elsewhere" / "index.html").read_text(encoding="utf-8")
    assert "ONNX\u00a0·\u00a0CUDA uses the least energy on Phi 2" in page
    assert "measured elsewhere" in page
    environment = (tmp_path / "site" / "s" / "elsewhere" / "environment" / "index.html").read_text(encoding="utf-8")
    assert "The machine is not known" in environment


def test_a_paper_gets_tables_figures_methods_and_references(site: Path, command: Command, tmp_path: Path) -> None:
    """LaTeX with escaped texts and booktabs rules, pictures in two formats, sentences from facts."""
    assert site.is_dir()
    file = tmp_path / "studies" / "tiny.yaml"
    command("export", str(file), "--paper", "paper")
    folder = tmp_path / "paper"
    names = {path.suffix for path in folder.iterdir()}
    assert names == {".tex", ".csv", ".svg", ".pdf", ".bib"}
    tables = [path for path in folder.glob("*.tex") if path.stem not in ("methods", "answers", "example")]
    for table in tables:
        text = table.read_text(encoding="utf-8")
        assert r"\toprule" in text
        assert "%" not in re.sub(r"\\%|^%.*$", "", text, flags=re.MULTILINE)
    methods = (folder / "methods.tex").read_text(encoding="utf-8")
    assert "3 repetitions of each cell were planned" in methods
    assert "randomised complete blocks (seed 3)" in methods
    assert (folder / "references.bib").read_text(encoding="utf-8").startswith("@misc{tiny_")
    assert all(path.read_bytes()[:4] == b"%PDF" for path in folder.glob("*.pdf"))


def test_latex_commands_in_texts_are_inert() -> None:
    """Whatever a label holds, LaTeX prints it."""
    assert tex(r"\input{x} 50 % of a_b & $c$ ^~") == (
        r"\textbackslash{}input\{x\} 50 \% of a\_b \& \$c\$ \textasciicircum{}\textasciitilde{}"
    )
