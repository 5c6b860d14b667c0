"""From the server's answer to the step's output, or to the failure `HttpError`."""

from __future__ import annotations

import asyncio
import codecs
import zlib
from collections.abc import AsyncIterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import cast

import httpcore
from pydantic import JsonValue, ValidationError

from advanced_workflow.activities.builtin.http_request.failures import HttpFailure
from advanced_workflow.activities.builtin.http_request.secrets import Secrets
from advanced_workflow.workflows.contract import PAYLOAD_LIMIT_BYTES, HttpResponse
from advanced_workflow.workflows.errors import DataInvalid
from advanced_workflow.workflows.plain.strict_json import decode, encode, require_json

FIRST_PART_CHARACTERS = 2000
"""Of the body of an answer with an error status."""
LONGEST_DELAY = timedelta(hours=1)
"""For a server that asks for more, the step's own delay counts."""

_FIRST_PART_BYTES = 16 * 1024
_FIRST_PART_SECONDS = 5
_TRY_AGAIN = frozenset({408, 425, 429})
_CHARSETS = frozenset({"ascii", "cp1252", "iso8859-1", "iso8859-15", "utf-16", "utf-8"})
_EITHER_FORMAT = zlib.MAX_WBITS | 32
"""gzip or zlib, by what the data begins with."""


async def output_of(response: httpcore.Response, host: str, limit: int, secrets: Secrets) -> HttpResponse:
    """Read a whole answer; raises the failure `HttpTooLarge`, and what the connection raises."""
    header = _header(response)
    content = bytearray()
    await _read(response, header, limit, content)
    if len(content) > limit:
        raise _too_large(host, f"is longer than {limit:,} bytes")
    shown = {secrets.hide(name): secrets.hide(value) for name, value in header.items()}
    answer = _parsed(response.status, shown, await secrets.hide_in_body(_text(content, header)))
    size = len(encode(answer.model_dump(mode="json"), "the answer"))
    if size > PAYLOAD_LIMIT_BYTES:
        raise _too_large(host, f"is {size:,} bytes as JSON and the limit is {PAYLOAD_LIMIT_BYTES:,}")
    return answer


async def failure_of(response: httpcore.Response, host: str, secrets: Secrets) -> HttpFailure:
    """What an answer with status 400 or above means; only the first part of it is read, as far as it arrives."""
    header = _header(response)
    status = response.status
    content = bytearray()
    # The status says enough, so a body that breaks or does not end changes nothing.
    with suppress(httpcore.NetworkError, httpcore.ProtocolError, OSError):
        async with asyncio.timeout(_FIRST_PART_SECONDS):
            await _read(response, header, _FIRST_PART_BYTES, content)
    retryable = status in _TRY_AGAIN or status >= 500
    # Cut after hiding: a secret must not remain in half.
    body = (await secrets.hide_in_body(_text(content[:_FIRST_PART_BYTES], header)))[:FIRST_PART_CHARACTERS]
    return HttpFailure(
        "HttpError",
        f"host {host!r} answered with status {_named(status)}.",
        retryable=retryable,
        details={"status": status, "body": body},
        delay=retry_after(header.get("retry-after", ""), datetime.now(UTC)) if retryable else None,
    )


def retry_after(value: str, now: datetime) -> timedelta | None:
    """Read a `Retry-After` header: seconds or a date; None unless it is in the future and at most an hour away."""
    try:
        delay = timedelta(seconds=int(value)) if value.isdecimal() else parsedate_to_datetime(value) - now
    except (ValueError, TypeError, OverflowError):  # TypeError: a date without a time zone
        return None
    return delay if timedelta(0) < delay <= LONGEST_DELAY else None


async def _read(response: httpcore.Response, header: dict[str, str], limit: int, content: bytearray) -> None:
    """Add the body to `content`, or a little more than `limit` bytes of it; raises RemoteProtocolError where it is broken."""
    inflate = zlib.decompressobj(_EITHER_FORMAT) if _is_compressed(header) else None
    try:
        async for chunk in cast("AsyncIterable[bytes]", response.stream):
            content += inflate.decompress(chunk, limit + 1 - len(content)) if inflate else chunk
            if len(content) > limit:
                return
    except zlib.error:
        raise httpcore.RemoteProtocolError("its content encoding is broken") from None
    if inflate and content and not inflate.eof:
        raise httpcore.RemoteProtocolError("its content encoding is incomplete")


def _is_compressed(header: dict[str, str]) -> bool:
    """Not asked for, but some servers compress anyway."""
    return header.get("content-encoding", "").strip().lower() in ("gzip", "x-gzip", "deflate")


def _header(response: httpcore.Response) -> dict[str, str]:
    header: dict[str, str] = {}
    for raw_name, raw_value in response.headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        header[name] = f"{header[name]}, {value}" if name in header else value
    return header


def _content_type(header: dict[str, str]) -> Message:
    message = Message()
    message["content-type"] = header.get("content-type", "text/plain")
    return message


def _text(content: bytearray, header: dict[str, str]) -> str:
    return content.decode(_charset(header), "replace").removeprefix("\ufeff")


def _charset(header: dict[str, str]) -> str:
    try:
        name = codecs.lookup(_content_type(header).get_content_charset("utf-8")).name
    except LookupError:
        return "utf-8"
    # Some of Python's codecs take a very long time, or are not character sets at all.
    return name if name in _CHARSETS else "utf-8"


def _parsed(status: int, header: dict[str, str], text: str) -> HttpResponse:
    kind = _content_type(header).get_content_type()
    if text and (kind in ("application/json", "text/json") or kind.endswith("+json")):
        try:
            body: JsonValue = decode(text, "body")
            require_json(body, "body")
            return HttpResponse(status=status, headers=header, body=body)
        except (DataInvalid, ValidationError):
            pass  # It is not JSON as others understand it, so it is text.
    return HttpResponse(status=status, headers=header, body=text or None)


def _too_large(host: str, how: str) -> HttpFailure:
    return HttpFailure("HttpTooLarge", f"the answer of host {host!r} {how}; ask it for less.")


def _named(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
