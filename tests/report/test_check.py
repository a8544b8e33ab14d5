"""Tests of checking and publishing a built site."""

from __future__ import annotations

import random
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from greenreport.report.check import check_site

Command = Callable[..., subprocess.CompletedProcess[str]]


def test_a_fresh_site_is_in_order(site: Path, command: Command) -> None:
    """No trouble, and the command says so."""
    assert check_site(site) == []
    assert "are in order" in command("check", "site").stdout


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('href="../', 'href="../nowhere/', "leads nowhere"),
        ("<h1", '<img src="https://example.org/x.png"><h1', "loads https://example.org/x.png from elsewhere"),
        ("<h1", '<p onclick="alert(1)"></p><h1', "inline style or script"),
        ("<h1", "<script>alert(1)</script><h1", "an inline script"),
        ("<h1", "<h1>Second</h1><h1", "2 main headings"),
        (' lang="en"', "", "no language"),
        ("connect-src 'none'", "connect-src *", "the security policy allows connect-src *"),
        ("<h1", '<p id="main"></p><h1', "the id 'main' occurs 2 times"),
        ("<h1", "<div><h1", "closes"),
    ],
)
def test_each_fault_is_found(site: Path, command: Command, old: str, new: str, what: str) -> None:
    """A page is damaged; the check names page and fault, and fails."""
    page = site / "s" / "tiny" / "methods" / "index.html"
    text = page.read_text(encoding="utf-8")
    assert old in text
    page.write_text(text.replace(old, new, 1), encoding="utf-8")
    troubles = command("check", "site", check=4).stderr.splitlines()
    assert any(what in trouble and "s/tiny/methods" in trouble for trouble in troubles), troubles
    assert any("was changed after the build" in trouble for trouble in troubles)


def test_missing_files_and_heavy_pages_are_found(site: Path) -> None:
    """A figure without its table, a page above its budget."""
    next((site / "s" / "tiny" / "figures").glob("*.csv")).unlink()
    (site / "about" / "index.html").write_bytes(
        (site / "about" / "index.html").read_bytes()
        + b"<!--"
        + bytes(random.Random(1).choices(range(65, 123), k=400_000))
        + b"-->"
    )
    with (site / "404.html").open("ab") as figures:  # as heavy as this one, with figures that explain it
        figures.write(b"<!--" + 4 * b'<figure id="fig-x">' + bytes(400_000) + b"-->")
    picture = next((site / "s" / "tiny" / "figures").glob("*.png"))
    picture.write_bytes(picture.read_bytes() + bytes(200_000))
    with (site / "s" / "tiny" / "report.html").open("ab") as report:
        report.truncate(20_000_000)
    troubles = " ".join(str(trouble) for trouble in check_site(site))
    assert "lacks csv" in troubles
    assert "about/index.html: 4" in troubles
    assert "more than 300 kB" in troubles
    assert "404.html: 4" not in troubles
    assert f"figures/{picture.name}: 2" in troubles
    assert "MB without its data, more than 12.0 MB" in troubles
    assert "about/index.html: was changed after the build" in troubles
    assert "kB after gzip, more than 150 kB" in troubles


def test_cells_without_pages_explain_the_weight_of_a_study(site: Path) -> None:
    """Ten kilobytes for each cell that the explorer lists; without them the same weight is too much."""
    with (site / "s" / "tiny" / "report.html").open("ab") as report:
        report.truncate(15_000_000)
    assert any("MB without its data" in str(trouble) for trouble in check_site(site))
    with (site / "explorer" / "cells.csv").open("a", encoding="utf-8") as cells:
        cells.write("some,cell,s/tiny/matrix/index.html\n" * 2_000)
    assert not any("MB without its data" in str(trouble) for trouble in check_site(site))


def test_publishing_to_a_folder_and_to_a_branch(site: Path, command: Command, tmp_path: Path) -> None:
    """A copy that a later publication replaces; a branch with the site as its only content, and the working tree untouched."""
    command("publish", "--target", "public")
    assert check_site(tmp_path / "public") == []
    command("publish", "--target", "public")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("mine")
    assert "did not write" in command("publish", "--target", "other", check=4).stderr.replace("\n", " ")

    def git(*arguments: str) -> str:
        options = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        return subprocess.run(["git", *options, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    assert "is not a Git repository" in command("publish", check=4).stderr.replace("\n", " ")
    git("init", "--quiet")
    git("config", "user.name", "t")
    git("config", "user.email", "t@example.org")
    (tmp_path / "README").write_text("kept")
    git("add", "README")
    git("commit", "--quiet", "-m", "first")
    assert "git push origin gh-pages" in command("publish").stdout
    listed = git("ls-tree", "-r", "--name-only", "gh-pages").splitlines()
    assert {"index.html", "MANIFEST.sha256", ".nojekyll"} <= set(listed)
    assert "README" not in listed
    assert git("status", "--porcelain", "README") == ""
    assert "already" in command("publish").stdout
    assert site.is_dir()


def test_a_study_in_one_file_holds_everything(site: Path) -> None:
    """No script, no file besides it, every link inside leads somewhere, and the headline stands first."""
    text = (site / "s" / "tiny" / "report.html").read_text(encoding="utf-8")
    assert "<script" not in text
    assert "<svg" in text
    ids = set(re.findall(r' id="([^"]+)"', text))
    links = re.findall(r' href="([^"]+)"', text)
    assert links
    assert {link[1:] for link in links if link.startswith("#")} <= ids
    assert all(link.startswith(("#", "https://")) for link in links)
    assert len(re.findall(r"<h1\b", text)) == 1


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        ('@import "https://example.org/x.css";', "loads https://example.org/x.css from elsewhere"),
        ("@import url(//example.org/x.css);", "loads //example.org/x.css from elsewhere"),
        ("p { background: url('http://example.org/x.png') }", "loads http://example.org/x.png from elsewhere"),
        ("p { background: url(gone.svg) }", "the address gone.svg leads nowhere"),
        ("p { background: url( icon.svg ) url(data:image/png;base64,AA==) } /* url(https://example.org) */", None),
        ("p { fill: url(#here) }", None),
    ],
)
def test_a_stylesheet_loads_nothing_from_elsewhere(site: Path, rule: str, what: str | None) -> None:
    """Neither by `@import` nor by `url()`; what lies on the site, in the sheet itself or in a comment is in order."""
    sheet = next((site / "assets").glob("site.*.css"))
    sheet.write_text(sheet.read_text(encoding="utf-8") + rule, encoding="utf-8")
    troubles = [str(trouble) for trouble in check_site(site) if "was changed" not in str(trouble)]
    assert troubles == ([] if what is None else [f"assets/{sheet.name}: {what}"])
