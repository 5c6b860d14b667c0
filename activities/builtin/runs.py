"""Built-in activities that a run uses on runs: how a child ended that it can no longer await, cancelling and waking itself."""

from __future__ import annotations

import asyncio
import builtins
from datetime import timedelta
from typing import Any, cast

from temporalio import activity
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import (
    ApplicationError,
    ApplicationErrorCategory,
    CancelledError,
    TerminatedError,
    TimeoutError,
)
from temporalio.service import RPCError, RPCStatusCode

from advanced_workflow.activities.builtin import effects
from advanced_workflow.activities.builtin.fitting import fits
from advanced_workflow.activities.builtin.undo_turns import counts, may_count
from advanced_workflow.activities.builtin.whose import whose_run
from advanced_workflow.workflows.contract import (
    CANCEL_ACTIVITY,
    NEXT_TASK_ACTIVITY,
    SIGNAL_WAKE,
    WAKE_ACTIVITY,
    WATCH_ACTIVITY,
    WatchedRun,
    WatchRun,
)

LOOK_SECONDS = 1.0
"""How long one attempt waits for the end; it holds one of the worker's slots."""
AGAIN = timedelta(seconds=4)
"""Until the next attempt."""


@activity.defn(name=WATCH_ACTIVITY)
async def watch_run(request: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON; the model checks it
    """Take a `WatchRun`, give a `WatchedRun`; while the run has not ended the attempt fails, and is repeated."""
    wanted = WatchRun.model_validate(request)
    handle = activity.client().get_workflow_handle(wanted.workflow_id)
    try:
        if wanted.undoes and not await may_count(handle):
            return WatchedRun(status="ended", passed_over=True).model_dump(mode="json")
        seen = await _end_of(handle)
        ended = await handle.describe()
        if wanted.undoes and not await counts(handle, ended):
            return WatchedRun(status="ended", passed_over=True).model_dump(mode="json")
        first = ended.raw_description.workflow_execution_info.first_run_id
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        gone = WatchedRun(status="ended", type="Gone", message="it did not end by itself: its history is gone")
        return gone.model_dump(mode="json")
    return seen.model_copy(update={"run_id": first}).model_dump(mode="json")


async def _end_of(handle: WorkflowHandle[Any, Any]) -> WatchedRun:
    try:
        result: Any = await asyncio.wait_for(handle.result(), LOOK_SECONDS)
    except builtins.TimeoutError:
        status = (await handle.describe()).status
        if status is not None and status is not WorkflowExecutionStatus.RUNNING:
            raise _not_yet(f"run {handle.id!r} has just ended.") from None
        raise _not_yet(f"run {handle.id!r} has not ended.", AGAIN) from None
    except WorkflowFailureError as error:
        return _failure(error.cause)
    return WatchedRun(status="completed", result=cast("dict[str, Any]", result))


def _not_yet(message: str, delay: timedelta | None = None) -> ApplicationError:
    return ApplicationError(
        message, type="StillRunning", category=ApplicationErrorCategory.BENIGN, next_retry_delay=delay
    )


@activity.defn(name=CANCEL_ACTIVITY)
async def cancel_run() -> None:
    """Cancel the run that calls this."""
    await _caller().cancel()


@activity.defn(name=NEXT_TASK_ACTIVITY)
async def next_task() -> None:
    """Do nothing. The run's workflow task ends for the server to start this."""


@activity.defn(name=WAKE_ACTIVITY)
async def wake_run() -> None:
    """Signal the run that calls this: the server begins its next workflow task as soon as the current one ends."""
    await _caller().signal(SIGNAL_WAKE)


def _caller() -> WorkflowHandle[Any, Any]:
    info = activity.info()
    return activity.client().get_workflow_handle(info.workflow_id or "", run_id=info.workflow_run_id)


def _failure(cause: BaseException | None) -> WatchedRun:
    if isinstance(cause, ApplicationError):
        details: Any = cause.details[0] if cause.details else None
        return WatchedRun(status="failed", type=cause.type or "", message=cause.message, details=details)
    if isinstance(cause, CancelledError):
        return WatchedRun(status="failed", type="Cancelled", message="it was cancelled.")
    kind = (
        "Terminated"
        if isinstance(cause, TerminatedError)
        else "Timeout"
        if isinstance(cause, TimeoutError)
        else "Ended"
    )
    return WatchedRun(status="ended", type=kind, message=f"it did not end by itself: {cause}")


ACTIVITIES = (watch_run, cancel_run, next_task, wake_run, whose_run, fits, *effects.ACTIVITIES)
"""What every worker that runs definitions serves beside `prepare`."""
