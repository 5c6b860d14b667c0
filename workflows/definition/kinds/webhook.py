"""`webhook` steps: a call over HTTP, and the event that answers it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from advanced_workflow.workflows.definition.kinds.kind import LONGEST, Kind, Names
from advanced_workflow.workflows.definition.model.base import DefinitionModel, SecondsOrExpression
from advanced_workflow.workflows.definition.model.markers import (
    BOOL,
    NUMBER,
    TEXT,
    EndsWait,
    Expr,
    Mapped,
    Name,
    Trait,
    WithinRun,
)
from advanced_workflow.workflows.definition.model.roots import EVENT
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import Loc, problem, shorten
from advanced_workflow.workflows.definition.problems.problem import Problem


class Callback(DefinitionModel):
    """The event that answers a `webhook` call."""

    event: Annotated[str, Name("the name of an event")]
    """Name of the event to wait for."""
    match: Annotated[str | None, Expr(EVENT, gives=BOOL)] = None
    """Expression over `event` that must hold."""
    timeout: Annotated[SecondsOrExpression | None, WithinRun(), EndsWait("it waits for the event that answers")] = None
    """How long to wait, or an expression that gives it when the step starts."""


class Webhook(DefinitionModel):
    """An outgoing HTTP request, sent by the worker's built-in action with the step's idempotency key as header.

    The output is `{status, headers, body}`, and with a `callback` also `callback`, the data of the answering event. A status
    of 400 and above fails the attempt; 408, 425, 429 and 500 and above are tried again.
    """

    url: Annotated[str, Expr(gives=TEXT, fix="Write an expression; fixed text needs quotes inside: \"'https://...'\".")]
    """An expression that gives the address; https unless the worker allows more."""
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    headers: Annotated[dict[str, JsonValue], Mapped(gives=TEXT | NUMBER)] = Field(default_factory=dict)
    """Mapping of header name to expression."""
    body: Annotated[JsonValue, Mapped()] = None
    """Mapping that builds the JSON body."""
    callback: Callback | None = None
    """Wait for the answering event after the call."""


def _output(webhook: Webhook | None) -> Names:
    callback = ("callback",) if webhook is not None and webhook.callback is not None else ()
    return "status", "headers", "body", *callback


def webhook_problems(webhook: Webhook, loc: Loc) -> Iterator[Problem]:
    """Everything that is wrong in a request."""
    for name, value in webhook.headers.items():
        if value is None or isinstance(value, bool | list | dict):
            message = f"the header {name!r} must be text or a number."
            fix = "Write an expression that gives text, or a number."
            yield problem(Code.WRONG_VALUE, (*loc, "headers", name), message, fix)


def _lines(webhook: Webhook) -> Iterator[str]:
    yield f"{webhook.method} {shorten(webhook.url, LONGEST)}"
    if webhook.callback is not None:
        yield f"waits for event {webhook.callback.event}"


KIND = Kind[Webhook](
    StepType.WEBHOOK,
    frozenset({Trait.CALLS, Trait.TRIED}),
    field="webhook",
    output=_output,
    problems=webhook_problems,
    lines=_lines,
    drawn=(">", "]"),
)
