"""Built-in activities about the effects of runs that have ended: what is left of them to be undone, and who owns them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import (
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowHistoryEventFilterType,
    WorkflowQueryFailedError,
)
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.service import RPCError, RPCStatusCode

from advanced_workflow.activities.builtin.asking import effects_of
from advanced_workflow.activities.builtin.undo_turns import has_begun, only_rest, require_parent, require_turn, taken_by
from advanced_workflow.workflows.contract import (
    EFFECTS_ACTIVITY,
    TAKE_OVER_ACTIVITY,
    Effects,
    EffectsOf,
    ReadEffects,
    TakeOver,
    UnsureEffect,
)
from advanced_workflow.workflows.contract.paths import undo_run_id
from advanced_workflow.workflows.contract.undo_ids import owner_in, undoes

_AGAIN = timedelta(seconds=2)
"""Until the next look at a run that is being cancelled."""


@activity.defn(name=EFFECTS_ACTIVITY)
async def read_effects(request: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON; the model checks it
    """Take a `ReadEffects`, give `Effects`. A child that has not ended is cancelled, and asked once it has undone itself."""
    wanted = ReadEffects.model_validate(request)
    try:
        return (await _read(wanted.of, wanted.page)).model_dump(mode="json", exclude_defaults=True)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        message = f"the history of run {wanted.of.workflow_id!r} is gone; undo it by hand."
        raise ApplicationError(message, type="HistoryGone", non_retryable=True) from error
    except WorkflowQueryFailedError as error:
        message = f"run {wanted.of.workflow_id!r} cannot be replayed ({error.message}); undo it by hand."
        raise ApplicationError(message, type="HistoryUnreadable", non_retryable=True) from error


async def _read(of: EffectsOf, page: int) -> Effects:
    last = await _last_history(of)
    description = await last.describe()
    if description.status is WorkflowExecutionStatus.RUNNING:
        await require_parent(of.workflow_id)
        await last.cancel()
        raise ApplicationError(
            f"run {of.workflow_id!r} has not ended; it was cancelled.",
            type="StillRunning",
            category=ApplicationErrorCategory.BENIGN,
            next_retry_delay=_AGAIN,
        )
    rest = await only_rest(description)
    found = await effects_of(last, completed=rest, page=page)
    if page == 0 and found.began:
        await require_turn(description, found.execution_id, rest=rest)
    return await _with_what_began(found, last) if page == 0 and found.unsure else found


async def _last_history(of: EffectsOf) -> WorkflowHandle[Any, Any]:
    """The last of the histories that continue one another."""
    run_id = of.run_id
    while True:
        handle = activity.client().get_workflow_handle(of.workflow_id, run_id=run_id)
        if (await handle.describe()).status is not WorkflowExecutionStatus.CONTINUED_AS_NEW:
            return handle
        close = WorkflowHistoryEventFilterType.CLOSE_EVENT
        async for event in handle.fetch_history_events(event_filter_type=close):
            run_id = event.workflow_execution_continued_as_new_event_attributes.new_execution_run_id


async def _with_what_began(found: Effects, last: WorkflowHandle[Any, Any]) -> Effects:
    """Look for what the run is not sure of in its history, and in those that it continues."""
    missing = {_id_in_history(one): one.path for one in found.unsure}
    wanted, children = frozenset(missing), dict[str, str]()
    run_id = last.run_id
    while missing and run_id:
        earlier = ""
        handle = activity.client().get_workflow_handle(last.id, run_id=run_id)
        async for event in handle.fetch_history_events():
            id, first_history = _began(event)
            missing.pop(id, None)
            if first_history and id in wanted:
                children[id] = first_history
            earlier = earlier or event.workflow_execution_started_event_attributes.continued_execution_run_id
        run_id = earlier
    return found.model_copy(update={"never": list(missing.values()), "children": children})


def _id_in_history(one: UnsureEffect) -> str:
    return one.child or one.path


def _began(event: HistoryEvent) -> tuple[str, str]:
    """What an event says was begun: an activity by its id, or a child by its, and the id of its first history once it is known."""
    match event.event_type:
        case EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            return event.activity_task_scheduled_event_attributes.activity_id, ""
        case EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
            return event.start_child_workflow_execution_initiated_event_attributes.workflow_id, ""
        case EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED:
            child = event.child_workflow_execution_started_event_attributes.workflow_execution
            return child.workflow_id, child.run_id
        case _:
            return "", ""


@activity.defn(name=TAKE_OVER_ACTIVITY)
async def take_over(request: Any) -> str:  # noqa: ANN401 - JSON; the model checks it
    """Take a `TakeOver` and say whose an id is that could not be used for its record: `ours`, or `free` where it is to be passed over.

    Fails with `EffectsTaken` where the effects belong to another run, or were undone.
    """
    wanted = TakeOver.model_validate(request)
    handle = activity.client().get_workflow_handle(undo_run_id(wanted.run, wanted.execution_id, wanted.attempt))
    seen = await handle.describe()
    if owner_in(seen) == wanted.by and await _names(handle) == wanted.by_execution:
        return "ours"
    owner = await taken_by(seen)
    if owner is None and not await _undid(handle, seen):
        return "free"
    whose = f"run {owner!r}" if owner is not None else f"run {handle.id!r}, which undoes them"
    message = f"what run {wanted.run!r} did belongs to {whose}; start that one again, or keep nothing of it."
    raise ApplicationError(message, type="EffectsTaken", non_retryable=True)


async def _names(record: WorkflowHandle[Any, Any]) -> str:
    """The execution that a record says has the effects: a later run of its owner's id is another."""
    return TakeOver.model_validate(await record.result(), extra="ignore").by_execution


async def _undid(handle: WorkflowHandle[Any, Any], seen: WorkflowExecutionDescription) -> bool:
    if not undoes(seen, activity.info().task_queue):
        return False
    return seen.status is WorkflowExecutionStatus.RUNNING or await has_begun(handle)


ACTIVITIES = (read_effects, take_over)
"""What every worker that runs definitions serves of it."""
