"""Connections that go to addresses which were checked, never to what a second look-up of the name might give."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import cast

import certifi
import httpcore

from advanced_workflow.activities.builtin.http_request.addresses import literal
from advanced_workflow.activities.builtin.http_request.failures import HttpFailure
from advanced_workflow.activities.builtin.http_request.target import Target, require_allowed
from advanced_workflow.workflows.plain.text import one_line

CONNECT_SECONDS = 10.0
"""For looking up the name, for connecting, and for the TLS handshake."""

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""From host and port to addresses, in the order they are tried."""
SocketOption = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]


async def resolve(host: str, port: int) -> list[str]:
    """Ask the system for the host's addresses."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def checked_addresses(target: Target, resolver: Resolver) -> Sequence[str]:
    """Look the host up once; raises the failure `HttpUnreachable`, or `HttpRefused` for an address that is not allowed."""
    itself = literal(target.host)
    addresses = [itself] if itself else await _look_up(target, resolver)
    require_allowed(target, addresses)
    return addresses


async def _look_up(target: Target, resolver: Resolver) -> Sequence[str]:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            addresses = await resolver(target.host, target.port)
    except (OSError, UnicodeError) as error:  # TimeoutError is an OSError
        raise HttpFailure(
            "HttpUnreachable", f"host {target.host!r} was not found: {reason(error)}.", retryable=True
        ) from None
    if not addresses:
        raise HttpFailure("HttpUnreachable", f"host {target.host!r} has no address.", retryable=True)
    return addresses


def system_trust() -> ssl.SSLContext:
    """Certificates that are trusted: those of `SSL_CERT_FILE` or `SSL_CERT_DIR` where set, else the public ones."""
    if os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR"):
        return ssl.create_default_context()
    return ssl.create_default_context(cafile=certifi.where())


class PinnedBackend(httpcore.AsyncNetworkBackend):
    """Connects to the given addresses, whatever the host is called; TLS still checks the host's name."""

    def __init__(self, addresses: Sequence[str]) -> None:
        """The addresses are tried in their order."""
        self._addresses = addresses
        self._tcp = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address that answers."""
        loop = asyncio.get_running_loop()
        end = loop.time() + (CONNECT_SECONDS if timeout is None else timeout)
        failure: Exception = httpcore.ConnectError("no address")
        for tried, address in enumerate(self._addresses):
            # An address that does not answer leaves the others their share of the time.
            share = max(0.0, end - loop.time()) / (len(self._addresses) - tried)
            try:
                return await self._tcp.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


def reason(error: BaseException) -> str:
    """The innermost cause in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    return one_line(error).rstrip(".") or type(error).__name__
