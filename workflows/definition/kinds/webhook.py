"""`webhook` steps: a call over HTTP, and the event that answers it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from advanced_workflow.workflows.definition.model.base import DefinitionModel, Seconds


class Callback(DefinitionModel):
    """The event that answers a `webhook` call."""

    event: str
    """Name of the event to wait for."""
    match: str | None = None
    """Expression over `event` that must hold."""
    timeout: Seconds | None = None
    """Seconds to wait."""


class Webhook(DefinitionModel):
    """An outgoing HTTP request, sent by the worker's built-in action with the step's idempotency key as header.

    The output is `{status, headers, body}`, and with a `callback` also `callback`, the data of the answering event. A status
    of 400 and above fails the attempt; 408, 425, 429 and 500 and above are tried again.
    """

    url: str
    """An expression that gives the address; https unless the worker allows more."""
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    headers: dict[str, JsonValue] = Field(default_factory=dict)
    """Mapping of header name to expression."""
    body: JsonValue = None
    """Mapping that builds the JSON body."""
    callback: Callback | None = None
    """Wait for the answering event after the call."""
