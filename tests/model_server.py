"""An OpenAI-compatible endpoint on loopback whose models behave badly, each in its own way: the model's name says how.

Byte for byte its own, so that a stream can be cut anywhere, cleanly or by a broken connection.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

CALLS = [("call_a", "search_logs", {"query": "x", "minutes": 30}), ("call_b", "read_metric", {"query": "y"})]
USAGE = {
    "prompt_tokens": 120,
    "completion_tokens": 30,
    "total_tokens": 150,
    "prompt_tokens_details": {"cached_tokens": 64},
    "completion_tokens_details": {"reasoning_tokens": 8},
}
JSON, HTML, EVENTS = "application/json", "text/html", "text/event-stream"
ERRORS: dict[str, tuple[int, dict[str, Any], dict[str, str]]] = {
    "429": (429, {"message": "slow down", "code": "rate_limit_exceeded"}, {"Retry-After": "7"}),
    "quota": (429, {"message": "You exceeded your current quota", "code": "insufficient_quota"}, {"Retry-After": "1"}),
    "500": (500, {"message": "boom"}, {}),
    "503": (503, {"message": "overloaded"}, {"Retry-After": "3"}),
    "403": (403, {"message": "no access"}, {}),
    "404": (404, {"message": "The model does not exist", "code": "model_not_found"}, {}),
    "400": (400, {"message": "bad tool schema", "code": "invalid_request_error"}, {}),
    "400long": (
        400,
        {"message": "This model's maximum context length is 8192 tokens", "code": "context_length_exceeded"},
        {},
    ),
}


PLAIN = {
    "html": (b"<html>gateway</html>", HTML),
    "garbage": (b'{"choices": [', JSON),
    "empty": (b'{"id": "c1", "object": "chat.completion", "created": 1, "model": "m-1", "choices": []}', JSON),
    "hang": (b"{}", JSON),
}


@dataclass
class ModelServer:
    """The endpoint."""

    port: int = 0
    requests: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    release: asyncio.Event = field(default_factory=asyncio.Event)
    """Lets `hang` and `slow` end."""
    shown: asyncio.Event = field(default_factory=asyncio.Event)
    """`slow` has sent its first words."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            names = (line.partition(": ") for line in head[1:] if line)
            headers = {name.lower(): value for name, _, value in names}
            body = json.loads(await reader.readexactly(int(headers["content-length"])))
            self.requests.append(body)
            self.headers.append(headers)
            await self.answer(body, headers, writer)
            await writer.drain()
        writer.close()

    async def answer(self, body: dict[str, Any], headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
        kind, _, rest = body["model"].partition("@")
        key = headers.get("authorization", "").removeprefix("Bearer ")
        if kind == "hang":
            await self.release.wait()
        if kind in PLAIN:
            write(writer, *PLAIN[kind])
        elif kind in ERRORS or kind == "401":
            status, error, more = ERRORS.get(kind, (401, {"message": f"bad key {key}"}, {}))
            write(writer, json.dumps({"error": error}).encode(), JSON, status, **more)
        else:
            begin(writer)
            await self.streamed(kind, int(rest or 0), b"".join(events(kind, key)), writer)

    async def streamed(self, kind: str, place: int, stream: bytes, writer: asyncio.StreamWriter) -> None:
        if kind == "abort":
            piece(writer, stream[:place])
            await writer.drain()
            writer.transport.abort()
        elif kind == "slow":
            place = stream.index(b"first")
            piece(writer, stream[:place])
            await writer.drain()
            self.shown.set()
            await self.release.wait()
            end(writer, stream[place:])
        else:
            end(writer, stream[: place or len(stream)])


def events(kind: str, key: str) -> Iterator[bytes]:
    """A streamed answer, event by event."""
    if kind == "echo":
        words, calls = (
            ("The key ", "is ", key[: len(key) // 2], key[len(key) // 2 :], "."),
            [("c", "search_logs", {"query": key})],
        )
    else:
        words, calls = ("I ", "look ", "first. "), CALLS
    yield event(chunk({"role": "assistant", "content": ""}))
    for word in words:
        yield event(chunk({"content": word}))
    for number, (name, tool, arguments) in enumerate(() if kind in ("text", "long") else calls):
        text = '{"query": "x", ' if kind == "badargs" else json.dumps(arguments)
        tool = "rm_rf" if kind == "unknowntool" else tool
        yield event(call(number, id=name, type="function", function={"name": tool, "arguments": text[:8]}))
        yield event(call(number, function={"arguments": text[8:18]}))
        if kind == "cutargs":
            return
        yield event(call(number, function={"arguments": text[18:]}))
    if kind == "cutclean":
        return
    if kind == "sseerror":
        yield event({"error": {"message": "overloaded", "type": "server_error"}})
    reason = {"text": "stop", "length": "length", "filter": "content_filter", "nocount": "tool_calls"}.get(
        kind, "tool_calls"
    )
    yield event(chunk({}, reason))
    if kind != "nocount":
        yield event({**chunk({}), "choices": [], "usage": USAGE})
    yield b"data: [DONE]\n\n"


def call(index: int, **fields: Any) -> dict[str, Any]:
    return chunk({"tool_calls": [{"index": index, **fields}]})


def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m-1", "choices": [choice]}


def event(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def write(writer: asyncio.StreamWriter, body: bytes, kind: str = JSON, status: int = 200, **headers: str) -> None:
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def begin(writer: asyncio.StreamWriter) -> None:
    writer.write(
        f"HTTP/1.1 200 OK\r\nContent-Type: {EVENTS}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n".encode()
    )


def piece(writer: asyncio.StreamWriter, data: bytes) -> None:
    if data:
        writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


def end(writer: asyncio.StreamWriter, data: bytes = b"") -> None:
    piece(writer, data)
    writer.write(b"0\r\n\r\n")


@asynccontextmanager
async def model_server() -> AsyncGenerator[ModelServer]:
    server = ModelServer()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        server.release.set()
        listening.close()
        await listening.wait_closed()
