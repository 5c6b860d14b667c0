"""Agents with tools of real MCP servers: over HTTP on loopback, and as processes."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.mcp.calls import McpCalls
from advanced_workflow.activities.mcp.lists import ToolLists
from advanced_workflow.activities.mcp.servers import Server, Servers
from advanced_workflow.activities.mcp.sessions import Sessions
from advanced_workflow.client.runs import Run
from advanced_workflow.workflows.contract import UndoInput
from tests.engine.models import Model, calls, says, tools_catalog
from tests.harness import Harness, Outcome, definition, eventually, outcome_of, replayer
from tests.mcp_server import Served, by_pipes, over_http
from tests.mcp_tools import Ledger
from tests.patience import TooSlow, given_time

SECRET = "canary-secret-41c9d2"
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
    outcome = await run(
        harness, model, {"warehouse": {"url": warehouse.url}}, definition(agent(tools)), {"tenant": "t1"}
    )

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


async def _asked(run: Run) -> Any:
    return await run.pending_approvals()


async def _beats(run: Run) -> bool:
    told = await run.handle.describe()
    return any(one.heartbeat_details.payloads for one in told.raw_description.pending_activities)


async def test_the_list_stays_what_it_was_when_the_run_began(harness: Harness, warehouse: Served) -> None:
    model = Model([calls(("change", {})), calls(("say", {"text": "hi"}), ("shout", {"text": "x"})), says("done")])
    workflow = definition(agent({"mcp": "warehouse"}))
    async with serving(harness, model, {"warehouse": {"url": warehouse.url}}):
        started = await harness.start(workflow)
        outcome = await outcome_of(started)
        agent_of = (await started.definition()).definition.steps[0].agent

    assert outcome.failure is None, outcome.message
    gone, unknown = [json.loads(one["content"]) for one in model.conversations[2][-2:]]
    assert gone == {
        "error": "McpToolGone",
        "message": "MCP server 'warehouse' has no tool 'say' any more; it had when the run began.",
    }
    assert unknown["error"] == "UnknownTool"
    assert agent_of is not None
    assert {one.tool for one in agent_of.tools} >= {"say", "reserve"}
    for history in await harness.histories():  # No server is asked again: none is there.
        await replayer().replay_workflow(history)


async def test_what_tools_give_and_how_they_fail(harness: Harness, warehouse: Served) -> None:
    asked = [("fail", {"text": "do it"}), ("picture", {}), ("big", {"size": 3_000_000}), ("reserve", {"item": [1]})]
    model = Model([calls(*asked), says("done")])
    outcome = await run(harness, model, {"warehouse": {"url": warehouse.url}}, definition(agent({"mcp": "warehouse"})))

    assert outcome.failure is None, outcome.message
    failed, picture, big, unfit = [json.loads(one["content"]) for one in model.conversations[1][2:]]
    assert (failed["error"], failed["message"]) == ("McpToolFailed", "Error executing tool fail: cannot do it: ")
    assert len(warehouse.ledger.of("fail")) == 1, "the model decides whether it is tried again"
    assert picture == [{"type": "image", "mime_type": "image/png", "bytes": 1004, "left_out": True}]
    assert big["error"] == "PayloadTooLarge"
    assert "ask it for less" in big["message"]
    assert unfit["error"] == "InputInvalid"


async def test_a_call_is_approved_and_undone_as_any_tool(harness: Harness, warehouse: Served) -> None:
    undone: list[Any] = []

    def release(undo: UndoInput) -> None:
        undone.append((undo.outcome, undo.input, undo.output))

    def break_down() -> None:
        raise ActionError("broken", retryable=False)

    model = Model([calls(("reserve", {"item": "lamp"}), ("fail", {"text": "x"})), says("done")])
    reserve = {"mcp": "warehouse", "tool": "reserve", "approve": True, "rollback_actions": ["release"]}
    workflow = definition(
        agent(reserve, {"mcp": "warehouse", "tool": "fail", "rollback_actions": ["release"]}),
        {"step_id": "break_down", "dependencies": ["look"]},
    )
    tools = {"release": release, "break_down": break_down}
    async with serving(harness, model, {"warehouse": {"url": warehouse.url}}, **tools):
        started = await harness.start(workflow)
        [asked] = await eventually(lambda: _asked(started))
        exact = {"tool": "reserve", "server": "warehouse", "server_tool": "reserve"}
        assert asked.subject == {**exact, "arguments": {"item": "lamp"}, "call": "c0"}
        assert not warehouse.ledger.of("reserve")
        await started.approve(asked.path, approver="ann", digest=asked.digest)
        outcome = await outcome_of(started)

    assert outcome.failure == "WorkflowFailed"
    assert undone == [
        ("unknown", {"text": "x"}, None),  # Whether a tool that failed did something is not known.
        ("completed", {"item": "lamp"}, {"reserved": "lamp", "count": 1, "tenant": "none"}),
    ]


async def test_a_server_that_dies_is_started_again_and_secrets_are_nowhere(
    harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def once(seconds: float) -> None:
        caplog.set_level("DEBUG")
        monkeypatch.setenv("ADW_SECRET_DOCS", SECRET)
        server = by_pipes(tmp_path / f"ledger-{seconds}", env={"TOKEN": "{{ secret:DOCS }}"})
        asked = [("die", {}), ("token", {}), ("fail", {"text": "tell"}), ("nap", {})]
        model = Model([calls(*asked[:1]), calls(*asked[1:]), says("done")])
        hang = {
            "mcp": "warehouse",
            "tool": "hang",
            "name": "nap",
            "timeout": seconds,
            "retry_policy": {"max_attempts": 1},
        }
        known = {"warehouse": server}
        outcome = await run(harness, model, known, definition(agent({"mcp": "warehouse", "exclude": ["hang"]}, hang)))

        assert outcome.failure is None, outcome.message
        ledger = Ledger(tmp_path / f"ledger-{seconds}")
        if not ledger.of("hang"):
            raise TooSlow
        assert len(ledger.of("die")) == 2, "tried again after its process was gone"
        assert model.conversations[1][-1]["content"] == '{"result":"alive"}'
        token, failed, late = [one["content"] for one in model.conversations[2][-3:]]
        assert token == "it is {{secret}}"
        assert json.loads(failed)["message"] == "Error executing tool fail: cannot tell: {{secret}}"
        assert json.loads(late)["error"] in ("McpCallInterrupted", "Timeout")
        for history in await harness.histories():
            assert SECRET not in history.to_json()
        assert SECRET not in caplog.text
        await eventually(lambda: ledger.of("cancelled"))

    await given_time(once, 2)


async def test_a_cancelled_run_cancels_the_call(harness: Harness, warehouse: Served) -> None:
    model = Model([calls(("hang", {})), says("done")])
    async with serving(harness, model, {"warehouse": {"url": warehouse.url}}):
        started = await harness.start(definition(agent({"mcp": "warehouse"})))
        await eventually(lambda: warehouse.ledger.of("hang"))
        await eventually(lambda: _beats(started))
        await started.cancel()
        outcome = await outcome_of(started)

    assert outcome.failure == "Cancelled"
    await eventually(lambda: warehouse.ledger.of("cancelled"))


async def test_a_run_whose_server_cannot_be_used_does_not_begin(harness: Harness, warehouse: Served) -> None:
    servers = {"down": {"url": "http://127.0.0.1:9/mcp"}, "warehouse": {"url": warehouse.url}}
    cases = {
        "UnknownMcpServer": {"mcp": "docs"},
        "McpServerUnavailable": {"mcp": "down"},
        "McpToolsInvalid": {"mcp": "warehouse", "include": ["reserv"]},
        "DefinitionInvalid": {"mcp": "warehouse", "include": ["say", "reserve"], "exclude": ["say"]},
    }
    async with serving(harness, Model([says("done")]), servers):
        runs = {code: await harness.start(definition(agent(tool))) for code, tool in cases.items()}
        ends = {code: await outcome_of(one) for code, one in runs.items()}

    assert {code: one.failure for code, one in ends.items()} == {code: code for code in cases}
    assert "It knows: down, warehouse" in ends["UnknownMcpServer"].message
    assert "MCP server 'down' cannot be reached" in ends["McpServerUnavailable"].message
    assert "Did you mean 'reserve'?" in ends["McpToolsInvalid"].message
    assert "'exclude'" in ends["DefinitionInvalid"].message
