"""Take pictures of every kind of page: ``python -m tests.browser.screenshots SITE OUT``.

Each page is opened from disk at 360, 800 and 1440 px in light and dark, and printed from both: as PDF, and as a picture of the paper. Look
at them.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tests.browser.chromium import ARGUMENTS, chromium_path

WIDTHS = (360, 800, 1440)
PAPER = 718  # pixels between the margins of A4
KINDS = (
    "index.html", "explorer/index.html", "glossary/index.html", "about/index.html", "404.html", "s/{study}/index.html", "s/{study}/rq/rq1/index.html",
    "s/{study}/answers/index.html", "s/{study}/outputs/index.html", "s/{study}/frontier/index.html",
    "s/{study}/matrix/index.html", "s/{study}/tradeoffs/index.html", "s/{study}/footprint/index.html", "s/{study}/replication/index.html",
    "s/{study}/guidelines/index.html",
    "s/{study}/fidelity/index.html", "s/{study}/validity/index.html", "s/{study}/methods/index.html",
    "s/{study}/environment/index.html", "s/{study}/data/index.html", "s/{study}/multiverse/index.html", "s/{study}/history/index.html", "s/{study}/audit/index.html", "s/{study}/claims/index.html", "{cell}", "{model}", "{configuration}",
)  # fmt: skip


def pages_of(site: Path, study: str) -> list[str]:
    """Return one page of each kind that the site has."""
    first = {}
    for name, folder in (("cell", "cells"), ("model", "models"), ("configuration", "configs")):
        found = sorted((site / "s" / study / folder).glob("*/index.html"))
        first[name] = found[0].relative_to(site).as_posix() if found else ""
    compared = sorted(file.relative_to(site).as_posix() for file in (site / "compare").glob("*/index.html"))[:1]
    paths = [*(kind.format(study=study, **first) for kind in KINDS), *compared]
    return [path for path in paths if path and (site / path).is_file()]


def printed(browser: Any, file: Path, scheme: str, out: Path) -> None:
    """Print a page whose figures have become interactive, as PDF and as a picture of the paper in its whole length."""
    page = browser.new_page(viewport={"width": PAPER, "height": 1000}, color_scheme=scheme)
    page.goto(file.as_uri())
    for figure in page.query_selector_all("figure.gr-fig:not([hidden])"):
        figure.scroll_into_view_if_needed()
        page.wait_for_timeout(150)
    page.emulate_media(media="print", color_scheme=scheme)
    page.pdf(path=f"{out}.pdf", format="A4")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": PAPER, "height": min(int(height), 12_000)})
    page.screenshot(path=f"{out}.png")
    page.close()


def main() -> None:
    """Parse arguments and take the pictures."""
    from playwright.sync_api import sync_playwright  # not above: tests use this file where it is not installed

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--study", default="quickstart")
    parser.add_argument("--widths", type=int, nargs="*", default=WIDTHS)
    parser.add_argument("--schemes", nargs="*", default=("light", "dark"))
    parser.add_argument("--only", default="", help="part of the path")
    parser.add_argument("--no-print", action="store_true")
    arguments = parser.parse_args()
    site = arguments.site.resolve()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=list(ARGUMENTS))
        for path in pages_of(site, arguments.study):
            if arguments.only not in path:
                continue
            name = path.removesuffix("/index.html").replace("/", "_").removesuffix(".html")
            for width in arguments.widths:
                for scheme in arguments.schemes:
                    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
                    page.goto((site / path).as_uri())
                    page.wait_for_timeout(300)
                    height = page.evaluate("document.documentElement.scrollHeight")
                    page.set_viewport_size({"width": width, "height": min(int(height), 12_000)})
                    page.wait_for_timeout(700)
                    page.screenshot(path=str(arguments.out / f"{name}-{width}-{scheme}.png"))
                    page.close()
            for scheme in () if arguments.no_print else arguments.schemes:
                printed(browser, site / path, scheme, arguments.out / f"{name}-print-{scheme}")
        browser.close()


if __name__ == "__main__":
    main()
