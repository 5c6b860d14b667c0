"""The one place that imports the official MCP SDK; it takes a second, so it is imported late, and only where servers are used."""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version
from types import TracebackType
from typing import Any, Protocol, TypeAlias, cast

import httpx2
import mcp_types as types
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.dispatcher import ProgressFnT
from mcp.shared.exceptions import MCPError
from mcp_types import Tool
from pydantic import TypeAdapter

from advanced_workflow.activities.builtin.http_request.network import CONNECT_SECONDS, system_trust
from advanced_workflow.activities.mcp.servers import Filled

__all__ = ["Client", "MCPError", "Tool", "call", "connected", "list_tools", "types", "was_not_sent"]

# They write out what servers sent, secrets that a server repeats included; what matters of it comes as an error.
for _name in ("mcp", "client", "httpx2", "httpcore2"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)

MAX_EVENT_BYTES = 32 * 1024 * 1024
"""Of one message over HTTP; a result is measured again by what a run may hold."""
_MOST_PAGES = 100
_RESULT: TypeAdapter[types.CallToolResult | types.InputRequiredResult] = TypeAdapter(
    types.CallToolResult | types.InputRequiredResult
)

Seen: TypeAlias = Callable[[int, str], None]
"""Hears the status of each HTTP answer, and what it says of when to try again."""
Progress: TypeAlias = ProgressFnT


class _Incoming(Protocol):
    async def receive(self) -> Any: ...  # noqa: ANN401 - the SDK's own
    async def aclose(self) -> None: ...
    async def __anext__(self) -> Any: ...  # noqa: ANN401 - the SDK's own
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool | None: ...


class _Watched:
    """A stream of messages whose end is told: a server that went away while nobody called it."""

    def __init__(self, stream: _Incoming, ended: Callable[[], None]) -> None:
        self._stream = stream
        self._ended = ended

    @property
    def last_context(self) -> Any:  # noqa: ANN401 - the SDK's own
        return getattr(self._stream, "last_context", None)

    async def receive(self) -> Any:  # noqa: ANN401 - the SDK's own
        return await self._stream.receive()

    async def aclose(self) -> None:
        await self._stream.aclose()

    def __aiter__(self) -> _Watched:
        return self

    async def __anext__(self) -> Any:  # noqa: ANN401 - the SDK's own
        try:
            return await self._stream.__anext__()
        except BaseException:
            self._ended()
            raise

    async def __aenter__(self) -> _Watched:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._stream.__aexit__(kind, error, trace)


@asynccontextmanager
async def connected(filled: Filled, seen: Seen, ended: Callable[[], None]) -> AsyncGenerator[Client, None]:
    """A session with a server; `ended` is called when it breaks. Raises whatever the SDK and its transports raise."""
    transport = _over_http(filled, seen) if filled.server.url is not None else _by_pipes(filled)
    client = Client(
        _watched(transport, ended),
        client_info=types.Implementation(name="advanced-workflow", version=version("advanced-workflow")),
    )
    async with client:
        yield client


@asynccontextmanager
async def _watched(
    transport: AbstractAsyncContextManager[Any], ended: Callable[[], None]
) -> AsyncGenerator[tuple[Any, Any], None]:
    async with transport as (incoming, outgoing):
        yield _Watched(incoming, ended), outgoing


@asynccontextmanager
async def _over_http(filled: Filled, seen: Seen) -> AsyncGenerator[Any, None]:
    url = filled.server.url or ""

    async def look(response: httpx2.Response) -> None:
        if response.request.method == "POST":  # Not of the stream that some servers do not have.
            seen(response.status_code, response.headers.get("retry-after", ""))

    trust: ssl.SSLContext | bool = system_trust() if url.startswith("https:") else False
    # A call may take as long as its step allows: how long is watched outside.
    timeout = httpx2.Timeout(CONNECT_SECONDS, read=None, write=None, pool=None)
    async with (
        httpx2.AsyncClient(
            headers=dict(filled.headers),
            timeout=timeout,
            verify=trust,
            follow_redirects=False,
            trust_env=False,
            event_hooks={"response": [look]},
        ) as http,
        streamable_http_client(url, http_client=http, max_sse_event_size=MAX_EVENT_BYTES) as streams,
    ):
        yield streams


def _by_pipes(filled: Filled) -> AbstractAsyncContextManager[Any]:
    server = filled.server
    return stdio_client(
        StdioServerParameters(
            command=server.command or "", args=list(server.args), env=dict(filled.env), cwd=server.cwd
        )
    )


async def list_tools(client: Client) -> list[Tool]:
    """All that a server offers now, however many pages that takes."""
    found: list[Tool] = []
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        page = await client.session.list_tools(params=types.PaginatedRequestParams(cursor=cursor) if cursor else None)
        found += page.tools
        cursor = page.next_cursor
        if not cursor:
            break
    return found


async def call(
    client: Client, name: str, arguments: dict[str, Any], meta: dict[str, Any], progress: Progress
) -> types.CallToolResult | types.InputRequiredResult:
    """Call a tool once.

    Not by the SDK's `call_tool`: that asks for the list and raises where the result does not fit it, after the tool has run.
    """
    request = types.CallToolRequest(
        params=types.CallToolRequestParams(name=name, arguments=arguments, _meta=cast("Any", meta))
    )
    return await client.session.send_request(request, _RESULT, progress_callback=progress)


def was_not_sent(error: BaseException) -> bool:
    """Whether no request can have left: there was no connection, or no process."""
    return isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | FileNotFoundError | PermissionError)
