"""What becomes of errors of the SDK, and of what tools give."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Any

import mcp_types
import pytest

from advanced_workflow.activities.agents.keys import Hidden
from advanced_workflow.activities.mcp.failures import McpError
from advanced_workflow.activities.mcp.lists import ToolLists
from advanced_workflow.activities.mcp.results import plain_result
from advanced_workflow.activities.mcp.servers import Server, Servers
from advanced_workflow.activities.mcp.sessions import Session, Sessions
from advanced_workflow.activities.mcp.told import failure_of
from advanced_workflow.workflows.errors import DataInvalid, PayloadTooLarge

NONE = Hidden(())
FILLED = Server(url="http://127.0.0.1/mcp").filled("docs")


@pytest.mark.parametrize(
    ("status", "sent", "kind", "final"),
    [
        (0, False, "McpServerUnavailable", False),
        (0, True, "McpCallInterrupted", False),
        (200, True, "McpCallInterrupted", False),
        (307, False, "McpCallRefused", True),
        (401, False, "McpAccessDenied", True),
        (403, False, "McpAccessDenied", True),
        (404, False, "McpServerUnavailable", False),
        (413, False, "McpCallRefused", True),
        (429, False, "McpServerUnavailable", False),
        (500, True, "McpCallInterrupted", False),
        (503, False, "McpServerUnavailable", False),
    ],
)
async def test_a_status_says_whether_another_attempt_can_help(status: int, sent: bool, kind: str, final: bool) -> None:
    session = Session(FILLED)
    session.status, session.retry_after = status, "7"

    failure = failure_of(ExceptionGroup("x", [ConnectionError("no way")]), session, NONE, sent=sent)

    assert (failure.type, failure.non_retryable) == (kind, final)
    assert "docs" in failure.message
    assert (failure.next_retry_delay == timedelta(seconds=7)) == (status in (429, 503))


async def test_without_the_package_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "advanced_workflow.activities.mcp.sdk", None)

    with pytest.raises(McpError, match=r'pip install "advanced-workflow\[mcp\]"') as caught:
        await ToolLists(Servers({"docs": Server(command="docs")}), Sessions()).offers("docs")
    assert (caught.value.type, caught.value.non_retryable) == ("McpNotInstalled", True)


async def test_a_program_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("advanced_workflow.activities.mcp.lists._PAUSES", (0.01,))
    sessions = Sessions()

    with pytest.raises(McpError, match=r"MCP server 'docs' cannot be reached: .*no-such-program") as caught:
        await ToolLists(Servers({"docs": Server(command="no-such-program")}), sessions).offers("docs")
    assert (caught.value.type, caught.value.non_retryable) == ("McpServerUnavailable", True)
    await sessions.close()


TEXT = {"type": "text", "text": "a secret-word b"}


@pytest.mark.parametrize(
    ("result", "value"),
    [
        ({"content": [TEXT, TEXT]}, "a {{key}} b\na {{key}} b"),
        ({"content": []}, ""),
        ({"content": [TEXT], "structuredContent": {"a": [1]}}, {"a": [1]}),
        (
            {
                "content": [
                    {"type": "audio", "data": "AAAA", "mimeType": "audio/wav"},
                    {"type": "resource_link", "uri": "file:///x", "name": "x"},
                    {"type": "resource", "resource": {"uri": "file:///y", "text": "why"}},
                    {"type": "resource", "resource": {"uri": "file:///z", "blob": "AAA="}},
                ]
            },
            [
                {"type": "audio", "mime_type": "audio/wav", "bytes": 3, "left_out": True},
                {"type": "resource_link", "uri": "file:///x", "name": "x"},
                {"type": "resource", "uri": "file:///y", "text": "why"},
                {"type": "resource", "uri": "file:///z", "bytes": 2, "left_out": True},
            ],
        ),
    ],
)
async def test_what_a_tool_gives_as_a_model_reads_it(result: dict[str, Any], value: Any) -> None:
    given = mcp_types.CallToolResult.model_validate(result)

    assert await plain_result(given, "tool", 10_000, Hidden(["secret-word"])) == value


async def test_results_that_cannot_be_used_end_in_a_sentence() -> None:
    large = mcp_types.CallToolResult.model_validate({"content": [{"type": "text", "text": "x" * 100}]})
    with pytest.raises(PayloadTooLarge, match="tool: the result is 102 bytes of JSON and the limit is 50"):
        await plain_result(large, "tool", 50, NONE)
    strange = mcp_types.CallToolResult.model_validate({"content": [], "structuredContent": {"a": float("inf")}})
    with pytest.raises(DataInvalid, match="tool: "):
        await plain_result(strange, "tool", 50, NONE)
