"""An HTTP server on loopback, and requests to it through the built-in action."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.builtin.http_request import HttpPolicy, HttpRequests
from advanced_workflow.workflows.contract import HttpResponse
from tests.patience import PATIENCE_SECONDS

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
Request = dict[str, Any]
Respond = Callable[[asyncio.StreamWriter], Awaitable[None]]


def answer(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass
class Server:
    """An HTTP server on loopback that gives its answers in turn, and the last one for ever."""

    answers: list[bytes | Respond] = field(default_factory=lambda: [OK])
    requests: list[Request] = field(default_factory=list)
    port: int = 0
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    secrets: tuple[str, ...] = ()
    """Names of secrets that may go to it."""
    answering: set[asyncio.Future[None]] = field(default_factory=set[asyncio.Future[None]])
    serving: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    @property
    def policy(self) -> HttpPolicy:
        bound = tuple(f"{name}=http://hooks.test:{self.port}" for name in self.secrets)
        return HttpPolicy(allowed_hosts=(f"hooks.test:{self.port}",), secrets=bound)

    @property
    def url(self) -> str:
        return f"http://hooks.test:{self.port}/in?a=1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            self.serving.add(task)
            task.add_done_callback(self.serving.discard)
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            self.requests.append(await _read(reader))
            now = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if isinstance(now, bytes):
                writer.write(now)
                await writer.drain()
            else:
                answering = asyncio.ensure_future(now(writer))
                self.answering.add(answering)
                with suppress(asyncio.CancelledError):  # Some never end.
                    await answering
        writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()
        self.closed.set()


async def _read(reader: asyncio.StreamReader) -> Request:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers: dict[str, str] = {}
    for name, value in (line.split(": ", 1) for line in lines):
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return {"method": method, "target": target, "headers": headers, "body": body}


@asynccontextmanager
async def running(
    *answers: bytes | Respond,
    tls: ssl.SSLContext | None = None,
    address: str = "127.0.0.1",
    port: int = 0,
    secrets: tuple[str, ...] = (),
) -> AsyncGenerator[Server]:
    server = Server(list(answers) or [OK], secrets=secrets)
    listening = await asyncio.start_server(server.serve, address, port, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for one in server.answering:
            one.cancel()
        await asyncio.gather(*server.serving, return_exceptions=True)
        await listening.wait_closed()


async def loopback(_host: str, _port: int) -> Sequence[str]:
    return ["127.0.0.1"]


async def never(host: str, port: int) -> Sequence[str]:
    raise AssertionError(f"{host}:{port} was looked up")


def resolver(*addresses: str) -> Callable[[str, int], Awaitable[Sequence[str]]]:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return addresses

    return resolve


def environment(seconds: float = PATIENCE_SECONDS, details: Sequence[Any] = ()) -> ActivityEnvironment:
    made = ActivityEnvironment()
    made.info = replace(
        made.info,
        activity_id="ship[3].call",
        workflow_run_id="run-1",
        start_to_close_timeout=timedelta(seconds=seconds),
        heartbeat_details=details,
    )
    return made


async def send(
    server: Server | None = None,
    *,
    policy: HttpPolicy | None = None,
    resolver: Any = loopback,
    trust: ssl.SSLContext | None = None,
    env: ActivityEnvironment | None = None,
    **request: Any,
) -> HttpResponse:
    if server is not None:
        request.setdefault("url", server.url)
        policy = policy or server.policy
    requests = HttpRequests(policy or HttpPolicy(), resolver=resolver, trust=trust)
    given = await (env or environment()).run(requests.send, {"method": "POST", **request})
    return HttpResponse.model_validate(given)


async def failure(server: Server | None = None, **request: Any) -> ActionError:
    with pytest.raises(ActionError) as caught:
        await send(server, **request)
    return caught.value


def details(error: ApplicationError) -> Any:
    return error.details[0] if error.details else None


async def nothing(_writer: asyncio.StreamWriter) -> None:
    """Close the connection without an answer."""
