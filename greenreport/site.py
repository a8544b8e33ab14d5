"""What the commands about the site do: build, check, publish, serve."""

from __future__ import annotations

from pathlib import Path

from greenreport.errors import BuildError, UsageError
from greenreport.units import counted


def build_site(studies: Path, cache: Path, site: Path, weights: str | None, base_url: str | None = None) -> str:
    """Build the site; return a sentence."""
    from greenreport.report.build import build
    from greenreport.study import web_address

    try:
        address = None if base_url is None else web_address(base_url)
    except ValueError as error:
        raise UsageError(f"--base-url: {error}") from None
    return build(studies, cache, site, weights, address)


def check_built(site: Path) -> str:
    """Check a built site; return a sentence.

    Raises:
        BuildError: with everything that is wrong, a line each.
    """
    from greenreport.report.check import check_site

    troubles = check_site(site)
    if troubles:
        shown = "\n".join(str(trouble) for trouble in troubles)
        raise BuildError(f"{counted(len(troubles), 'problem')} in {site}:\n{shown}")
    pages = sum(1 for _ in site.rglob("*.html"))
    return f"{site}: {pages} pages; links, policy, structure, figures, weights and manifest are in order"


def publish_site(site: Path, target: str) -> str:
    """Copy the site to a folder, or commit it to the branch gh-pages; return a sentence."""
    from greenreport.report.publish import publish_branch, publish_folder

    return publish_branch(site, Path.cwd()) if target == "gh-pages" else publish_folder(site, Path(target))


def serve_site(site: Path, port: int) -> None:
    """Serve the built site on loopback until Ctrl-C."""
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    if not (site / "index.html").is_file():
        raise UsageError(f"{site} holds no site; run `greenreport build` first")
    handler = partial(SimpleHTTPRequestHandler, directory=str(site))
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise UsageError(f"port {port} cannot be used ({error.strerror}); choose another with --port") from None
    print(f"http://127.0.0.1:{server.server_port}/  (Ctrl-C ends)", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()
