"""Tests of pinning: the commits of hub models are written into the text of a study, which stays as it is otherwise."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from greenreport.study import load_study
from tests.commands import greenreport

#: The third would be a number to YAML, so it is put into quotation marks.
COMMITS = {"a/one": "1a" * 20, "b/two": "2b" * 20, "c/three": "3" * 40, "d/four": "4d" * 20}
STUDY = """\
study: tiny  # the name
title: "Tiny:  two   blanks"

questions: {RQ1: "Time?"}
models:
  - id: one       # a comment
    hub: a/one    # another
    parameters: 110M
  - {id: two, hub: b/two, name: "Two, of two"}
  - hub: 'c/three'
    revision: main   # a branch
    id: three
  - id: pinned
    hub: a/one
    revision: 5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f
  - id: four
    revision:
    hub: d/four
  - id: local
    architecture: {type: gpt2}
    weights: untrained
configurations:
  - {engine: fake}
"""


class Hub(BaseHTTPRequestHandler):
    """The part of the hub that tells the commit of a revision."""

    def log_message(self, *_: object) -> None:
        return

    def do_GET(self) -> None:
        name, _, revision = self.path.partition("?")[0].removeprefix("/api/models/").partition("/revision/")
        known = name in COMMITS and revision in ("", "main")
        error = {} if known else {"X-Error-Code": "RevisionNotFound" if name in COMMITS else "RepoNotFound"}
        body = json.dumps({"id": name, "sha": COMMITS.get(name)} if known else {"error": "no"}).encode()
        self.send_response(200 if known else 404)
        for key, value in {"Content-Length": str(len(body)), **error}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture(scope="module")
def hub() -> Iterator[dict[str, str]]:
    """Give the environment of a process that takes a server of this test for the hub."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield {**os.environ, "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "HF_HUB_OFFLINE": "0"}
    server.shutdown()
    thread.join()
    server.server_close()


def test_commits_are_written_and_nothing_else_changes(hub: dict[str, str], tmp_path: Path) -> None:
    """Into mappings of both styles, over branches and empty values; pinned and other models stay; again there is nothing to do."""
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed (extra `torch`)")
    file = tmp_path / "tiny.yaml"
    file.write_text(STUDY, encoding="utf-8", newline="\r\n")
    done = greenreport(tmp_path, "pin", "tiny.yaml", env=hub)
    assert "tiny.yaml: 4 revisions written" in done.stdout, done.stderr
    assert f"three: c/three at {COMMITS['c/three']} (was main)" in done.stdout
    expected = (
        STUDY.replace("    hub: a/one    # another\n", f"    hub: a/one    # another\n    revision: {COMMITS['a/one']}\n")
        .replace("hub: b/two,", f"hub: b/two, revision: {COMMITS['b/two']},")
        .replace("revision: main ", f"revision: '{COMMITS['c/three']}' ")
        .replace("revision:\n", f"revision: {COMMITS['d/four']}\n")
    )
    assert file.read_bytes() == expected.replace("\n", "\r\n").encode()
    written = [COMMITS["a/one"], COMMITS["b/two"], COMMITS["c/three"], "5f" * 20, COMMITS["d/four"], None]
    assert [model.revision for model in load_study(file).study.models] == written
    again = greenreport(tmp_path, "pin", "tiny.yaml", env=hub)
    assert "nothing to pin" in again.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.yaml"]


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (STUDY.replace("a/one", "a/gone"), 3, "the hub has no repository a/gone, or it is private"),
        (STUDY.replace("revision: main", "revision: gone"), 3, "c/three has no revision 'gone'"),
        (
            STUDY.replace("id: one       #", "id: one\n    <<: {hub: a/one}  #").replace("    hub: a/one    # another\n", ""),
            2,
            "by hand",
        ),
    ],
    ids=["repository", "revision", "merged"],
)
def test_what_cannot_be_pinned_leaves_the_file_alone(
    text: str, code: int, said: str, hub: dict[str, str], tmp_path: Path
) -> None:
    """A repository or revision the hub does not know, and a way of writing that is no line of the model."""
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed (extra `torch`)")
    file = tmp_path / "tiny.yaml"
    file.write_text(text, encoding="utf-8")
    done = greenreport(tmp_path, "pin", "tiny.yaml", env=hub)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert file.read_text(encoding="utf-8") == text
