"""Whose turn it is to undo what a run left: one run after another, each by the next free id."""

from __future__ import annotations

from typing import Any

from temporalio import activity
from temporalio.client import WorkflowExecutionDescription, WorkflowExecutionStatus, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from advanced_workflow.activities.builtin.asking import effects_of
from advanced_workflow.workflows.contract import UNDO_WORKFLOW_TYPE
from advanced_workflow.workflows.contract.paths import attempt_id, attempt_in, undo_run_id
from advanced_workflow.workflows.contract.undo_ids import owner_in, owner_of, undoes


async def may_count(handle: WorkflowHandle[Any, Any]) -> bool:
    """Whether the run that has an id for undoing is one that undoes, or the record of who took the effects over."""
    seen = await handle.describe()
    return owner_in(seen) is not None or undoes(seen, activity.info().task_queue)


async def counts(handle: WorkflowHandle[Any, Any], seen: WorkflowExecutionDescription) -> bool:
    """The same once it has ended: one that never began to undo is passed over."""
    return await taken_by(seen) is not None if owner_in(seen) is not None else await has_begun(handle)


async def taken_by(seen: WorkflowExecutionDescription) -> str | None:
    """The rerun that has taken the effects over, where the run is the record of that and the rerun began, or still may."""
    return await owner_of(seen, _description, _had_begun)


async def _description(id: str, run_id: str | None) -> WorkflowExecutionDescription | None:
    try:
        return await activity.client().get_workflow_handle(id, run_id=run_id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


async def _had_begun(id: str, run_id: str) -> bool:
    return await has_begun(activity.client().get_workflow_handle(id, run_id=run_id))


async def only_rest(source: WorkflowExecutionDescription) -> bool:
    """Whether the calling run undoes only what `source` could not undo itself: what else a completed run did is to stand.

    Its parent may have all of it undone, and who the parent of the calling run is says the server.
    """
    if source.status is not WorkflowExecutionStatus.COMPLETED:
        return False
    if source.workflow_type == UNDO_WORKFLOW_TYPE:
        return True
    own = activity.info().workflow_id or ""
    return own.startswith(undo_run_id(source.id, "", completed=True)) or await _parent() is None


async def require_parent(id: str) -> None:
    """Refuse to cancel a run for anybody but a run that undoes its children."""
    if await _parent() is None:
        message = f"run {id!r} has not ended; 'adw cancel {id}' undoes it."
        raise ApplicationError(message, type="StillRunning", non_retryable=True)


async def _parent() -> str | None:
    info = activity.info()
    own = activity.client().get_workflow_handle(info.workflow_id or "", run_id=info.workflow_run_id)
    return (await own.describe()).parent_id


async def require_turn(source: WorkflowExecutionDescription, execution_id: str, *, rest: bool) -> None:
    """Refuse to undo what `source` left unless the calling run has the id for it, and all before it have ended.

    Raises `ApplicationError`: whoever may start runs could have anything undone twice.
    """
    info = activity.info()
    base, number = attempt_in(info.workflow_id or "")
    again = source.workflow_type == UNDO_WORKFLOW_TYPE
    wanted = attempt_in(source.id)[0] if again else undo_run_id(source.id, execution_id, completed=rest)
    if wanted != base or source.task_queue != info.task_queue:
        raise _not_its_turn(
            f"what run {source.id!r} left is undone by the runs {wanted!r}, on queue {source.task_queue!r}"
        )
    before = await _before(base, number)
    if before != (source.id if again else None):
        raise _not_its_turn(f"it is to undo what {before or 'the run itself'!r} left")


async def _before(base: str, number: int) -> str | None:
    """The latest attempt before one; None where none of them counts."""
    for earlier in range(number - 1, 0, -1):
        handle = activity.client().get_workflow_handle(attempt_id(base, earlier))
        seen = await _description(handle.id, None)
        if seen is None:
            raise _not_its_turn(f"{handle.id!r} comes first")
        if (owner := await taken_by(seen)) is not None:
            raise _not_its_turn(f"it belongs to {owner!r}")
        if not undoes(seen, activity.info().task_queue):
            continue
        if seen.status is WorkflowExecutionStatus.RUNNING:
            raise _not_its_turn(f"{handle.id!r} comes first")
        if await has_begun(handle):
            return handle.id
    return None


async def has_begun(handle: WorkflowHandle[Any, Any]) -> bool:
    """Whether a run that undoes, and has ended, undid anything."""
    return (await effects_of(handle, completed=True)).began


def _not_its_turn(why: str) -> ApplicationError:
    message = f"this run undoes nothing: {why}; 'adw rollback RUN' starts the one whose turn it is."
    return ApplicationError(message, type="NotItsTurn", non_retryable=True)
