"""Turning what Temporal raises into this project's errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

from pydantic import ValidationError
from temporalio.client import (
    RPCTimeoutOrCancelledError,
    WorkflowFailureError,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
)
from temporalio.exceptions import ApplicationError, CancelledError, FailureError
from temporalio.service import RPCError, RPCStatusCode

from advanced_workflow.client.errors import (
    ConnectionFailed,
    NoAnswer,
    NotAnAdvancedWorkflow,
    RequestFailed,
    RunCancelled,
    RunClosed,
    RunFailed,
    RunNotFound,
)
from advanced_workflow.client.service.asking import TASK_FAILS
from advanced_workflow.workflows.contract import (
    SIGNAL_APPROVE,
    SIGNAL_EVENT,
    SIGNAL_REJECT,
    UPDATE_DECIDE,
    UPDATE_PAUSE,
    UPDATE_RESUME,
    UPDATE_RETRY,
    UPDATE_SKIP,
    RunResult,
    WireModel,
)
from advanced_workflow.workflows.errors import StorageFailed, WorkflowError

Answer = TypeVar("Answer", bound=WireModel)

NO_ANSWER = (RPCStatusCode.CANCELLED, RPCStatusCode.DEADLINE_EXCEEDED)
STORAGE_UNKNOWN = ("TMPRL1105", "No driver found with name")
"""How the SDK says that a value lies in a storage it cannot reach: none, or another, is configured."""
UPDATES = (UPDATE_DECIDE, UPDATE_PAUSE, UPDATE_RESUME, UPDATE_RETRY, UPDATE_SKIP)
"""Operations that a worker has to take before they are done. The server may still give one of them to it after the caller has left."""
SENT = (SIGNAL_APPROVE, SIGNAL_REJECT, SIGNAL_EVENT, "start", "cancel")
"""Operations that the server keeps by itself."""
NO_WORKER = "no poller seen"
"""How the server says that nobody has served the task queue lately."""

TRANSPORT = ("transport error", "h2 protocol error", "connection error", "error trying to connect", "broken pipe")
"""How the SDK says, under the code UNKNOWN, that the connection broke below a call."""


def _by_code(base: type[WorkflowError]) -> dict[str, type[WorkflowError]]:
    found = {base.code: base}
    for child in base.__subclasses__():
        if child.__module__ == WorkflowError.__module__:
            found |= _by_code(child)
    return found


ERRORS_BY_CODE = _by_code(WorkflowError)
"""Every error a run can answer with."""


@asynccontextmanager
async def translated_errors(run_id: str, operation: str) -> AsyncGenerator[None]:
    """Raise this project's errors for whatever `operation` on the run raises; a cancelled caller stays cancelled."""
    before = _cancellations()
    try:
        yield
    except RPCError as error:
        raise _rpc_failure(error, run_id, operation) from error
    except (RPCTimeoutOrCancelledError, TimeoutError) as error:
        if _cancellations() > before:  # The SDK makes an error of that where it waits for an update.
            raise asyncio.CancelledError from error
        raise _no_answer(run_id, operation) from error
    except WorkflowUpdateFailedError as error:
        raise _refusal(error.cause, run_id, operation) from error
    except WorkflowQueryFailedError as error:
        raise _query_failure(error.message, run_id, operation) from error
    except (RuntimeError, ValueError) as error:
        if not any(sign in str(error) for sign in STORAGE_UNKNOWN):
            raise
        raise StorageFailed(
            f"run {run_id!r}: its values lie in a storage this client does not know; set ADW_STORAGE as the workers have it."
        ) from error


