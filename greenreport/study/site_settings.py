"""Settings of the whole site, such as its title and address, from ``site.yaml`` beside the folder of studies."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import quote

from pydantic import AfterValidator, Field

from greenreport.study.field_types import Label, Spec, Text

_ADDRESS = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~%@:+,=-]*)*")


def web_address(text: str) -> str:
    """Return the address of a site with a trailing ``/``.

    Raises:
        ValueError: pages cannot be put below such an address.
    """
    if not _ADDRESS.fullmatch(text):
        raise ValueError(f"{text[:80]!r} is not the address of a site; write for example https://example.org/studies/")
    return text if text.endswith("/") else f"{text}/"


class Site(Spec):
    """The site that is built from a folder of studies."""

    title: Label = Field("greenreport", description="name of the site; stands in the head of every page and in the feed")
    description: Text | None = Field(None, description="what the site is about, in a sentence or two")
    base_url: Annotated[str, AfterValidator(web_address)] | None = Field(
        None, description="address the site will have; what needs absolute addresses is left out without it"
    )

    def address(self, path: str) -> str | None:
        """Return the absolute address of a file of the site, or of the folder of a page; None without `base_url`."""
        if self.base_url is None:
            return None
        folder = path.removesuffix("index.html") if f"/{path}".endswith("/index.html") else path
        return self.base_url + quote(folder)
