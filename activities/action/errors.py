"""Errors of actions: the one an action raises, and those found while loading actions."""

from __future__ import annotations

from pydantic import JsonValue
from temporalio.exceptions import ApplicationError

from advanced_workflow.workflows.errors import WorkflowError


class ActionError(ApplicationError):
    """A failure with a type that retry policies and error handlers can name.

    `type` defaults to the class's name, so a subclass is its own type. With `retryable=False` the step is not tried again.
    Raise it only when the action took no effect: a failed step is not undone. `details={"effect": "unknown"}` says that it may
    still have taken one. `details` is plain JSON and is kept in the history.
    """

    def __init__(
        self, message: str, *, type: str | None = None, retryable: bool = True, details: JsonValue = None
    ) -> None:
        """Keep the message as it is; the type is shown beside it."""
        given = () if details is None else (details,)
        super().__init__(message, *given, type=type or self.__class__.__name__, non_retryable=not retryable)


class ActionInvalid(WorkflowError):
    """A function cannot be an action: its parameters or its types do not fit JSON."""

    code = "ActionInvalid"


class ActionsNotLoaded(WorkflowError):
    """The modules with actions cannot be loaded, or two functions have the same action name."""

    code = "ActionsNotLoaded"


def refusal(error: WorkflowError) -> ApplicationError:
    """Give the failure an activity reports for an error that trying again cannot fix."""
    return ApplicationError(str(error), type=error.code, non_retryable=True)
