"""What a run and a worker say to each other about the tools of MCP servers."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from advanced_workflow.workflows.contract.wire import Json, WireModel

MCP_ACTIVITY = "adw.mcp"
"""Built-in activity that calls a tool of an MCP server once; takes an `McpCall`, gives what the tool gave."""
MCP_KEY = "advanced-workflow/idempotency-key"
"""In the `_meta` of a call: the step's idempotency key, the same in each attempt."""
MCP_ATTEMPT = "advanced-workflow/attempt"
"""In the `_meta` of a call: the number of the attempt, from 1."""


class McpFailure(StrEnum):
    """Failure types of a call of an MCP tool. The worker says which of them are final."""

    UNAVAILABLE = "McpServerUnavailable"
    """The server cannot be reached, or does not take requests now, and it was not called: tried again."""
    INTERRUPTED = "McpCallInterrupted"
    """The call was sent and no answer came: tried again; whether it took effect is not known."""
    TOOL_FAILED = "McpToolFailed"
    """The tool says that it failed. Final, as the model can do something about it; whether it took effect is not known."""
    TOOL_GONE = "McpToolGone"
    """The server has no such tool any more. Final."""
    REFUSED = "McpCallRefused"
    """The server does not take the call, its arguments above all, or wants something that no worker can give. Final."""
    ACCESS_DENIED = "McpAccessDenied"
    """A secret is missing, or the server does not accept it. Final."""
    UNKNOWN_SERVER = "UnknownMcpServer"
    """The worker's settings name no such server. Final."""
    NOT_INSTALLED = "McpNotInstalled"
    """This worker has not the package that MCP needs. Final."""
    TOOLS_INVALID = "McpToolsInvalid"
    """What a server offers cannot be given to an agent as the definition says: the run does not begin."""


class McpCall(WireModel):
    """Argument of the activity."""

    server: str
    tool: str
    """As the server calls it."""
    arguments: dict[str, Json] = Field(default_factory=dict[str, Json])
