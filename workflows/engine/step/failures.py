"""Failures of steps, and what Temporal's failures say about a step's effect."""

from __future__ import annotations

from typing import Literal, cast

from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    CancelledError,
    FailureError,
    TimeoutError,
    TimeoutType,
)

from advanced_workflow.workflows.contract import ErrorInfo, Json, SkipReason
from advanced_workflow.workflows.engine.people.remedies import Skip
from advanced_workflow.workflows.errors import (
    ApprovalRejected,
    ApprovalTimeout,
    DataInvalid,
    PayloadTooLarge,
    StorageFailed,
    WorkflowError,
    WorkflowFailed,
)

Effect = Literal["failed", "unknown"]
"""Whether the action definitely had no effect, or may have had one."""

CANCELLED = "Cancelled"

_TIMEOUTS: dict[TimeoutType, tuple[str, str, Effect]] = {
    TimeoutType.START_TO_CLOSE: ("Timeout", "the attempt took longer than 'timeout'", "unknown"),
    TimeoutType.SCHEDULE_TO_CLOSE: ("TotalTimeout", "all attempts took longer than their total time", "unknown"),
    TimeoutType.HEARTBEAT: ("HeartbeatTimeout", "no sign of life within 'heartbeat_timeout'", "unknown"),
    TimeoutType.SCHEDULE_TO_START: (
        "QueueTimeout",
        "no worker took it within 'queue_timeout'; start a worker that serves this task queue",
        "failed",
    ),
}

_OWN_RUN_FAILURES = (ApprovalRejected, ApprovalTimeout)
"""Failures of a step that are the run's own failure type; every other one is `WorkflowFailed`."""
_PLAIN: tuple[type, ...] = (str, int, float, bool, list, dict)


class StepFailure(Exception):
    """A step failed for good.

    `effect` says whether its action may have had an effect all the same; `run_code` is the failure type of the run when
    nothing recovers the step.
    """

    def __init__(self, error: ErrorInfo, effect: Effect = "failed", *, run_code: str = WorkflowFailed.code) -> None:
        """Keep the error as data."""
        super().__init__(error.message)
        self.error = error
        self.effect: Effect = effect
        self.run_code = run_code


class StepSkipped(Exception):
    """A step that runs or waits ends without a result of its own."""

    def __init__(self, reason: SkipReason, given: Skip = None) -> None:
        """Keep the reason, and what an operator gives in the step's place."""
        super().__init__(reason.value)
        self.reason = reason
        self.given = given


def failure_of(error: WorkflowError, effect: Effect = "failed") -> StepFailure:
    """A failure found by the engine itself."""
    run_code = error.code if isinstance(error, _OWN_RUN_FAILURES) else WorkflowFailed.code
    return StepFailure(ErrorInfo(type=error.code, message=str(error)), effect, run_code=run_code)


def read_error(error: Exception) -> WorkflowError:
    """What reading data raised, as an error of the project: what nobody foresaw is the data's fault, not the run's."""
    if isinstance(error, WorkflowError):
        return error
    return DataInvalid(f"the data cannot be used ({type(error).__name__}: {error}).")


def failure_of_activity(error: FailureError, action: str) -> StepFailure:
    """What an activity's failure means for its step."""
    # For a local activity the SDK raises either the failure or its cause: a timeout comes as the failure, and in a replay as its cause.
    cause = error.cause if isinstance(error, ActivityError) else error
    if isinstance(cause, TimeoutError) and cause.type is not None:
        name, reason, effect = _TIMEOUTS[cause.type]
        return StepFailure(ErrorInfo(type=name, message=f"action {action!r}: {reason}."), effect)
    if isinstance(cause, CancelledError):
        return StepFailure(ErrorInfo(type=CANCELLED, message=f"action {action!r} was cancelled."), "unknown")
    if isinstance(cause, ApplicationError):
        if cause.type is None and isinstance(cause.cause, ApplicationError):
            # The SDK's wrapper around an argument that could not be read from its storage.
            cause = cause.cause
        details: Json = cause.details[0] if cause.details else None
        info = ErrorInfo(type=cause.type or "ApplicationError", message=cause.message, details=_plain(details))
        return StepFailure(info, _effect_of(info))
    return StepFailure(ErrorInfo(type=type(cause or error).__name__, message=str(cause or error)), "unknown")


def _effect_of(info: ErrorInfo) -> Effect:
    """An action that fails took no effect, unless only its result could not be used, or it says itself that it may have."""
    if info.type in (DataInvalid.code, PayloadTooLarge.code, StorageFailed.code):
        return "unknown"
    details = cast("dict[str, Json]", info.details) if isinstance(info.details, dict) else {}
    return "unknown" if details.get("effect") == "unknown" else "failed"


def _plain(details: Json) -> Json:
    """An error's details where they are JSON; anything else is left out."""
    # A foreign converter may give anything, and the report must stay JSON.
    return details if isinstance(details, _PLAIN) else None
