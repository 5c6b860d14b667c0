"""Runs the undo actions of steps."""

from __future__ import annotations

import contextlib
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ActivityError, FailureError

from advanced_workflow.workflows.contract import ErrorInfo, Json, LocalRoom
from advanced_workflow.workflows.contract.paths import turn_name
from advanced_workflow.workflows.engine.actions.step_activities import (
    attempt_timeout,
    call_size,
    events_of,
    headers_of,
    heartbeat_timeout,
    summary_of,
)
from advanced_workflow.workflows.engine.graph.limits import NONE, limits_of
from advanced_workflow.workflows.engine.state.live_state import root_frame
from advanced_workflow.workflows.engine.state.scope import own_entry, scope_of
from advanced_workflow.workflows.engine.state.task_budget import LOCAL_ROOM_BYTES, LOCAL_STEPS
from advanced_workflow.workflows.engine.step.context import RunContext
from advanced_workflow.workflows.engine.step.failures import failure_of_activity
from advanced_workflow.workflows.engine.temporal.activities import start_activity
from advanced_workflow.workflows.engine.temporal.payloads import encode
from advanced_workflow.workflows.engine.undo.action import UndoAction
from advanced_workflow.workflows.errors import WorkflowError

UNDO_RETRIES = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=60))
ONE_ATTEMPT = RetryPolicy(maximum_attempts=1)


async def run_undo_action(run: RunContext, undo: UndoAction, parent: str = "") -> ErrorInfo | None:
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
            async with run.continuation.flight(events_of(local=undo.is_local), undo=True):
                await run.budget.room_for(call_size([argument], undo.activity_id, local=undo.is_local))
                run.telemetry.undo_started(undo, parent)
                error = await _undone(run, undo, argument)
    except WorkflowError as error:
        return ErrorInfo(type=error.code, message=str(error), path=undo.armed.path)
    run.telemetry.undo_ended(undo, error)
    return error


async def _undone(run: RunContext, undo: UndoAction, argument: RawValue) -> ErrorInfo | None:
    if undo.is_local:
        # One attempt beside the run is as fast as the step was; what it does not settle is retried as for other steps.
        run.budget.settled(LOCAL_STEPS)
        with contextlib.suppress(FailureError):
            await _start(run, undo, argument, local=True)
            return None
        await run.budget.room_for(call_size([argument], undo.activity_id, local=False))
    try:
        await _start(run, undo, argument, local=False)
    except ActivityError as error:
        return failure_of_activity(error, undo.action).error
    return None


def _start(run: RunContext, undo: UndoAction, argument: RawValue, *, local: bool) -> workflow.ActivityHandle[RawValue]:
    step = undo.plan.step
    limits = limits_of(step, undo.armed.numbers or NONE)
    room = LocalRoom(room=LOCAL_ROOM_BYTES, limit=run.prepared.payload_limit) if local else None
    return start_activity(
        undo.action,
        [argument],
        id=undo.activity_id,
        summary=_summary_of(run, undo),
        local=local,
        room=room.room if room else 0,
        headers=headers_of(run, undo.activity_id, _execution_of(run, undo), local=room),
        task_queue=undo.task_queue,
        timeout=attempt_timeout(limits, local=local),
        total_timeout=None if local else timedelta(seconds=step.rollback_timeout),
        heartbeat_timeout=heartbeat_timeout(run, step, limits, undo.action, undo.task_queue),
        retries=ONE_ATTEMPT if local else UNDO_RETRIES,
    )


def _summary_of(run: RunContext, undo: UndoAction) -> str:
    """What people read in the history; of an agent's tool it is the call, as long as the run shows that."""
    path, step = undo.armed.path, undo.plan.step
    if undo.plan.tool is None:
        return summary_of(f"undo {step.label}", path)
    record = run.state.records.get(path)
    call = record.notes.get("call") if record is not None else None
    return f"undo {turn_name(path)}: {call or step.label}"


def _execution_of(run: RunContext, undo: UndoAction) -> str:
    """The execution id in the undo action's own key: each effect of a step that ran again has an undo of its own."""
    again = undo.armed.execution_id
    return again if again.startswith(f"{run.execution_id}~") else run.execution_id


def _undo_input(run: RunContext, undo: UndoAction) -> Json:
    armed = undo.armed
    if undo.plan.undo_input is None:
        return armed.undo_input()
    if armed.mapped is not None:
        return armed.mapped
    own = own_entry(armed.path, armed.idempotency_key)
    return armed.mapped_by(undo.plan, scope_of(run.state, root_frame(run.saga.log), step=own, result=armed.output))
