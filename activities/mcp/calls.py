"""The activity that calls a tool of an MCP server once."""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic import ValidationError
from temporalio import activity

from advanced_workflow.activities.action.errors import refusal
from advanced_workflow.activities.action.heartbeat import heartbeats
from advanced_workflow.activities.agents.keys import Hidden, secrets_of_environment
from advanced_workflow.activities.builtin.http_request.doubt import Doubt
from advanced_workflow.activities.mcp.failures import McpError
from advanced_workflow.activities.mcp.servers import Filled, Servers
from advanced_workflow.activities.mcp.sessions import Sessions, require_sdk
from advanced_workflow.workflows.contract import MCP_ACTIVITY, PAYLOAD_LIMIT_BYTES, Json, McpCall, McpFailure
from advanced_workflow.workflows.errors import DataInvalid, PayloadTooLarge
from advanced_workflow.workflows.plain.misfits import places

PLACE = "{{secret}}"
"""Stands where a secret was."""


class McpCalls:
    """The activity of one worker process, with the servers that its operator names."""

    def __init__(self, servers: Servers, sessions: Sessions, *, payload_limit: int = PAYLOAD_LIMIT_BYTES) -> None:
        """`payload_limit` is the largest result in bytes."""
        self._servers = servers
        self._sessions = sessions
        self._limit = payload_limit

    @activity.defn(name=MCP_ACTIVITY)
    async def call(self, request: Any) -> Any:  # noqa: ANN401 - JSON in and out; the model below checks it
        """Take an `McpCall`, give what the tool gives; failures are `McpError`.

        The step's idempotency key and the number of the attempt go along in the call's `_meta`.
        """
        wanted = _read(request)
        with heartbeats():
            doubt = Doubt("CALL")
            try:
                return await self._result(wanted, doubt)
            except McpError as failure:
                # The heartbeat with the note for the next attempt leaves first.
                await asyncio.sleep(0)
                raise (failure.in_doubt() if doubt.exists else failure) from None
            except (DataInvalid, PayloadTooLarge) as error:  # The tool did run.
                raise refusal(error) from None

    async def _result(self, wanted: McpCall, doubt: Doubt) -> Json:
        filled = self._servers.find(wanted.server, activity.info().workflow_type or "").filled(wanted.server)
        await require_sdk()
        from advanced_workflow.activities.mcp.attempts import Attempt
        from advanced_workflow.activities.mcp.results import plain_result

        hidden = hidden_of(filled)
        result = await Attempt(wanted, filled, hidden, doubt).make(self._sessions)
        what = f"tool {wanted.tool!r} of MCP server {wanted.server!r}"
        return await plain_result(result, what, self._limit, hidden)


def hidden_of(filled: Filled) -> Hidden:
    """What must not be told of a server: its secrets, and all that the environment holds as one."""
    return Hidden((*secrets_of_environment(), *filled.secrets), PLACE)


def _read(request: object) -> McpCall:
    try:
        return McpCall.model_validate(request)
    except ValidationError as error:
        raise McpError(McpFailure.REFUSED, f"the call does not fit: {places(error, 'the call')}.") from None
