"""The page for wrong addresses, served the way hosts of plain files do it: whatever was asked for, in whichever folder."""

from __future__ import annotations

import functools
import http.server
import threading
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import greenreport
from tests.browser.test_site import opened
from tests.browser.waiting import follow

pytestmark = [pytest.mark.browser, pytest.mark.engines, pytest.mark.slow]


class _Host(http.server.SimpleHTTPRequestHandler):
    """Serves files below /sub/ and answers everything else with the page for wrong addresses."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Send that page instead of a line of text."""
        content = Path(self.directory, "sub", "404.html").read_bytes()
        self.send_response(HTTPStatus(code))
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        return


def test_the_page_for_wrong_addresses_is_whole_at_any_depth(browser: Any, real_site: Path, tmp_path: Path) -> None:
    """Below a folder that does not exist it has its style, its script and links that lead home."""
    greenreport(real_site.parent, "build", "--quiet", "--site", "addressed", "--base-url", "https://example.org/sub/")
    (tmp_path / "sub").symlink_to(real_site.parent / "addressed")
    handler = functools.partial(_Host, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, opened(browser) as (page, troubles):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        wrong = f"http://127.0.0.1:{server.server_port}/sub/a/b/c.html"
        page.goto(wrong)
        assert page.evaluate("getComputedStyle(document.querySelector('.skip')).position") == "absolute"
        assert page.locator("#theme").is_visible()
        assert [text for text in troubles if wrong not in text and "404" not in text] == []
        assert len([text for text in troubles if text.startswith("404: ")]) == 1
        home = f"http://127.0.0.1:{server.server_port}/sub/index.html"
        follow(page, page.locator("main a").first, home)
        assert page.url == home
        server.shutdown()
