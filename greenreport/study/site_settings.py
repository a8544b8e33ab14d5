"""Settings of the whole site: what it is called and where it will stand, from ``site.yaml`` beside the folder of studies."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import quote

from pydantic import AfterValidator, Field

from greenreport.study.field_types import Label, Spec, Text

_ADDRESS = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~%@:+,=-]*)*")


def web_address(text: str) -> str:
    """Return the address of a site with a ``/`` at its end.

    Raises:
        ValueError: the text is no address that pages can be put below.
    """
    if not _ADDRESS.fullmatch(text):
        raise ValueError(f"{text[:80]!r} is no address of a site; write for example https://example.org/studies/")
    return text if text.endswith("/") else f"{text}/"


class Site(Spec):
    """The site that is built from a folder of studies."""

    title: Label = Field("greenreport", description="name of the site; stands in the head of every page and in the feed")
    description: Text | None = Field(None, description="what the site is about, in a sentence or two")
    base_url: Annotated[str, AfterValidator(web_address)] | None = Field(
        None, description="address the site will have; what needs absolute addresses is left out without it"
    )

    def address(self, path: str) -> str | None:
        """Return the absolute address of a file of the site, of a page that of its folder; None where the site's is not known."""
        if self.base_url is None:
            return None
        folder = path.removesuffix("index.html") if f"/{path}".endswith("/index.html") else path
        return self.base_url + quote(folder)
