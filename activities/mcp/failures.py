"""How a call of an MCP tool fails, and what that says about its effect."""

from __future__ import annotations

from datetime import timedelta

from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.builtin.http_request.failures import EFFECT, UNKNOWN
from advanced_workflow.workflows.contract import McpFailure
from advanced_workflow.workflows.plain.text import for_people

_TRIED_AGAIN = frozenset({McpFailure.UNAVAILABLE, McpFailure.INTERRUPTED})
LONGEST = 4_000
"""Characters of a sentence; what a tool says of its failure may be a page."""


class McpError(ActionError):
    """A call that failed. Its type says whether another attempt can help."""

    def __init__(self, kind: McpFailure, message: str, *, delay: timedelta | None = None, final: bool = False) -> None:
        """`delay` is how long the server asks to be left alone; `final` where this failure is, though its type is not."""
        super().__init__(for_people(message, LONGEST), type=kind.value, retryable=kind in _TRIED_AGAIN and not final)
        self.kind = kind
        self._next_retry_delay = delay

    def in_doubt(self) -> McpError:
        """The same failure of a call that may have taken effect, in this attempt or in an earlier one."""
        self._details = ({EFFECT: UNKNOWN},)
        return self
