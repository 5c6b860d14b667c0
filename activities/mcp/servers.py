"""The MCP servers that a worker knows: named by its operator in a file (`ADW_MCP_SERVERS`), with how they are reached.

A server is reached over HTTP (`url`, `headers`) or is a process that the worker starts (`command`, `args`, `env`). Secrets stand in the
file by their names only: `{{ secret:NAME }}` is the variable `ADW_SECRET_NAME`, `{{ file:PATH }}` what a file holds; both are read again
for each session.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, model_validator

from advanced_workflow.activities.agents.files import read_file
from advanced_workflow.activities.builtin.http_request.secrets import PREFIX
from advanced_workflow.activities.mcp.failures import McpError
from advanced_workflow.workflows.contract import AD_HOC_WORKFLOW_TYPE, McpFailure
from advanced_workflow.workflows.definition.problems.places import listed, nearest
from advanced_workflow.workflows.plain.text import shortened

SETTING = "ADW_MCP_SERVERS"
AD_HOC_SETTING = "ADW_AD_HOC_MCP_SERVERS"
_PLACE = re.compile(r"\{\{\s*(secret|file):\s*([^{}]*?)\s*\}\}")
_SECRET = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TELLS_WHO = re.compile(r"auth|cookie|token|key|secret|password|credential", re.IGNORECASE)
"""In the names of headers and variables whose value is a secret."""


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("is not an address; give http://HOST:PORT/PATH or https://HOST/PATH, and secrets in 'headers'")
    return value


def _filled_from_outside(value: str) -> str:
    for kind, name in _PLACE.findall(value):
        if kind == "secret" and not _SECRET.fullmatch(name):
            raise ValueError(f"{name!r} is not a secret's name; use letters, digits and underscores")
    if not value.isprintable():
        raise ValueError("has a line break, or another character that no header may have")
    return value


_Value = Annotated[str, AfterValidator(_filled_from_outside)]
_HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")]
_VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class Server(BaseModel):
    """One MCP server."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, AfterValidator(_web_address)] | None = None
    """Where it is, by the transport that MCP calls streamable HTTP."""
    headers: dict[_HeaderName, _Value] = Field(default_factory=dict)
    command: Annotated[str, StringConstraints(min_length=1)] | None = None
    """Or the program to start; it talks over its standard input and output."""
    args: tuple[str, ...] = ()
    env: dict[_VariableName, _Value] = Field(default_factory=dict)
    """Its variables, beside `PATH`, `HOME` and the like; it gets no other of the worker's."""
    cwd: Path | None = None
    """Its folder; the worker's when empty."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.url is None) == (self.command is None):
            raise ValueError("needs one of 'url' and 'command'")
        foreign = ("args", "env", "cwd") if self.url is not None else ("headers",)
        for name in foreign:
            if name in self.model_fields_set:
                raise ValueError(f"'{name}' means nothing beside {'url' if self.url is not None else 'command'!r}")
        for name, value in (*self.headers.items(), *self.env.items()):
            if _TELLS_WHO.search(name) and not _PLACE.search(value):
                raise ValueError(
                    f"{name!r} looks like a secret, and none stands in this file; write {{{{ secret:NAME }}}} and set {PREFIX}NAME"
                )
        return self

    @property
    def secrets(self) -> Iterator[str]:
        """Names of the secrets that it needs."""
        for value in (*self.headers.values(), *self.env.values()):
            yield from (name for kind, name in _PLACE.findall(value) if kind == "secret")

    def filled(self, name: str) -> Filled:
        """Headers and variables with their secrets; `name` is the server's.

        Raises:
            McpError: a secret is missing.
        """
        found: set[str] = set()

        def value(place: re.Match[str]) -> str:
            read = _secret(name, place[1], place[2])
            found.add(read)
            return read

        headers = {header: _PLACE.sub(value, text) for header, text in self.headers.items()}
        env = {variable: _PLACE.sub(value, text) for variable, text in self.env.items()}
        return Filled(name, self, headers, env, frozenset(found))


class Filled:
    """A server with its secrets; it is never shown."""

    def __init__(
        self, name: str, server: Server, headers: Mapping[str, str], env: Mapping[str, str], secrets: frozenset[str]
    ) -> None:
        """Keep the values."""
        self.name = name
        self.server = server
        self.headers = headers
        self.env = env
        self.secrets = secrets

    def is_like(self, other: Filled) -> bool:
        """Whether a session with the other one is as good: no secret has changed."""
        return self.server == other.server and self.headers == other.headers and self.env == other.env


def _secret(server: str, kind: str, name: str) -> str:
    try:
        value = os.environ.get(PREFIX + name, "") if kind == "secret" else Path(name).read_text()
    except (OSError, UnicodeDecodeError):
        value = ""
    value = value.strip()  # A file with a secret often ends in a line break.
    if value and value.isascii() and value.isprintable():
        return value
    where = (
        f"set {PREFIX}{name} in its environment" if kind == "secret" else f"put it into {name}, readable for the worker"
    )
    raise McpError(
        McpFailure.ACCESS_DENIED,
        f"the worker has no secret for MCP server {server!r} that can be sent; {where}, in ASCII and on one line.",
    )


class Servers:
    """The servers of a worker, by name."""

    def __init__(self, servers: Mapping[str, Server] | None = None, ad_hoc: tuple[str, ...] | None = None) -> None:
        """`ad_hoc` are those that definitions may name which runs bring with them; None for all."""
        self.by_name = dict(servers or {})
        self._ad_hoc = ad_hoc

    @staticmethod
    def read(path: Path | None, ad_hoc: tuple[str, ...] | None = None) -> Servers:
        """Read the servers; raises `ModelFileInvalid`."""
        return Servers(read_file(path, _TABLE, SETTING) if path else None, ad_hoc)

    def find(self, name: str, workflow_type: str = "") -> Server:
        """The server of a name, for a run of a type.

        Raises:
            McpError: there is none, or such a run may not use it.
        """
        server = self.by_name.get(name)
        if server is None:
            known = sorted(self.by_name)
            has = nearest(name, known) or (f"It knows: {listed(known)}." if known else "It knows none.")
            raise McpError(
                McpFailure.UNKNOWN_SERVER,
                f"this worker knows no MCP server {shortened(name, 100)!r}; name it in the file of {SETTING}. {has}",
            )
        if workflow_type == AD_HOC_WORKFLOW_TYPE and self._ad_hoc is not None and name not in self._ad_hoc:
            raise McpError(
                McpFailure.ACCESS_DENIED,
                f"a definition that comes with its run may not use MCP server {name!r}; list it in {AD_HOC_SETTING} on the worker, "
                "or register the definition.",
            )
        return server


def _server_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", name):
        raise ValueError("is not a server's name; use letters, digits, '-' and '_', at most 64")
    return name


_TABLE = TypeAdapter(dict[Annotated[str, AfterValidator(_server_name)], Server])
