"""Agents with tools of real MCP servers: over HTTP on loopback, and as processes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from advanced_workflow.activities.mcp.calls import McpCalls
from advanced_workflow.activities.mcp.lists import ToolLists
from advanced_workflow.activities.mcp.servers import Server, Servers
from advanced_workflow.activities.mcp.sessions import Sessions
from tests.engine.models import Model, calls, says, tools_catalog
from tests.harness import Harness, Outcome, definition, outcome_of
from tests.mcp_server import Served, over_http

RETRIES = {"max_attempts": 3, "delay": 0.1}


def agent(*tools: Any, **fields: Any) -> dict[str, Any]:
    return {
        "step_id": "look",
        "step_type": "react",
        "agent": {"model": "test", "tools": list(tools), **fields},
        "retry_policy": RETRIES,
    }


@asynccontextmanager
async def serving(
    harness: Harness, model: Model, servers: dict[str, dict[str, Any]], **tools: Callable[..., Any]
) -> AsyncGenerator[Sessions, None]:
    known, sessions = Servers({name: Server(**one) for name, one in servers.items()}), Sessions()
    activities = [model.activity, McpCalls(known, sessions).call]
    lists = ToolLists(known, sessions)
    try:
        async with harness.worker(tools, activities=activities, catalog=tools_catalog(tools), tool_lists=lists):
            yield sessions
    finally:
        await sessions.close()


async def run(
    harness: Harness, model: Model, servers: dict[str, Any], workflow: Any, data: Any = None, **tools: Any
) -> Outcome:
    async with serving(harness, model, servers, **tools):
        return await outcome_of(await harness.start(workflow, data))


@pytest.fixture
async def warehouse(tmp_path: Path) -> AsyncGenerator[Served, None]:
    async with over_http(tmp_path / "ledger") as served:
        yield served


async def test_an_agent_is_given_the_tools_of_a_server_and_each_call_is_a_step(
    harness: Harness, warehouse: Served
) -> None:
    model = Model([calls(("reserve", {"item": "lamp", "count": 2}), ("say", {"text": "hi"})), says("done")])
    tools = {"mcp": "warehouse", "include": ["reserve", "say"], "input_mapping": {"tenant": "input.tenant"}}
    outcome = await run(harness, model, {"warehouse": {"url": warehouse.url}}, definition(agent(tools)), {"tenant": "t1"})

    assert outcome.failure is None, outcome.message
    assert model.head is not None
    first, second = model.head["tools"]
    assert (first["name"], second["name"]) == ("reserve", "say")
    assert first["description"].startswith("Reserve things.")
    assert set(first["parameters"]["properties"]) == {"item", "count"}
    told = [one["content"] for one in model.conversations[1][2:]]
    assert told == ['{"count":2,"reserved":"lamp","tenant":"t1"}', "said hi"]
    assert {"look[0].reserve#0", "look[0].say#1"} <= set(outcome.report.steps)
    [noted] = warehouse.ledger.of("reserve")
    assert noted["meta"] == {
        "advanced-workflow/idempotency-key": f"{outcome.handle.first_execution_run_id}:look[0].reserve#0",
        "advanced-workflow/attempt": 1,
    }
