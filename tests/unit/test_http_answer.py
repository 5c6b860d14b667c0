from __future__ import annotations

import asyncio
import gzip
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from advanced_workflow.activities.builtin.http_request.response import retry_after
from tests.patience import PATIENCE_SECONDS
from tests.unit.http_calls import answer, details, failure, never, running, send


@pytest.mark.parametrize(
    ("status", "retryable", "doubt"),
    [
        *((status, False, False) for status in (400, 401, 404, 409, 422)),
        *((status, True, False) for status in (408, 425, 429)),
        *((status, True, True) for status in (500, 501, 503, 599)),
    ],
)
async def test_a_status_of_400_and_above_fails_and_says_whether_it_may_have_had_an_effect(
    status: int, retryable: bool, doubt: bool
):
    async with running(answer(b'{"why": "no"}', status=f"{status} X", Content_Type="application/json")) as server:
        error = await failure(server)

    assert (error.type, error.non_retryable, error.next_retry_delay) == ("HttpError", not retryable, None)
    assert error.message.startswith(f"host 'hooks.test' answered with status {status}")
    assert details(error) == {"status": status, "body": '{"why": "no"}'} | ({"effect": "unknown"} if doubt else {})


async def test_a_retry_after_delays_the_next_attempt():
    async with running(answer(status="503 Busy", Retry_After="7")) as server:
        assert (await failure(server)).next_retry_delay == timedelta(seconds=7)


async def test_a_retry_after_of_an_answer_that_is_not_tried_again_means_nothing():
    async with running(answer(status="404 Gone", Retry_After="7")) as server:
        assert (await failure(server)).next_retry_delay is None


NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        ("3600", 3600),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
        ("0", None),
        ("3601", None),
        ("9" * 20, None),
        ("9" * 5000, None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        (format_datetime(NOW - timedelta(seconds=1), usegmt=True), None),
        ("Tue, 01 Jan 2030 00:00:30 -0000", None),
    ],
)
def test_a_retry_after_that_makes_no_sense_is_left_out(value: str, seconds: int | None):
    assert retry_after(value, NOW) == (None if seconds is None else timedelta(seconds=seconds))


async def test_of_a_long_error_only_the_first_part_is_read_and_kept():
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    async with running(endless) as server:
        error = await failure(server)

    assert details(error) == {"status": 400, "body": "x" * 2000}


async def test_an_error_whose_body_breaks_off_is_the_error_of_its_status():
    async with running(b"HTTP/1.1 403 No\r\nContent-Length: 100\r\n\r\nhalf") as server:
        error = await failure(server)

    assert (error.type, details(error)) == ("HttpError", {"status": 403, "body": "half"})


@pytest.mark.parametrize("length", ["Content-Length: 1000001\r\n", ""], ids=["announced", "unannounced"])
async def test_an_answer_above_the_limit_is_cut_off_and_its_effect_is_unknown(length: str):
    sent = 0

    async def endless(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(f"HTTP/1.1 200 OK\r\n{length}\r\n".encode())
        while True:
            writer.write(b"x" * 4096)
            sent += 4096
            await writer.drain()

    async with running(endless) as server:
        error = await failure(server, policy=replace(server.policy, max_response_bytes=10_000))
        await asyncio.wait_for(server.closed.wait(), PATIENCE_SECONDS)

    assert (error.type, error.non_retryable, details(error)) == ("HttpTooLarge", True, {"effect": "unknown"})
    assert "longer than 10,000 bytes" in error.message


async def test_an_answer_at_the_limit_is_taken():
    async with running(answer(b"x" * 10_000)) as server:
        assert (await send(server, policy=replace(server.policy, max_response_bytes=10_000))).body == "x" * 10_000


async def test_an_answer_that_grows_when_unpacked_is_cut_off():
    bomb = gzip.compress(b"0" * 50_000_000)
    async with running(answer(bomb, Content_Encoding="gzip")) as server:
        tracemalloc.start()
        try:
            error = await failure(server)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert most < 10_000_000
    assert (error.type, error.non_retryable) == ("HttpTooLarge", True)


async def test_an_answer_that_is_packed_unasked_is_unpacked():
    async with running(answer(gzip.compress(b'{"a": 1}'), Content_Encoding="GZIP", Content_Type="text/json")) as server:
        assert (await send(server)).body == {"a": 1}


@pytest.mark.parametrize("packed", [b"this is not gzip", gzip.compress(b"x" * 100)[:-5]], ids=["other", "cut"])
async def test_an_answer_whose_packing_is_broken_did_not_come_whole(packed: bytes):
    async with running(answer(packed, Content_Encoding="gzip")) as server:
        error = await failure(server)

    assert (error.type, details(error)) == ("HttpInterrupted", {"effect": "unknown"})


async def test_an_answer_that_grows_beyond_a_payload_as_json_is_too_large():
    async with running(answer(b"\xff" * 600_000)) as server:
        error = await failure(server)

    assert (error.type, details(error)) == ("HttpTooLarge", {"effect": "unknown"})
    assert "as JSON" in error.message


@pytest.mark.parametrize(
    "request_",
    [
        {"body": "x" * 2_100_000},
        {"headers": {"X-A": "x" * 40_000}},
        {"url": "https://example.com/" + "x" * 9000},
    ],
    ids=["body", "headers", "url"],
)
async def test_a_request_above_the_limits_is_not_sent(request_: dict[str, Any]):
    error = await failure(None, **{"url": "https://example.com/", **request_}, resolver=never)

    assert (error.type, error.non_retryable, error.details) == ("HttpTooLarge", True, ())
