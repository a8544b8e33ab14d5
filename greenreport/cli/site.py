"""Commands about the site: build, check, publish, serve."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from greenreport.cli.options import DEFAULT_CACHE, CacheOption, QuietOption, SiteOption, WeightsOption
from greenreport.errors import BuildError, UsageError
from greenreport.units import counted

SITE = Path("site")


def build(
    site: SiteOption = SITE,
    studies: Annotated[Path, typer.Option("--studies", help="Folder of study files.")] = Path("studies"),
    cache: CacheOption = DEFAULT_CACHE,
    weights: WeightsOption = None,
    base_url: Annotated[
        str | None, typer.Option("--base-url", metavar="URL", help="Address the site will have, instead of that in site.yaml.")
    ] = None,
    quiet: QuietOption = False,
    files: Annotated[list[Path] | None, typer.Argument(hidden=True)] = None,
) -> None:
    """Render every study of a folder into a static website."""
    from greenreport.report.built_site import BuildInput, recall
    from greenreport.study import web_address

    if files:
        text = "build takes no study file: it makes one site from all studies in a folder. Run `greenreport build`, or name another folder with --studies"
        raise UsageError(text)
    try:
        address = None if base_url is None else web_address(base_url)
    except ValueError as error:
        raise UsageError(f"--base-url: {error}") from None
    if studies != Path("studies") and not studies.is_dir():
        raise UsageError(f"--studies {studies}: there is no such folder; name the folder that holds your study files")
    built = recall(BuildInput(studies, cache, site, weights, address))
    if built is None:
        from greenreport.report import build as report  # what it imports takes longer than to see that nothing has changed

        built = report.build(studies, cache, site, weights, address)
    if not quiet:
        unchanged = f" ({built.unchanged} unchanged)" if built.unchanged else ""
        size = f"{counted(built.pages, 'page')} of {counted(built.studies, 'study', 'studies')}{unchanged}"
        print(f"built {size} into {site}; open {site / 'index.html'}")
        if built.feed_remark:
            print(built.feed_remark)
    if built.failures:
        number = counted(len(built.failures), "study is", "studies are")
        raise BuildError("\n".join([f"{number} missing from the site:", *map(str, built.failures)]))


def check(site: Annotated[Path, typer.Argument(help="Folder of the built site.")] = SITE) -> None:
    """Check a built site: links, security policy, structure, figures, weights, manifest."""
    from greenreport.report.check import check_site
    from greenreport.report.site_writer import site_files, users_files

    problems = check_site(site)
    if problems:
        raise BuildError("\n".join([f"{counted(len(problems), 'problem')} in {site}:", *map(str, problems)]))
    users = users_files(site)
    pages = sum(path.endswith(".html") for path in site_files(site).keys() - set(users))
    unjudged = f"; {counted(len(users), 'file')} of your own not judged" if users else ""
    print(f"{site}: {pages} pages; links, policy, structure, figures, weights and manifest are in order{unjudged}")


def publish(
    target: Annotated[
        str, typer.Option("--target", help="A folder, or gh-pages: the branch of this Git repository.")
    ] = "gh-pages",
    site: SiteOption = SITE,
) -> None:
    """Copy the built site to a folder or a branch where others can see it; nothing is pushed."""
    from greenreport.report.publish import publish_branch, publish_folder

    print(publish_branch(site, Path.cwd()) if target == "gh-pages" else publish_folder(site, Path(target)))


def serve(
    site: SiteOption = SITE, port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port on this machine.")] = 8000
) -> None:
    """Preview the built site on this machine, until Ctrl-C."""
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


COMMANDS = (build, check, publish, serve)
