"""Tests of what a build keeps of the one before: everything that cannot have changed, and nothing else."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from greenreport.report import build
from greenreport.report.built_site import BuildInput, BuiltSite, recall, remember, state_of
from greenreport.report.incremental import read_memory
from greenreport.report.site_writer import MARK, replacing

Command = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[..., Path]
PAGE = "s/tiny/index.html"


def contents(site: Path) -> dict[str, bytes]:
    """Return every file of a site."""
    return {file.relative_to(site).as_posix(): file.read_bytes() for file in site.rglob("*") if file.is_file()}


def same_file(file: Path, inode: int) -> bool:
    """Whether a file is the very one an earlier build wrote."""
    return file.stat().st_ino == inode


@pytest.fixture
def once(site: Path, command: Command) -> Path:
    """Give a site that was built in the test's own folder, so that it is remembered."""
    command("build", "--quiet")
    return site


def test_nothing_is_made_twice(once: Path, command: Command) -> None:
    """A second build says that the study is unchanged, takes its files over, and gives the same site; so it does in another process."""
    before, inode = contents(once), (once / PAGE).stat().st_ino
    assert "1 unchanged" in command("build", process=True).stdout
    assert same_file(once / PAGE, inode)
    assert contents(once) == before


def test_another_study_changes_what_speaks_of_it_alone(once: Path, command: Command, write_study: Write) -> None:
    """The index and the search know the new study; pages of the old one stay; all is as if it were built from nothing."""
    inode = (once / PAGE).stat().st_ino
    write_study("second", title="A second study")
    assert "of 2 studies (1 unchanged)" in command("build").stdout
    assert same_file(once / PAGE, inode)
    assert "A second study" in (once / "index.html").read_text(encoding="utf-8")
    assert "A second study" in (once / "search-index.json").read_text(encoding="utf-8")
    command("build", "--quiet", "--site", "new")
    assert contents(once) == contents(once.parent / "new")
    (once.parent / "studies" / "second.yaml").unlink()
    assert "of 1 study (1 unchanged)" in command("build").stdout
    assert not (once / "s" / "second").exists()
    assert "A second study" not in (once / "index.html").read_text(encoding="utf-8")


@pytest.mark.acceptance
def test_what_was_changed_by_hand_or_lost_is_made_again(once: Path, command: Command) -> None:
    """A site is what its inputs say, whatever happened to its files."""
    before = contents(once)
    (once / PAGE).write_text("mine", encoding="utf-8")
    assert "unchanged" not in command("build").stdout
    assert contents(once) == before
    (once / "s" / "tiny" / "report.html").unlink()
    assert "unchanged" not in command("build").stdout
    assert contents(once) == before
    for file in (once.parent / "cache" / "pages").iterdir():
        file.write_text('{"half written', encoding="utf-8")
    assert read_memory(once.parent / "cache", once) == {}
    assert "unchanged" not in command("build").stdout
    assert contents(once) == before


