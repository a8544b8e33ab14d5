"""Tests of the folder of a site: what greenreport wrote follows each build, what others put there stays, nothing is half there."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from greenreport.errors import BuildError
from greenreport.report import site_writer
from greenreport.report.check import check_site
from greenreport.report.publish import publish_branch, publish_folder
from greenreport.report.site_writer import MANIFEST, UNFINISHED, replacing

Command = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[..., Path]
FIRST = {"index.html": b"first", "s/a/index.html": b"a", "s/a/old.css": b"old"}
SECOND = {"index.html": b"second", "s/a/index.html": b"a", "s/b/index.html": b"b"}


def written(site: Path, files: Mapping[str, bytes]) -> Path:
    """Write a site of some files."""
    with replacing(site) as folder:
        folder.write(files)
    return site


def contents(site: Path) -> dict[str, bytes]:
    """Return every file of a folder that is not the mark or the manifest of a site."""
    files = {file.relative_to(site).as_posix(): file for file in site.rglob("*") if file.is_file()}
    return {path: file.read_bytes() for path, file in files.items() if path not in (MANIFEST, site_writer.MARK)}


def test_what_the_user_put_into_a_site_stays(tmp_path: Path) -> None:
    """Files, hidden ones, folders, and those in a folder whose pages are gone."""
    site = written(tmp_path / "site", FIRST)
    own = {"CNAME": b"example.org", ".git/HEAD": b"ref", "s/a/notes/mine.txt": b"mine", "own/page.html": b"<p>"}
    for path, content in own.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_bytes(content)
    written(site, {"index.html": b"third"})
    assert contents(site) == own | {"index.html": b"third"}
    assert not (site / UNFINISHED).exists()
    target = tmp_path / "public"
    publish_folder(site, target)
    (target / "CNAME.bak").write_bytes(b"there")
    publish_folder(site, target)
    assert contents(target) == {p: c for p, c in contents(site).items() if p != ".git/HEAD"} | {"CNAME.bak": b"there"}


def test_a_file_of_the_user_in_the_place_of_a_page_is_named_and_stays(tmp_path: Path) -> None:
    """So is a folder or a link there, wherever the link leads; a file with the very content of the page is in nobody's way."""
    site = written(tmp_path / "site", FIRST)
    (tmp_path / "elsewhere").mkdir()
    (site / "s" / "b").symlink_to(tmp_path / "elsewhere")
    (site / "note.html").write_bytes(b"mine")
    (site / "same.html").write_bytes(b"same")
    before = contents(site)
    with pytest.raises(BuildError, match=r"greenreport did not write where the site has its own: note\.html, s/b; move them"):
        written(site, SECOND | {"note.html": b"page", "same.html": b"same"})
    assert contents(site) == before
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("target", ["site", "site/s", ".", "link", "site/s/../../site/new", "linked/inside"])
def test_a_site_is_not_published_into_itself(tmp_path: Path, target: str) -> None:
    """Nor into a folder inside it or above it, whatever way leads there."""
    site = written(tmp_path / "site", FIRST)
    (tmp_path / "link").symlink_to(site)
    (tmp_path / "linked").symlink_to(site / "s")
    with pytest.raises(BuildError, match="the same folder, or one lies in the other"):
        publish_folder(site, tmp_path / target)
    assert contents(site) == FIRST


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """The folder it leads to is written, and made by nobody where it is missing."""
    link = tmp_path / "site"
    link.symlink_to(tmp_path / "volume")
    with pytest.raises(BuildError, match=r"is a link to .*volume, which does not exist"):
        written(link, FIRST)
    (tmp_path / "volume").mkdir()
    written(link, FIRST)
    written(link, SECOND)
    assert link.is_symlink()
    assert contents(tmp_path / "volume") == SECOND


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    """With a sentence, and it stays."""
    (tmp_path / "site").write_bytes(b"mine")
    with pytest.raises(BuildError, match="is a file; choose a folder"):
        written(tmp_path / "site", FIRST)
    assert (tmp_path / "site").read_bytes() == b"mine"


