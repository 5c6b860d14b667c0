"""One attempt to call a tool: its session, its answer, and what an error says of its effect."""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from datetime import timedelta

from pydantic import ValidationError
from temporalio import activity

from advanced_workflow.activities.action import context
from advanced_workflow.activities.action.heartbeat import beat
from advanced_workflow.activities.agents.keys import Hidden
from advanced_workflow.activities.builtin.http_request.doubt import NOTE, Doubt
from advanced_workflow.activities.mcp import sdk
from advanced_workflow.activities.mcp.failures import McpError
from advanced_workflow.activities.mcp.results import text_of
from advanced_workflow.activities.mcp.servers import Filled
from advanced_workflow.activities.mcp.sessions import NotConnected, Session, Sessions
from advanced_workflow.activities.mcp.told import failure_of, parts_of, reason_of, was_turned_away
from advanced_workflow.workflows.contract import MCP_ATTEMPT, MCP_KEY, Json, McpCall, McpFailure
from advanced_workflow.workflows.errors import DataInvalid
from advanced_workflow.workflows.plain.text import for_people

LONGEST_CALL = timedelta(minutes=5)
"""Where the step has no limit of its own."""
PROGRESS_SECONDS = 1.0
"""Between two signs of life that say how far a tool is."""
_LONGEST_PROGRESS = 200
_FORGOTTEN = 404
_BY_THE_SERVER = (sdk.types.INVALID_PARAMS, sdk.types.METHOD_NOT_FOUND)
"""Errors of a server that did not begin the call. Others may be the transport's, about an answer that it could not read."""


class _Forgotten(Exception):
    """The server did not know the session any more, as after a restart, and did nothing."""


class Attempt:
    """One attempt."""

    def __init__(self, wanted: McpCall, filled: Filled, hidden: Hidden, doubt: Doubt) -> None:
        """`doubt` is kept of whether the call may have taken effect."""
        self._wanted = wanted
        self._filled = filled
        self._hidden = hidden
        self._doubt = doubt
        self._what = f"tool {wanted.tool!r} of MCP server {wanted.server!r}"

    async def make(self, sessions: Sessions) -> sdk.types.CallToolResult:
        """The result of a tool that did what it was asked.

        Raises:
            McpError: it did not, or nothing is known of it.
            DataInvalid: it did something, and what it gave is no result.
        """
        info = activity.info()
        limit = info.start_to_close_timeout or info.schedule_to_close_timeout or LONGEST_CALL
        try:
            async with asyncio.timeout(limit.total_seconds()):
                try:
                    return await self._tried(sessions, fresh=False)
                except _Forgotten:
                    return await self._tried(sessions, fresh=True)
        except TimeoutError:
            kind = McpFailure.INTERRUPTED if self._doubt.sent else McpFailure.UNAVAILABLE
            raise McpError(kind, f"{self._what} gave no result within {limit.total_seconds():g} s.") from None

    async def _tried(self, sessions: Sessions, *, fresh: bool) -> sdk.types.CallToolResult:
        try:
            async with sessions.session(self._filled, fresh=fresh) as session:
                try:
                    return await self._judged(session, await self._called(session))
                except sdk.MCPError as error:
                    raise await self._meant(error, session) from None
                except (ValidationError, RuntimeError) as error:
                    kind = type(error).__name__
                    raise DataInvalid(f"{self._what}: what it gave is not a result of MCP ({kind}).") from None
        except NotConnected as error:
            raise failure_of(error.cause, error.session, self._hidden, sent=False) from None

    async def _called(self, session: Session) -> sdk.types.CallToolResult | sdk.types.InputRequiredResult:
        session.status = 0
        self._doubt.sending()
        try:
            return await self._sent(session)
        except sdk.MCPError as error:
            if error.code != sdk.types.HEADER_MISMATCH:
                raise
            await sdk.list_tools(session.client)  # It says which arguments are headers too; the call was not begun.
            return await self._sent(session)

    async def _sent(self, session: Session) -> sdk.types.CallToolResult | sdk.types.InputRequiredResult:
        meta: dict[str, Json] = {MCP_KEY: context.idempotency_key(), MCP_ATTEMPT: context.attempt()}
        return await sdk.call(session.client, self._wanted.tool, self._wanted.arguments, meta, _progress(self._hidden))

    async def _judged(
        self, session: Session, result: sdk.types.CallToolResult | sdk.types.InputRequiredResult
    ) -> sdk.types.CallToolResult:
        if isinstance(result, sdk.types.InputRequiredResult):
            raise McpError(McpFailure.REFUSED, f"{self._what} asks for more input, which no worker can give.")
        if not result.is_error:
            return result
        if await self._is_gone(session):
            raise self._gone()
        said = self._hidden.hide(text_of(result)) or f"{self._what} failed, and does not say why."
        raise McpError(McpFailure.TOOL_FAILED, said)

    async def _meant(self, error: sdk.MCPError, session: Session) -> Exception:
        """What an error of the protocol means."""
        if error.code == sdk.types.CONNECTION_CLOSED:
            return await self._broken(error, session)
        if was_turned_away(session) or error.code in _BY_THE_SERVER:
            self._doubt.denied()
            if session.uses and session.status == _FORGOTTEN:
                session.is_over = True
                return _Forgotten()
        if error.code in _BY_THE_SERVER:
            if await self._is_gone(session):
                return self._gone()
            why = reason_of(error, self._hidden)
            return McpError(McpFailure.REFUSED, f"MCP server {self._filled.name!r} does not take the call: {why}.")
        return failure_of(error, session, self._hidden, sent=not was_turned_away(session))

    async def _broken(self, error: sdk.MCPError, session: Session) -> Exception:
        """The connection ended, or the process."""
        await session.ended()
        not_sent = any(map(sdk.was_not_sent, parts_of(session.cause)))
        if not_sent:
            self._doubt.denied()
            if session.uses:
                return _Forgotten()
        return failure_of(session.cause or error, session, self._hidden, sent=not not_sent)

    async def _is_gone(self, session: Session) -> bool:
        """Whether the server offers the tool no more: it may have changed since the run began."""
        try:
            return all(one.name != self._wanted.tool for one in await sdk.list_tools(session.client))
        except Exception:  # Then it is not known.
            return False

    def _gone(self) -> McpError:
        self._doubt.denied()
        return McpError(
            McpFailure.TOOL_GONE,
            f"MCP server {self._filled.name!r} has no tool {self._wanted.tool!r} any more; it had when the run began.",
        )


def _progress(hidden: Hidden) -> sdk.Progress:
    """What hears how far a tool is; the SDK calls it outside of the activity's own context."""
    own, loop = copy_context(), asyncio.get_running_loop()
    told = loop.time() - PROGRESS_SECONDS

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        nonlocal told
        if loop.time() - told < PROGRESS_SECONDS:
            return
        told = loop.time()
        shown: dict[str, Json] = {"progress": progress, "total": total}
        if message:
            shown["message"] = for_people(hidden.hide(message), _LONGEST_PROGRESS)
        own.copy().run(beat, NOTE, shown)

    return hear
