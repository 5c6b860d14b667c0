"""Calls the undo actions of a rollback."""

from __future__ import annotations

import contextlib
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ActivityError, FailureError

from advanced_workflow.workflows.contract import ErrorInfo, Json
from advanced_workflow.workflows.engine.actions.scheduling import (
    LOCAL_TIMEOUT,
    events_of,
    headers,
    seconds,
    summary_of,
)
from advanced_workflow.workflows.engine.state.live_state import root_frame
from advanced_workflow.workflows.engine.state.scope import scope_of
from advanced_workflow.workflows.engine.state.task_budget import LOCAL_STEPS
from advanced_workflow.workflows.engine.step.context import RunContext
from advanced_workflow.workflows.engine.step.failures import failure_of_activity
from advanced_workflow.workflows.engine.temporal.payloads import encode
from advanced_workflow.workflows.engine.undo.saga import UndoCall
from advanced_workflow.workflows.errors import WorkflowError

UNDO_RETRIES = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=60))


async def call_undo(run: RunContext, undo: UndoCall, parent: str = "") -> ErrorInfo | None:
    """Run one undo action; gives its error when it failed for good, and never raises one.

    `parent` is the path of the `rollback` step that asks for it.
    """
    try:
        value = _undo_input(run, undo)
        what = f"the input of undo action {undo.action!r} of step {undo.armed.path!r}"
        argument = encode(value, what, run.prepared.payload_limit)
        async with run.slots.hold():
            await run.budget.breathe()
            await run.budget.reserve(len(argument.payload.data))
            async with run.continuation.flight(events_of(undo.plan), undo=True):
                run.telemetry.undo_started(undo, parent)
                error = await _undone(run, undo, argument)
    except WorkflowError as error:
        return ErrorInfo(type=error.code, message=str(error), path=undo.armed.path)
    run.telemetry.undo_ended(undo, error)
    return error


async def _undone(run: RunContext, undo: UndoCall, argument: RawValue) -> ErrorInfo | None:
    if undo.plan.is_local:
        # One attempt beside the run is as fast as the step was; what it does not settle is retried as for other steps.
        run.budget.settled(LOCAL_STEPS)
        with contextlib.suppress(FailureError):
            await _start_local_undo(run, undo, argument)
            return None
    try:
        await _start_undo(run, undo, argument)
    except ActivityError as error:
        return failure_of_activity(error, undo.action).error
    return None


def _start_undo(run: RunContext, undo: UndoCall, argument: RawValue) -> workflow.ActivityHandle[RawValue]:
    step = undo.plan.step
    with headers(run, undo.activity_id):
        return workflow.start_activity(
            undo.action,
            args=[argument],
            activity_id=undo.activity_id,
            summary=summary_of(f"undo {step.label}", undo.armed.path),
            task_queue=step.agent_capability,
            result_type=RawValue,
            start_to_close_timeout=timedelta(seconds=step.timeout),
            schedule_to_close_timeout=timedelta(seconds=step.rollback_timeout),
            heartbeat_timeout=seconds(step.heartbeat_timeout),
            retry_policy=UNDO_RETRIES,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )


def _start_local_undo(run: RunContext, undo: UndoCall, argument: RawValue) -> workflow.ActivityHandle[RawValue]:
    with headers(run, undo.activity_id):
        return workflow.start_local_activity(
            undo.action,
            args=[argument],
            activity_id=undo.activity_id,
            summary=summary_of(f"undo {undo.plan.step.label}", undo.armed.path),
            result_type=RawValue,
            start_to_close_timeout=min(timedelta(seconds=undo.plan.step.timeout), LOCAL_TIMEOUT),
            retry_policy=RetryPolicy(maximum_attempts=1),
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )


def _undo_input(run: RunContext, undo: UndoCall) -> Json:
    template = undo.plan.undo_input
    if template is None:
        return undo.armed.undo_input()
    if undo.armed.mapped is not None:
        return undo.armed.mapped
    return template.evaluate(scope_of(run.state, root_frame(run.saga.log), result=undo.armed.output))
