"""Servers greenreport did not write: one that runs already (`engine: endpoint`), or a command that starts one (`engine: command`)."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema

from greenreport.catalog import LOAD_FACTORS
from greenreport.study.field_types import Identifier, Label, Spec

#: What greenreport fills in: a free port, and the factors of the configuration that a command can take.
PLACEHOLDERS = ("port", *(name for name, factor in LOAD_FACTORS.items() if factor.placeholder), "share")
#: Names of variables whose values `execute.host.redact` takes out of every text.
KEPT_SECRET = re.compile(r"(?:KEY|TOKEN|SECRET|PASSWORD|_AUTH)$")


def slug(text: str) -> str:
    """Return a text as a short name for addresses."""
    return re.sub(r"[^a-z0-9._]+", "-", text.lower())[:40].strip("-._")


def _argument(value: Any) -> Any:
    """Return an argument as text: numbers as written, and an unquoted ``{port}``, which YAML reads as a mapping."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, dict) and len(value) == 1:
        ((name, nothing),) = value.items()
        return "{" + str(name) + "}" if nothing is None else value
    return value


def _known_placeholder(value: str) -> str:
    """Refuse an argument that is a lone placeholder greenreport does not fill in: surely a slip of the pen."""
    placeholder = re.fullmatch(r"\{([a-z_]+)\}", value)
    if placeholder and placeholder[1] not in PLACEHOLDERS:
        allowed = ", ".join("{" + name + "}" for name in PLACEHOLDERS)
        raise ValueError(f"unknown placeholder {value}. Allowed: {allowed}")
    return value


def _address(value: str) -> str:
    """Check an address, and drop the ``/v1`` that every request adds itself."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.netloc or re.search(r"\s", value):
        raise ValueError("write an address such as http://127.0.0.1:8000")
    if "@" in parts.netloc:
        raise ValueError("an address holds no key; name the environment variable that has it with `api_key_env`")
    if parts.query or parts.fragment:
        raise ValueError("write the address without `?` and `#`")
    if "{port}" not in parts.netloc and parts.port == 0:  # a port that is not a number raises a ValueError of its own
        raise ValueError("write an address such as http://127.0.0.1:8000")
    return value.rstrip("/").removesuffix("/v1")


def _secret_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value) or not KEPT_SECRET.search(value):
        raise ValueError(
            "name an environment variable that ends in KEY, TOKEN, SECRET, PASSWORD or _AUTH; such values are taken out of every log"
        )
    return value


Argument = Annotated[
    str,
    StringConstraints(strip_whitespace=False, max_length=4000, pattern=r"^[^\x00]*$"),
    BeforeValidator(_argument),
    AfterValidator(_known_placeholder),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "maxLength": 4000}, {"type": "number"}, {"type": "object", "maxProperties": 1}]}
    ),
]
Address = Annotated[str, Field(max_length=2000), AfterValidator(_address)]


class Server(Spec):
    """A server greenreport did not write; it speaks OpenAI's completions API."""

    id: Identifier | None = Field(None, description="short name in addresses; from the configuration's name when absent")
    url: Address | None = Field(
        None, description="base address, without /v1; of a command: where it will answer, http://127.0.0.1:{port} when absent"
    )
    model: Label | None = Field(None, description="name of the model in requests and answers; the study's model id when absent")
    command: Annotated[tuple[Argument, ...], Field(max_length=500)] = Field(
        (),
        description="command: program and arguments; no shell reads them. '{port}', '{threads}', '{dtype}' and '{max_batch}' are filled in",
    )
    health: Annotated[str, Field(pattern=r"^/\S*$", max_length=300)] = Field(
        "/health", description="path that answers 200 once the model is loaded"
    )
    local: bool = Field(
        False,
        description="endpoint: the server runs on this machine, so the study's meters measure it; without it they are not read",
    )
    api_key_env: Annotated[str, AfterValidator(_secret_name)] | None = Field(
        None, description="name of the environment variable that holds the API key; the key itself is kept nowhere"
    )

    @property
    def program(self) -> str:
        """Name of the program a command starts; nothing for a server that runs already."""
        return PurePosixPath(self.command[0]).name if self.command else ""

    def takes(self, placeholder: str) -> bool:
        """Whether the command or the address has a placeholder."""
        return any(f"{{{placeholder}}}" in text for text in (*self.command, self.url or ""))
