"""Whether this worker lives and is ready, for those who restart it or wait for it: `GET /live` and `GET /ready` at `ADW_HEALTH`.

Live: its event loop answers. Ready: it polls its queues and the server answers it now; that ends when the server cannot be reached
and when the worker stops, and comes again.
"""

from __future__ import annotations

import asyncio
import contextlib
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator
from datetime import timedelta
from http import HTTPStatus

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from advanced_workflow.client.errors import WorkerStartRefused
from advanced_workflow.workflows.plain.text import one_line

ANSWER_SECONDS = 2
"""How long the server has to answer."""
KNOWN_SECONDS = 1
"""How long an answer holds, however often it is asked for."""
REQUEST_SECONDS = 10
STARTING = "the worker is starting"
STOPPING = "the worker is stopping"


class Health:
    """What is answered. `not_polling` says why no queue is polled."""

    def __init__(self, client: Client) -> None:
        """It is starting."""
        self._client = client
        self._asking = asyncio.Lock()
        self._known_until = 0.0
        self._known: str | None = None
        self.not_polling: str | None = STARTING

    async def why_not_ready(self) -> str | None:
        """Why it is not ready, or None."""
        if self.not_polling is not None:
            return self.not_polling
        async with self._asking:
            now = asyncio.get_running_loop().time()
            if now >= self._known_until:
                self._known = await self._server_s_fault()
                self._known_until = asyncio.get_running_loop().time() + KNOWN_SECONDS
        return self.not_polling or self._known

    async def _server_s_fault(self) -> str | None:
        request = DescribeNamespaceRequest(namespace=self._client.namespace)
        try:
            async with asyncio.timeout(2 * ANSWER_SECONDS):
                await self._client.workflow_service.describe_namespace(
                    request, retry=False, timeout=timedelta(seconds=ANSWER_SECONDS)
                )
        except (RPCError, TimeoutError) as error:
            return f"the Temporal server does not answer: {one_line(error) or 'no answer in time'}"
        return None

    async def answer(self, path: str) -> tuple[HTTPStatus, str]:
        """The answer to one request."""
        if path == "/live":
            return HTTPStatus.OK, "live"
        if path != "/ready":
            return HTTPStatus.NOT_FOUND, "ask for /live or /ready"
        why = await self.why_not_ready()
        return (HTTPStatus.OK, "ready") if why is None else (HTTPStatus.SERVICE_UNAVAILABLE, why)


@contextlib.asynccontextmanager
async def served_health(address: str | None, health: Health) -> AsyncGenerator[None]:
    """Answer at IP:PORT inside the block; nothing is done without an address.

    Raises:
        WorkerStartRefused: nobody can listen there.
    """
    if address is None:
        yield
        return
    host, _, port = address.rpartition(":")
    try:
        server = await asyncio.start_server(_Connection(health).take, host.strip("[]"), int(port))
    except OSError as error:
        raise WorkerStartRefused(
            f"ADW_HEALTH: {address!r} cannot be used: {error}; give an IP address and a free port."
        ) from error
    try:
        yield
    finally:
        server.close()


class _Connection:
    def __init__(self, health: Health) -> None:
        self._health = health

    async def take(self, reader: StreamReader, writer: StreamWriter) -> None:
        """One request, then the connection ends."""
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(REQUEST_SECONDS):
                asked = await reader.readuntil(b"\r\n\r\n")
                words = asked.split(b"\r\n", 1)[0].decode("latin-1").split()
                status, text = await self._health.answer(words[1].partition("?")[0] if len(words) > 1 else "")
                writer.write(_page(status, text))
                await writer.drain()
        writer.close()


def _page(status: HTTPStatus, text: str) -> bytes:
    body = f"{text}\n".encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
