"""Asks MCP servers what they offer, when a run begins."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from advanced_workflow.activities.agents.keys import Hidden
from advanced_workflow.activities.mcp.calls import hidden_of
from advanced_workflow.activities.mcp.failures import McpError
from advanced_workflow.activities.mcp.pins import Offer, pinned, servers_to_ask
from advanced_workflow.activities.mcp.servers import Filled, Servers
from advanced_workflow.activities.mcp.sessions import NotConnected, Sessions, require_sdk
from advanced_workflow.activities.mcp.told import failure_of
from advanced_workflow.workflows.contract import McpFailure
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow

if TYPE_CHECKING:
    from advanced_workflow.activities.mcp.sdk import Tool

ASKING_SECONDS = 24.0
"""For all servers of a definition; a run's beginning has 30 seconds."""
_PAUSES = (0.5, 2.0)
"""Seconds before the second and the third try."""


class ToolLists:
    """What servers offer."""

    def __init__(self, servers: Servers, sessions: Sessions, asking_seconds: float = ASKING_SECONDS) -> None:
        """Sessions are those that calls use too."""
        self._servers = servers
        self._sessions = sessions
        self._asking_seconds = asking_seconds

    async def pinned(self, workflow: AdvancedWorkflow, workflow_type: str) -> AdvancedWorkflow:
        """The definition with the tools that its servers offer now.

        Raises:
            McpError: a server is not known, does not answer, or offers what cannot be used.
        """
        names = sorted(servers_to_ask(workflow))
        offers = await asyncio.gather(*(self.offers(name, workflow_type) for name in names))
        return await asyncio.to_thread(pinned, workflow, dict(zip(names, offers, strict=True)))

    async def offers(self, name: str, workflow_type: str = "") -> list[Offer]:
        """What one server offers. Raises `McpError`, after some tries where another may help."""
        filled = self._servers.find(name, workflow_type).filled(name)
        try:
            async with asyncio.timeout(self._asking_seconds):
                for pause in _PAUSES:
                    try:
                        return await self._asked(filled)
                    except McpError as error:
                        if error.kind is not McpFailure.UNAVAILABLE:
                            raise
                    await asyncio.sleep(pause)
                return await self._asked(filled)
        except TimeoutError:
            late = f"MCP server {name!r} does not say within {self._asking_seconds:g} s what it offers."
            raise McpError(McpFailure.UNAVAILABLE, late, final=True) from None
        except McpError as error:  # It was tried often enough.
            raise McpError(error.kind, error.message, final=True) from None

    async def _asked(self, filled: Filled) -> list[Offer]:
        await require_sdk()
        from advanced_workflow.activities.mcp import sdk

        hidden = hidden_of(filled)
        try:
            async with self._sessions.session(filled) as session:
                session.status = 0
                try:
                    tools = await sdk.list_tools(session.client)
                except sdk.MCPError as error:
                    session.is_over = True
                    raise failure_of(error, session, hidden, sent=False) from None
            return [await _offer(one, hidden) for one in tools]
        except NotConnected as error:
            raise failure_of(error.cause, error.session, hidden, sent=False) from None
        except ValueError as error:  # Pydantic's, of a list that is none.
            kind = type(error).__name__
            raise McpError(
                McpFailure.TOOLS_INVALID, f"what MCP server {filled.name!r} gives is not a list of tools ({kind})."
            ) from None


async def _offer(tool: Tool, hidden: Hidden) -> Offer:
    schema: Any = await hidden.hide_in(tool.input_schema)  # A server may put a secret into a default.
    return Offer(tool.name, hidden.hide(tool.description or tool.title or ""), schema)
