"""Whether a request may have taken effect, over all attempts of its step."""

from __future__ import annotations

from pydantic import JsonValue

from advanced_workflow.activities.action import context
from advanced_workflow.activities.builtin.http_request.failures import EFFECT, UNKNOWN

NOTE: dict[str, JsonValue] = {EFFECT: UNKNOWN}
"""In the details of a heartbeat: something was sent whose effect is not known."""


class Doubt:
    """The doubt of one attempt, and of those before it.

    A request that was sent may have taken effect until the server says otherwise. The note travels with the heartbeat, so
    that a later attempt which finds the server gone does not report that nothing happened.
    """

    def __init__(self, method: str) -> None:
        """Read what the attempts before left; a GET never takes effect."""
        self._safe = method == "GET"
        self._earlier = NOTE in context.heartbeat_details()
        self.exists = self._earlier
        """Whether the effect is unknown as things stand."""
        self.sent = False
        """Whether this attempt began to send its request."""

    def sending(self) -> None:
        """From here on the request may have an effect."""
        self.sent = True
        self.exists = self._earlier or not self._safe
        if self.exists:
            context.heartbeat(NOTE)

    def denied(self) -> None:
        """The server says that this attempt had no effect."""
        self.exists = self._earlier
        if not self.exists:
            context.heartbeat()
