from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import Any

import pytest

from advanced_workflow.activities.builtin.http_request import HttpPolicy
from tests.patience import PATIENCE_SECONDS, jump, never_ends
from tests.unit.http_calls import answer, details, environment, failure, nothing, resolver, running, send


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


async def test_a_host_where_nobody_listens_is_unreachable_and_had_no_effect():
    port = unused_port()
    error = await failure(policy=HttpPolicy(("hooks.test",)), url=f"http://hooks.test:{port}/")

    assert (error.type, error.non_retryable, error.details) == ("HttpUnreachable", False, ())
    assert "host 'hooks.test' cannot be reached: " in error.message


async def test_a_host_that_is_not_found_is_unreachable():
    async def unknown(_host: str, _port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    for found in (unknown, resolver()):
        error = await failure(url="https://hooks.test/", resolver=found)
        assert (error.type, error.non_retryable, error.details) == ("HttpUnreachable", False, ())
        assert "hooks.test" in error.message


async def silence(_writer: asyncio.StreamWriter) -> None:
    await never_ends()


@pytest.mark.parametrize(
    "broken",
    [
        nothing,
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: 1\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"1" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    ],
    ids=["no answer", "no HTTP", "half a header", "a header without end", "half a body", "another protocol"],
)
async def test_a_connection_that_breaks_after_sending_leaves_the_effect_unknown(broken: Any):
    async with running(broken) as server:
        error = await failure(server)

    assert len(server.requests) == 1
    assert (error.type, error.non_retryable, details(error)) == ("HttpInterrupted", False, {"effect": "unknown"})


async def test_a_server_that_is_gone_does_not_end_the_doubt_of_an_earlier_attempt():
    env = environment(details=[{"effect": "unknown"}])
    error = await failure(policy=HttpPolicy(("hooks.test",)), url=f"http://hooks.test:{unused_port()}/", env=env)

    assert (error.type, details(error)) == ("HttpUnreachable", {"effect": "unknown"})


async def test_a_get_never_leaves_its_effect_unknown():
    async with running(nothing, answer(status="500 Oops")) as server:
        assert (await failure(server, method="GET")).details == ()
        assert details(await failure(server, method="GET")) == {"status": 500, "body": ""}


async def test_an_answer_that_does_not_come_within_the_attempt_s_time_is_given_up():
    async def late(_writer: asyncio.StreamWriter) -> None:
        jump(PATIENCE_SECONDS)
        await never_ends()

    async with running(late) as server:
        error = await failure(server, env=environment(seconds=PATIENCE_SECONDS))

    assert (error.type, error.non_retryable, details(error)) == ("HttpInterrupted", False, {"effect": "unknown"})
    assert f"within {PATIENCE_SECONDS} s" in error.message


async def test_an_answer_that_drips_is_given_up_too():
    async def drips(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        jump(PATIENCE_SECONDS)
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with running(drips) as server:
        error = await failure(server, env=environment(seconds=PATIENCE_SECONDS))
        await asyncio.wait_for(server.closed.wait(), PATIENCE_SECONDS)

    assert error.type == "HttpInterrupted"


async def test_time_that_runs_out_before_sending_means_no_effect():
    async def slow(_host: str, _port: int) -> Sequence[str]:
        await never_ends()
        return ["127.0.0.1"]

    error = await failure(url="https://hooks.test/", resolver=slow, env=environment(seconds=0.2))

    assert (error.type, error.details) == ("HttpUnreachable", ())


async def test_a_cancelled_step_ends_its_request():
    async with running(silence) as server:
        env = environment()
        sending = asyncio.create_task(send(server, env=env))
        while not server.requests:  # noqa: ASYNC110 - the server gives no event for it
            await asyncio.sleep(0.01)
        env.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(sending, PATIENCE_SECONDS)


async def test_heartbeats_are_sent_while_the_server_is_silent():
    beats: list[Any] = []
    env = environment(seconds=1.4)
    env.on_heartbeat = lambda *given: beats.append(given)
    async with running(silence) as server:
        await failure(server, method="GET", env=env)

    assert beats == [()]


@pytest.mark.parametrize(("status", "last"), [("404 No", ()), ("500 Oops", ({"effect": "unknown"},))])
async def test_the_next_attempt_learns_whether_this_one_may_have_had_an_effect(status: str, last: tuple[Any, ...]):
    beats: list[Any] = []
    env = environment()
    env.on_heartbeat = lambda *given: beats.append(given)
    async with running(answer(status=status)) as server:
        await failure(server, env=env)

    assert beats[0] == ({"effect": "unknown"},)
    assert beats[-1] == last
