"""The activity with real MCP servers, over HTTP and by pipes; no run is needed for what it does by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from advanced_workflow.activities.mcp.calls import McpCalls
from advanced_workflow.activities.mcp.failures import McpError
from advanced_workflow.activities.mcp.servers import Server, Servers
from advanced_workflow.activities.mcp.sessions import Sessions
from tests.harness import eventually
from tests.mcp_server import by_pipes, over_http
from tests.mcp_tools import Ledger


@asynccontextmanager
async def calling(settings: dict[str, Any], **of_sessions: Any) -> AsyncGenerator[tuple[McpCalls, Sessions], None]:
    sessions = Sessions(**of_sessions)
    try:
        yield McpCalls(Servers({"warehouse": Server(**settings)}), sessions), sessions
    finally:
        await sessions.close()


async def call(calls: McpCalls, tool: str, environment: ActivityEnvironment | None = None, **arguments: Any) -> Any:
    request = {"server": "warehouse", "tool": tool, "arguments": arguments}
    return await (environment or environment_of(60)).run(calls.call, request)


def environment_of(seconds: float) -> ActivityEnvironment:
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, start_to_close_timeout=timedelta(seconds=seconds))
    return environment


async def failure(calls: McpCalls, tool: str, **arguments: Any) -> tuple[str | None, bool, Any]:
    """Type of a failure, whether it is final, and its details."""
    with pytest.raises(McpError) as caught:
        await call(calls, tool, **arguments)
    return caught.value.type, caught.value.non_retryable, [*caught.value.details]


UNKNOWN = [{"effect": "unknown"}]


async def test_statuses_of_a_server(tmp_path: Path) -> None:
    async with over_http(tmp_path / "ledger") as served, calling({"url": served.url}) as (calls, _):
        assert await call(calls, "say", text="a") == "said a"
        ends = {}
        for status in (307, 401, 429, 500, 503):
            served.status = status
            ends[status] = await failure(calls, "say", text="a")
            served.status = 0
            assert await call(calls, "say", text="a") == "said a"  # So that the next one meets an open session.
        assert ends == {
            307: ("McpCallRefused", True, []),
            401: ("McpAccessDenied", True, []),
            429: ("McpServerUnavailable", False, []),
            500: ("McpCallInterrupted", False, UNKNOWN),
            503: ("McpServerUnavailable", False, []),
        }
        assert await failure(calls, "nope") == ("McpToolGone", True, [])
        assert await failure(calls, "fail", text="x") == ("McpToolFailed", True, UNKNOWN)
        both = await asyncio.gather(call(calls, "say", text="a"), call(calls, "say", text="b"))
        assert both == ["said a", "said b"]


async def test_a_server_that_is_away_for_a_while(tmp_path: Path) -> None:
    async with over_http(tmp_path / "ledger") as served:
        port = int(served.url.split(":")[2].partition("/")[0])
        async with calling({"url": served.url}) as (calls, _):
            assert await call(calls, "say", text="a") == "said a"
            served.running.should_exit = True
            await served.task
            kind, final, details = await failure(calls, "say", text="a")
            assert (kind, final) in (("McpServerUnavailable", False), ("McpCallInterrupted", False))
            assert details == ([] if kind == "McpServerUnavailable" else UNKNOWN)
            async with over_http(tmp_path / "ledger", port=port):
                assert await call(calls, "say", text="b") == "said b"


async def test_a_process_serves_all_calls_until_it_dies_and_is_left_when_nobody_calls(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    async with calling(by_pipes(ledger.path), idle_seconds=0.2) as (calls, sessions):
        both = await asyncio.gather(call(calls, "say", text="a"), call(calls, "say", text="b"))
        assert both == ["said a", "said b"]
        [session] = sessions._open["warehouse"]
        assert session.uses >= 1

        assert await failure(calls, "die") == ("McpCallInterrupted", False, UNKNOWN)
        assert await call(calls, "die") == {"result": "alive"}

        environment = environment_of(60)
        hanging = asyncio.create_task(call(calls, "hang", environment))
        await eventually(lambda: ledger.of("hang"))
        environment.cancel()
        with suppress(asyncio.CancelledError):
            await hanging
        await eventually(lambda: ledger.of("cancelled"))
        assert await call(calls, "say", text="c") == "said c"
        await eventually(lambda: not sessions._open["warehouse"] and not sessions._leaving)


async def test_a_call_has_no_more_time_than_its_step(tmp_path: Path) -> None:
    beats: list[Any] = []
    environment = environment_of(1)
    environment.on_heartbeat = lambda *details: beats.append(details)
    async with over_http(tmp_path / "ledger") as served, calling({"url": served.url}) as (calls, _):
        with pytest.raises(McpError, match="gave no result within 1 s") as caught:
            await call(calls, "hang", environment)
        assert (caught.value.type, [*caught.value.details]) == ("McpCallInterrupted", UNKNOWN)
        assert any("half way" in str(one) and UNKNOWN[0] in one for one in beats)
        await eventually(lambda: served.ledger.of("cancelled"))
