"""What the errors of the SDK and its transports mean: could the call have taken effect, and can another attempt help."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

from advanced_workflow.activities.agents.keys import Hidden
from advanced_workflow.activities.mcp.failures import McpError
from advanced_workflow.activities.mcp.sessions import Session
from advanced_workflow.workflows.contract import McpFailure
from advanced_workflow.workflows.plain.text import one_line, shortened

_LONGEST_REASON = 500
_DENIED = (401, 403)
_UNKNOWN_HERE = 404
"""Of an address with nothing behind it, which may be there later."""
_NOT_NOW = (408, 425, 429, 503)
_LONGEST_DELAY = 3600


def parts_of(error: BaseException | None) -> list[BaseException]:
    """The errors in a group of errors."""
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return [inner for one in group.exceptions for inner in parts_of(one)]
    return [] if error is None else [error]


def reason_of(error: BaseException | None, hidden: Hidden) -> str:
    """Why, in one line without secrets."""
    found = parts_of(error)
    said = (one_line(found[0]) or type(found[0]).__name__) if found else "it said nothing"
    return hidden.hide(shortened(said, _LONGEST_REASON)).rstrip(".")


def failure_of(error: BaseException | None, session: Session, hidden: Hidden, *, sent: bool) -> McpError:
    """A connection, a handshake or a request that failed; `sent` is whether the call may have been begun by the server."""
    why, server, status = reason_of(error, hidden), session.filled.name, session.status
    if status in _DENIED:
        return McpError(
            McpFailure.ACCESS_DENIED,
            f"MCP server {server!r} does not accept the worker (status {status}); correct its secrets in the worker's settings.",
        )
    if status in _NOT_NOW:
        message = f"MCP server {server!r} takes no calls now (status {status}): {why}."
        return McpError(McpFailure.UNAVAILABLE, message, delay=_delay(session.retry_after))
    if 300 <= status < 500 and status != _UNKNOWN_HERE:
        return McpError(McpFailure.REFUSED, f"MCP server {server!r} does not take the call (status {status}): {why}.")
    if sent:
        return McpError(
            McpFailure.INTERRUPTED, f"the call was sent to MCP server {server!r}, and no result came: {why}."
        )
    return McpError(McpFailure.UNAVAILABLE, f"MCP server {server!r} cannot be reached: {why}.")


def was_turned_away(session: Session) -> bool:
    """Whether the server's HTTP answer says that the request was not begun."""
    return 300 <= session.status < 500 or session.status in _NOT_NOW


def _delay(text: str) -> timedelta | None:
    seconds = int(text) if text.isascii() and text.isdigit() and len(text) < 8 else 0
    return timedelta(seconds=min(seconds, _LONGEST_DELAY)) if seconds else None
