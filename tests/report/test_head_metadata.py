"""Tests of what the head of a page says: addresses only where the site's own is known."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from greenreport.report.check import check_site
from tests.report.conftest import ADDRESS

Command = Callable[..., subprocess.CompletedProcess[str]]


def metas(page: Path) -> dict[str, str]:
    """Return property or name → content of every meta element of a page, the last of each."""
    text = page.read_text(encoding="utf-8")
    return dict(re.findall(r'<meta (?:property|name)="([^"]+)" content="([^"]*)">', text))


def test_without_an_address_nothing_claims_one(built: Path) -> None:
    """No canonical link and no absolute address in the head of any page; what needs none is there."""
    for page in (built / "site").rglob("*.html"):
        head = page.read_text(encoding="utf-8").partition("</head>")[0]
        assert "canonical" not in head, page
        assert "og:url" not in head, page
    said = metas(built / "site" / "s" / "tiny" / "index.html")
    assert (said["og:type"], said["og:site_name"], said["og:title"]) == ("article", "greenreport", "A tiny study")
    assert said["og:description"] == said["description"]


def test_with_an_address_every_page_names_its_own(addressed: Path) -> None:
    """The canonical address is that of the page's folder, the same as og:url; the page shown for wrong addresses has none."""
    for page in addressed.rglob("index.html"):
        path = page.relative_to(addressed).as_posix().removesuffix("index.html")
        text = page.read_text(encoding="utf-8")
        assert re.findall(r'<link rel="canonical" href="([^"]+)">', text) == [ADDRESS + path]
        assert metas(page)["og:url"] == ADDRESS + path
    assert "canonical" not in (addressed / "404.html").read_text(encoding="utf-8")


def test_settings_name_the_site(site: Path, command: Command, tmp_path: Path) -> None:
    """Title and description of site.yaml stand on the pages as text; the address given on the command line goes first."""
    assert site.is_dir()
    (tmp_path / "site.yaml").write_text(
        "title: Ours <b>&\ndescription: What we serve.\nbase_url: https://example.org/one\n", encoding="utf-8"
    )
    command("build", "--quiet", "--base-url", "https://example.org/two")
    home = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert '<a class="brand" href="index.html">Ours &lt;b&gt;&amp;</a>' in home
    assert "What we serve." in home
    assert metas(tmp_path / "site" / "index.html")["og:url"] == "https://example.org/two/"
    assert metas(tmp_path / "site" / "index.html")["og:title"] == "Ours &lt;b&gt;&amp;"


def test_wrong_settings_stop_the_build(command: Command, tmp_path: Path) -> None:
    """A wrong file: exit code 2 with file and line; a wrong address on the command line: a sentence."""
    (tmp_path / "studies").mkdir()
    (tmp_path / "site.yaml").write_text("title: Ours\nbase_url: nowhere\n", encoding="utf-8")
    assert "site.yaml:2" in command("build", check=2).stderr
    (tmp_path / "site.yaml").unlink()
    assert "--base-url" in command("build", "--base-url", "nowhere", check=2).stderr
    assert not (tmp_path / "site").exists()


def test_the_check_finds_wrong_addresses_and_missing_pictures(addressed: Path, tmp_path: Path) -> None:
    """A fresh site is in order; a page with another page's address, and a card that is gone, are found."""
    shutil.copytree(addressed, tmp_path / "copy")
    assert check_site(tmp_path / "copy") == []
    (tmp_path / "copy" / "s" / "tiny" / "cards" / "rq-rq1.png").unlink()
    page = tmp_path / "copy" / "about" / "index.html"
    page.write_text(page.read_text(encoding="utf-8").replace(f"{ADDRESS}about/", ADDRESS + "abuot/"), encoding="utf-8")
    troubles = [str(trouble) for trouble in check_site(tmp_path / "copy")]
    assert f"s/tiny/rq/rq1/index.html: the picture {ADDRESS}s/tiny/cards/rq-rq1.png is not on this site" in troubles
    assert f"about/index.html: the canonical address {ADDRESS}abuot/ is not that of this page" in troubles


def test_the_page_for_wrong_addresses_finds_the_site_from_any_depth(built: Path, addressed: Path, tmp_path: Path) -> None:
    """Its links carry the path of the site where that is known, and the check follows them; elsewhere they stay relative."""
    shutil.copytree(addressed, tmp_path / "copy")
    page = tmp_path / "copy" / "404.html"
    text = page.read_text(encoding="utf-8")
    links = re.findall(r'(?:href|src|data-root|data-index)="([^"#]+)"', text)
    assert len(links) > 8
    assert all(link.startswith("/sub/") for link in links), links
    page.write_text(
        text.replace('"/sub/about/', '"/sub/abuot/', 1).replace('"/sub/glossary/', '"/glossary/', 1), encoding="utf-8"
    )
    troubles = [str(trouble) for trouble in check_site(tmp_path / "copy")]
    assert "404.html: the link /sub/abuot/index.html leads nowhere" in troubles
    assert any("/glossary/index.html starts at the root of the host" in trouble for trouble in troubles)
    plain = (built / "site" / "404.html").read_text(encoding="utf-8")
    assert not re.search(r'(?:href|src|data-root|data-index)="/', plain)