def _cancellations() -> int:
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def _rpc_failure(error: RPCError, run_id: str, operation: str) -> WorkflowError:
    if error.status is RPCStatusCode.NOT_FOUND:
        if "already completed" in error.message:
            return RunClosed(f"run {run_id!r} has ended: {operation} comes too late; 'adw show {run_id}' shows how.")
        return RunNotFound(f"run {run_id!r} does not exist in this namespace; 'adw list' shows those that do.")
    if error.status in NO_ANSWER or NO_WORKER in error.message:
        return _no_answer(run_id, operation)
    if TASK_FAILS in error.message:
        return RequestFailed(
            f"run {run_id!r}: {operation} needs its answer, and its workflow task fails ('adw show {run_id}' says why); a fixed worker "
            "continues it."
        )
    if _is_away(error):
        then = _may_count(run_id) if operation in (*UPDATES, *SENT) else "try again when it is back."
        return ConnectionFailed(f"run {run_id!r}: the Temporal server went away during {operation}; {then}")
    return RequestFailed(f"run {run_id!r}: the server refused {operation}: {error.message}.")


def _is_away(error: RPCError) -> bool:
    """Whether the server could not be reached, or left while it was asked."""
    if error.status is RPCStatusCode.UNKNOWN:
        return any(sign in error.message.lower() for sign in TRANSPORT)
    return error.status is RPCStatusCode.UNAVAILABLE


def _no_answer(run_id: str, operation: str) -> NoAnswer:
    said = f"run {run_id!r}: no worker answered {operation} in time"
    if operation not in UPDATES:
        return NoAnswer(f"{said}; is a worker serving the run's task queue? 'adw show {run_id}' tells.")
    by_signal = " A decision that waits for a worker, however long, is sent by signal." * (operation == UPDATE_DECIDE)
    return NoAnswer(f"{said}; {_may_count(run_id)}{by_signal}", may_count=True)


def _may_count(run_id: str) -> str:
    return f"it may still count: look with 'adw show {run_id}' before you send it again."


def _refusal(cause: BaseException, run_id: str, operation: str) -> WorkflowError:
    if not isinstance(cause, ApplicationError):
        return RequestFailed(f"run {run_id!r}: {operation} failed: {cause}")
    known = ERRORS_BY_CODE.get(cause.type or "")
    if known:
        return known(cause.message)
    if "expected but not found" in cause.message:
        return _foreign(run_id)
    return RequestFailed(f"run {run_id!r}: {operation} failed: {cause.message}")


def _query_failure(message: str, run_id: str, operation: str) -> WorkflowError:
    if "expected but not found" in message:
        return _foreign(run_id)
    return RequestFailed(f"run {run_id!r}: {operation} failed: {message}")


def _foreign(run_id: str) -> NotAnAdvancedWorkflow:
    return NotAnAdvancedWorkflow(
        f"run {run_id!r} is not a run of an AdvancedWorkflow; 'adw list' shows those on the project's task queue."
    )


def read_answer(model: type[Answer], answer: object, run_id: str) -> Answer:
    """Read an answer; fields that a newer worker added are left out.

    Raises:
        NotAnAdvancedWorkflow: the answer has another shape.
    """
    try:
        return model.model_validate(answer, extra="ignore")
    except ValidationError as error:
        raise _foreign(run_id) from error


def run_failure(error: WorkflowFailureError, run_id: str) -> RunFailed:
    """What `Run.result` raises for a run that ended without completing."""
    cause = error.cause
    reason = cause.message if isinstance(cause, FailureError) else str(cause)
    message = f"run {run_id!r}: {reason}"
    if isinstance(cause, CancelledError):
        return RunCancelled(message, failure_type="Cancelled", reason=reason)
    if isinstance(cause, ApplicationError):
        kind, result = cause.type or "ApplicationError", _result_in(cause.details)
        return RunFailed(message, failure_type=kind, result=result, reason=reason)
    return RunFailed(message, failure_type=type(cause).__name__.removesuffix("Error"), reason=reason)


def _result_in(details: Sequence[Any]) -> RunResult | None:
    if not details or not isinstance(details[0], dict):
        return None
    try:
        return RunResult.model_validate(cast("dict[str, Any]", details[0]), extra="ignore")
    except ValidationError:
        return None  # the failure is of somebody else's making