def test_a_new_volume_or_branch_takes_a_site(tmp_path: Path) -> None:
    """What the system or Git keeps there is no reason to refuse; a visible file is."""
    (tmp_path / "site" / "lost+found").mkdir(parents=True)
    (tmp_path / "site" / ".git").write_bytes(b"gitdir: elsewhere")
    assert contents(written(tmp_path / "site", FIRST)) == FIRST | {".git": b"gitdir: elsewhere"}


@pytest.mark.parametrize("at", range(7))
def test_a_build_killed_at_any_move_is_finished_by_the_next_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """Until all is written the old site is there; from then on every start ends with the new one."""
    site = written(tmp_path / "site", FIRST)
    (site / "CNAME").write_bytes(b"example.org")
    left = at
    replace, unlink = Path.replace, Path.unlink

    class Killed(BaseException):
        pass

    def dying(do: Callable[..., object]) -> Callable[..., object]:
        def step(file: Path, *arguments: object, **options: object) -> object:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            return do(file, *arguments, **options)

        return step

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", dying(replace))
        patch.setattr(Path, "unlink", dying(unlink))
        if at < 6:  # four moves, one file that is gone, the manifest
            with pytest.raises(Killed):
                written(site, SECOND)
        else:
            written(site, SECOND)
    publish_folder(site, tmp_path / "public")
    assert contents(site) == SECOND | {"CNAME": b"example.org"}
    assert contents(tmp_path / "public") == contents(site)


def test_what_was_not_complete_is_thrown_away(tmp_path: Path) -> None:
    """A killed build leaves a folder without a manifest; the next command removes it and keeps the old site."""
    site = written(tmp_path / "site", FIRST)
    (site / UNFINISHED / "s").mkdir(parents=True)
    (site / UNFINISHED / "index.html").write_bytes(b"half")
    publish_folder(site, tmp_path / "public")
    assert contents(site) == FIRST == contents(tmp_path / "public")


def test_what_killed_builds_of_earlier_versions_left_is_swept(tmp_path: Path) -> None:
    """Folders of dead processes go, also a link; of one that lives they stay; the only copy of a site is put back."""
    site = written(tmp_path / "site", FIRST)
    dead, alive = 2**22 + 1, os.getppid()
    site.rename(tmp_path / f".site.{dead}.old")
    (tmp_path / f".site.{dead}.new").mkdir()
    (tmp_path / f".site.{alive}.new").mkdir()
    (tmp_path / f".site.{dead + 1}.old").symlink_to("gone")
    (tmp_path / ".site.mine.old").mkdir()
    with pytest.raises(RuntimeError), replacing(site):
        raise RuntimeError
    assert contents(site) == FIRST
    assert {path.name for path in tmp_path.iterdir()} == {"cache", "site", f".site.{alive}.new", ".site.mine.old"}


def test_two_commands_never_write_one_site(tmp_path: Path) -> None:
    """The second says so."""
    site = written(tmp_path / "site", FIRST)
    with replacing(site) as folder:
        folder.write(SECOND)
        with pytest.raises(BuildError, match="another greenreport command is writing"):
            publish_folder(site, tmp_path / "public")
    assert contents(site) == SECOND