def test_where_nothing_at_all_has_changed_nothing_is_read(
    once: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state of files tells; a file of the user, in the site or beside it, is none of them."""
    (once / "CNAME").write_text("example.org", encoding="utf-8")

    def never(*arguments: object) -> None:
        raise AssertionError("something was built")

    with monkeypatch.context() as patch:
        patch.setattr(build, "build", never)
        assert "(1 unchanged)" in command("build").stdout
    (once / PAGE).touch()
    assert "(1 unchanged)" in command("build").stdout


@pytest.mark.parametrize("change", ["study", "store", "spool", "named", "page", "gone", "weights", "site", "kill", "loop"])
def test_every_change_of_state_is_noticed(change: str, tmp_path: Path) -> None:
    """Whatever was written, removed or asked for since; what lies behind a link to a folder is never taken for the same."""
    wanted = BuildInput(tmp_path / "studies", tmp_path / "cache", tmp_path / "site", None, None)
    named = tmp_path / "prompts.jsonl"
    for file in ("studies/a.yaml", "cache/greenreport.duckdb", "cache/pages/x", "site/own.txt", "prompts.jsonl"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("one", encoding="utf-8")
    (tmp_path / "site" / MARK).touch()
    with replacing(wanted.site) as folder:
        folder.write({"index.html": b"page"})
    if change == "loop":
        (tmp_path / "studies" / "loop").symlink_to(tmp_path / "studies")
    remember(wanted, BuiltSite(1, 1, 0, "said"), wanted.state(), [named], state_of([named]))
    assert recall(wanted) == (None if change == "loop" else BuiltSite(1, 1, 1, "said"))
    changed = {
        "study": "studies/a.yaml",
        "store": "cache/greenreport.duckdb",
        "named": "prompts.jsonl",
        "page": "site/index.html",
    }
    if change in changed:
        (tmp_path / changed[change]).write_text("two", encoding="utf-8")
    elif change == "gone":
        (tmp_path / "site" / "index.html").unlink()
    elif change in ("spool", "kill"):
        (tmp_path / ("site/.greenreport-unfinished" if change == "kill" else "cache/greenreport.spool")).mkdir()
    elif change == "weights":
        wanted = replace(wanted, weights="untrained")
    elif change == "site":
        wanted = replace(wanted, site=tmp_path / "other")
    assert recall(wanted) is None


@pytest.mark.parametrize(
    "what",
    ["study", "template", "runs", *(pytest.param(what, marks=pytest.mark.acceptance) for what in ("settings", "address"))],
)
def test_every_change_that_shows_is_noticed(what: str, once: Path, command: Command) -> None:
    """Study file, templates, settings of the site, runs, address: each makes the pages again, and they show it."""
    folder = once.parent
    arguments = ["build"]
    if what == "study":
        file = folder / "studies" / "tiny.yaml"
        file.write_text(file.read_text(encoding="utf-8").replace("title: A tiny study", "title: Renamed"), encoding="utf-8")
        shown = "Renamed"
    elif what == "template":
        (folder / "studies" / "templates" / "assets").mkdir(parents=True)
        (folder / "studies" / "templates" / "assets" / "theme.css").write_text("body { color: red }", encoding="utf-8")
        shown = "site."
    elif what == "settings":
        (folder / "site.yaml").write_text("title: Our measurements\n", encoding="utf-8")
        shown = "Our measurements"
    elif what == "runs":
        (folder / "cache" / "greenreport.duckdb").unlink()
        shown = "No runs yet"
    else:
        arguments += ["--base-url", "https://example.org/x/"]
        shown = "https://example.org/x/"
    before = (once / PAGE).read_bytes()
    styles = {file.name for file in (once / "assets").glob("site.*.css")}
    assert "unchanged" not in command(*arguments).stdout
    assert (once / PAGE).read_bytes() != before
    assert ({file.name for file in (once / "assets").glob("site.*.css")} == styles) is (what != "template")
    assert shown in (once / PAGE).read_text(encoding="utf-8")


def test_studies_that_are_compared_change_together(site: Path, command: Command) -> None:
    """The page of one shows the headline of the comparison, so new runs of the other make it again."""
    folder = site.parent
    file = folder / "studies" / "tiny.yaml"
    text = file.read_text(encoding="utf-8")
    other = text.replace("study: tiny", "study: other").replace("title: A tiny study", "title: Another study")
    (folder / "studies" / "other.yaml").write_text(f"{other}compare: [tiny.yaml]\n", encoding="utf-8")
    third = text.replace("study: tiny", "study: third").replace(
        "seed: 1", "seed: 2"
    )  # other prompts, of which there are no runs
    (folder / "studies" / "third.yaml").write_text(third, encoding="utf-8")
    command("run", "studies/other.yaml", "--quiet")
    command("build", "--quiet")
    assert "(3 unchanged)" in command("build").stdout
    inode = (site / PAGE).stat().st_ino
    renamed = other.replace("title: Another study", "title: A new name")
    (folder / "studies" / "other.yaml").write_text(f"{renamed}compare: [tiny.yaml]\n", encoding="utf-8")
    assert "(1 unchanged)" in command("build").stdout
    assert not same_file(site / PAGE, inode)
    (page,) = (site / "compare").glob("*/index.html")
    assert "A new name" in page.read_text(encoding="utf-8")


def test_published_results_and_references_are_part_of_what_is_known(site: Path, command: Command) -> None:
    """Other files of results, or another word of a reference, make the pages again."""
    folder = site.parent
    command("export", "studies/tiny.yaml")
    (folder / "cache" / "greenreport.duckdb").unlink()
    reference = folder / "studies" / "references" / "r.yaml"
    reference.parent.mkdir()
    reference.write_text(
        "{reference: r, title: R, citation: Cited, machine: m, aggregator: mean, sweeps: [{id: a, where: here, statement: Said., shows: machine}]}",
        encoding="utf-8",
    )
    file = folder / "studies" / "tiny.yaml"
    file.write_text(f"{file.read_text(encoding='utf-8')}references: [references/r.yaml]\n", encoding="utf-8")
    command("build", "--quiet")
    assert "1 unchanged" in command("build").stdout
    reference.write_text(reference.read_text(encoding="utf-8").replace("Said.", "Said otherwise."), encoding="utf-8")
    assert "unchanged" not in command("build").stdout
    assert "Said otherwise." in (site / "s" / "tiny" / "replication" / "index.html").read_text(encoding="utf-8")
    (folder / "studies" / "tiny" / "results" / "runs.parquet").unlink()
    assert "unchanged" not in command("build").stdout
