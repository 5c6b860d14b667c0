"""Tries the failed undo actions of a closed run again, as release 0.1.0 did: only its runs that are under way are continued.

Its argument says what to call with what input, and whoever may start runs writes arguments. Release 0.2.0 reads what is left from
histories instead, so nobody starts this type any more, and who does is refused.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio.common import RawValue
from temporalio.exceptions import ActivityError

from advanced_workflow.workflows.contract import (
    HEADER_EXECUTION,
    HEADER_KEY,
    ErrorInfo,
    Json,
    RollbackAgain,
    RollbackReport,
    UndoAgain,
    UndoEntry,
    UndoOutcome,
)
from advanced_workflow.workflows.contract.paths import idempotency_key
from advanced_workflow.workflows.definition.model.reserved import is_reserved_action
from advanced_workflow.workflows.engine.actions.undo_actions import UNDO_RETRIES
from advanced_workflow.workflows.engine.run.arguments import as_failure, failure, parsed
from advanced_workflow.workflows.engine.step.failures import failure_of_activity
from advanced_workflow.workflows.engine.temporal.activities import start_activity
from advanced_workflow.workflows.engine.temporal.interceptor import ActivityHeaders
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.engine.temporal.payloads import decode, encode
from advanced_workflow.workflows.engine.temporal.quiet import is_being_cancelled
from advanced_workflow.workflows.errors import InputInvalid, RollbackIncomplete, WorkflowError

_NOT_STARTED = "this workflow type takes up what release 0.1.0 began and nothing else; 'adw rollback RUN' undoes what a run left, as its history says."


async def roll_back_again(argument: RawValue) -> dict[str, Json]:
    """Try each entry in its order, whatever became of those before it; give the report. What begins today is refused.

    Fails with `RollbackIncomplete`, the report in its details, when an undo action fails again.
    """
    if patched(Patch.RULES_2):
        raise as_failure(InputInvalid(_NOT_STARTED))
    try:
        request = parsed(RollbackAgain, decode(argument, "the argument"), "the argument", InputInvalid)
        _require_own_actions(request)
    except WorkflowError as error:
        raise as_failure(error) from error
    entries = [_entry(one, await _undo(request, one)) for one in request.entries]
    complete = all(one.outcome is UndoOutcome.UNDONE for one in entries)
    report = RollbackReport(reason=f"rollback of {request.run}", complete=complete, entries=entries)
    result: dict[str, Json] = report.model_dump(mode="json")
    if complete:
        return result
    failed = ", ".join(f"{one.path} ({one.action})" for one in entries if one.error)
    message = f"not everything of run {request.run!r} was undone: {failed}; 'adw rollback {request.run}' tries again."
    raise failure(RollbackIncomplete.code, message, result)


def _require_own_actions(request: RollbackAgain) -> None:
    """No definition names the engine's activities, so that no undo of one can."""
    own = next((one.action for one in request.entries if is_reserved_action(one.action)), None)
    if own is not None:
        raise InputInvalid(
            f"action {own!r} is the engine's own and undoes nothing; 'adw rollback RUN' starts this type."
        )


async def _undo(request: RollbackAgain, entry: UndoAgain) -> ErrorInfo | None:
    execution_id = entry.execution_id or request.execution_id
    headers = {HEADER_EXECUTION: execution_id, HEADER_KEY: idempotency_key(execution_id, entry.activity_id)}
    handle = start_activity(
        entry.action,
        [encode(entry.payload, f"the input of undo action {entry.action!r}", request.payload_limit)],
        id=entry.activity_id,
        summary=f"undo {entry.path}",
        headers=ActivityHeaders({name: encode(value, name).payload for name, value in headers.items()}),
        task_queue=entry.task_queue,
        timeout=timedelta(seconds=entry.timeout),
        total_timeout=timedelta(seconds=entry.total_timeout),
        heartbeat_timeout=timedelta(seconds=entry.heartbeat_timeout) if entry.heartbeat_timeout else None,
        retries=UNDO_RETRIES,
    )
    try:
        await handle
    except ActivityError as error:
        if is_being_cancelled():
            raise asyncio.CancelledError from None
        return failure_of_activity(error, entry.action).error
    return None


def _entry(undo: UndoAgain, error: ErrorInfo | None) -> UndoEntry:
    return UndoEntry(
        path=undo.path,
        step_id=undo.step_id,
        action=undo.action,
        activity_id=undo.activity_id,
        outcome=UndoOutcome.FAILED if error else UndoOutcome.UNDONE,
        step_outcome=undo.step_outcome,
        idempotency_key=undo.idempotency_key,
        error=error,
        run=undo.run,
    )