def test_a_manifest_of_somebody_else_removes_nothing_outside(tmp_path: Path) -> None:
    """Paths that lead out of the site, by dots or through a link, are nobody's."""
    (tmp_path / "precious").write_bytes(b"mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "precious").write_bytes(b"mine")
    site = written(tmp_path / "site", FIRST)
    (site / "out").symlink_to(tmp_path / "folder")
    with (site / MANIFEST).open("a") as manifest:
        manifest.write(f"00  ../precious\n00  out/precious\n00  {tmp_path}/precious\n00  s/../../precious\n")
    written(site, SECOND)
    assert (tmp_path / "precious").read_bytes() == b"mine"
    assert (tmp_path / "folder" / "precious").read_bytes() == b"mine"
    assert (site / "out").is_symlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a file system of one megabyte, mounted where a site is to be."""
    site = tmp_path / "volume"
    site.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(site)], check=False, capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"needs the right to mount: {mounted.stderr.strip()}")
    yield site
    subprocess.run(["umount", "--lazy", str(site)], check=True)


def test_a_mount_point_is_written_and_keeps_its_site_when_it_is_full_or_read_only(small_disk: Path) -> None:
    """The usual volume of a container cannot be renamed; a full one keeps the old site and leaves no litter."""
    written(small_disk, FIRST)
    written(small_disk, SECOND)
    with pytest.raises(BuildError, match=r"is unchanged: .*No space left on device; make room on that disk"):
        written(small_disk, FIRST | {"large.bin": bytes(2_000_000)})
    assert contents(small_disk) == SECOND
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(BuildError, match=r"is unchanged: .*Read-only file system; choose a folder on another disk"):
        written(small_disk, FIRST)
    assert contents(small_disk) == SECOND


def test_a_full_disk_is_one_sentence_and_not_the_fault_of_a_study(
    site: Path, command: Command, write_study: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The build ends at the first file that cannot be written, and the old site stays."""
    before = contents(site)
    write_study("second")
    write_bytes = Path.write_bytes

    def full(file: Path, content: bytes) -> int:
        if file.name.endswith(".part"):
            raise OSError(28, "No space left on device", str(file))
        return write_bytes(file, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    monkeypatch.setattr("greenreport.report.drawing.vega.PROCESSES", 1)  # others would find room
    for file in (site.parent / "cache").glob("figures"):
        file.unlink()
    error = command("build", check=4).stderr
    assert error.startswith("error: site is unchanged: cache/figures/")
    assert error.replace("\n", " ").endswith("No space left on device; make room on that disk ")
    assert contents(site) == before


def test_a_branch_keeps_what_others_committed(site: Path, tmp_path: Path) -> None:
    """The CNAME that a host's settings committed stays; pages that are gone go; a page of somebody else is not written over."""

    def git(*arguments: str) -> str:
        options = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        return subprocess.run(["git", *options, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    for arguments in (("init", "--quiet"), ("config", "user.name", "t"), ("config", "user.email", "t@example.org")):
        git(*arguments)
    git("checkout", "--quiet", "--orphan", "gh-pages")
    (tmp_path / "CNAME").write_bytes(b"example.org")
    (tmp_path / "own.html").write_bytes(b"mine")
    git("add", "CNAME", "own.html")
    git("commit", "--quiet", "-m", "first")
    git("checkout", "--quiet", "--orphan", "main")
    publish_branch(site, tmp_path)
    listed = git("ls-tree", "-r", "--name-only", "gh-pages").splitlines()
    assert {"CNAME", "own.html", "index.html", "s/tiny/index.html"} <= set(listed)
    small = written(tmp_path / "small", {"index.html": b"small"})
    publish_branch(small, tmp_path)
    listed = git("ls-tree", "-r", "--name-only", "gh-pages").splitlines()
    assert set(listed) == {"CNAME", "own.html", "index.html", MANIFEST, site_writer.MARK}
    assert "already" in publish_branch(small, tmp_path)
    written(small, {"own.html": b"theirs"})
    with pytest.raises(BuildError, match=r"files of its own where the site has others: own\.html"):
        publish_branch(small, tmp_path)
    assert git("show", "gh-pages:own.html") == "mine"


def test_check_does_not_judge_files_of_the_user(site: Path, command: Command) -> None:
    """They may be anything; the command says how many it passed over."""
    (site / "CNAME").write_bytes(b"example.org")
    (site / "own.html").write_bytes(b"\xff<script>")
    assert check_site(site) == []
    assert "2 files of your own not judged" in command("check", "site").stdout
