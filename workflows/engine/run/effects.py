"""The open effects of a run: told by the run itself when it has ended, and read by the run that undoes them."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any, cast

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from advanced_workflow.workflows.contract import (
    EFFECTS_ACTIVITY,
    Effects,
    EffectsRequest,
    Json,
    ReadEffects,
    RollbackReport,
    TakeOver,
    UndoOutcome,
    UndoRequest,
    UnsureEffect,
)
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.engine.actions.children import LOOK_AGAIN
from advanced_workflow.workflows.engine.run.arguments import parsed
from advanced_workflow.workflows.engine.run.endings import rolled_back
from advanced_workflow.workflows.engine.run.run import Run
from advanced_workflow.workflows.engine.run.snapshot import CARRIED_LIMIT, FORMAT, earlier_part, packed
from advanced_workflow.workflows.engine.step.context import RunContext
from advanced_workflow.workflows.engine.step.failures import failure_of_activity
from advanced_workflow.workflows.engine.temporal.activities import start_activity
from advanced_workflow.workflows.engine.temporal.payloads import decode_own
from advanced_workflow.workflows.engine.undo.action import actions_left
from advanced_workflow.workflows.engine.undo.saga import LISTED
from advanced_workflow.workflows.engine.undo.undo_log import UndoLog
from advanced_workflow.workflows.errors import InputInvalid

_PAGE = 1024 * 1024
"""Characters of one page."""
_READ_TIMEOUT = timedelta(seconds=60)
"""Of one attempt: the worker replays the history that is asked."""
_READ_TOTAL = timedelta(minutes=10)


def effects_of(run: Run | None, request: EffectsRequest) -> Effects:
    """Answer of the `effects` query."""
    if run is None:
        return Effects(began=False)
    log, unsure = _open(run.context, completed=request.completed)
    found = Effects(execution_id=run.context.execution_id, unsure=unsure)
    if request.page is None:
        _list(run.context, log, found)
        return found
    text = packed(run.to_undo(log, rolled_back(run.context.execution_id)), CARRIED_LIMIT)["data"]
    found.pages = -(-len(text) // _PAGE)
    found.digest = hashlib.sha256(text.encode()).hexdigest()
    found.data = text[request.page * _PAGE : (request.page + 1) * _PAGE]
    return found


def _open(run: RunContext, *, completed: bool) -> tuple[UndoLog, list[UnsureEffect]]:
    """A copy of what is open; what was under way counts as unknown, if its history says that it was started."""
    log = run.saga.failed.turned()
    if completed:
        return log, []
    log.add(UndoLog.load(run.saga.log.dump()))
    unsure: list[UnsureEffect] = []
    for _, _, armed in log.at_hand():
        # What ran again and had taken effect before is known to have.
        if armed.outcome != "running" or not armed.settle("unknown", None):
            continue
        plan = run.plan.runnable[armed.step_id]
        if plan.step.step_type is StepType.SUB_WORKFLOW:
            record = run.state.records.get(armed.path)
            child = record.cursor.get("child") if record is not None else None
            armed.child = {"run": child} if child else None
        if not plan.is_local:  # A local one leaves no trace in a history until it has ended.
            unsure.append(UnsureEffect(path=armed.path, child=armed.child and armed.child["run"]))
    return log, unsure


def _list(run: RunContext, log: UndoLog, found: Effects) -> None:
    found.steps = log.names_needing()
    found.entries_left_out = log.has_pages
    for _, _, armed in log.at_hand():
        if armed.needs_undo:
            found.entries += [
                one.entry(UndoOutcome.PENDING) for one in actions_left(run.plan.runnable[armed.step_id], armed)
            ]
        if len(found.entries) >= LISTED:
            found.entries_left_out = True
            return


def undo_request(argument: Json) -> UndoRequest | None:
    """The request, where the argument of an undo run is one. Raises `InputInvalid` where it is a wrong one."""
    if not isinstance(argument, dict) or "of" not in cast("dict[str, Json]", argument):
        return None
    return parsed(UndoRequest, argument, "the argument", InputInvalid)


def nothing_undone(request: UndoRequest) -> dict[str, Json]:
    """What an undo run gives where the run that it is about did nothing."""
    report = RollbackReport(reason=f"rollback of {request.run}", complete=True)
    return {"rollback": report.model_dump(mode="json")}


def taken_over(record: Json) -> dict[str, Json]:
    """The record that the effects of one run belong to another is its own result; the server takes one such run of an id."""
    return parsed(TakeOver, record, "the argument", InputInvalid).model_dump(mode="json")


async def read_effects(request: UndoRequest) -> dict[str, Json] | None:
    """What an undo run begins with; None where the run that it is about did nothing. Raises `ApplicationError`."""
    first = await _read(request, 0)
    if not first.began:
        return None
    pages = [first.data]
    for number in range(1, first.pages):
        page = await _read(request, number)
        if page.digest != first.digest:
            raise ApplicationError(
                f"run {request.of.workflow_id!r} told two stories of what it did: are its workers of one build?",
                type="EffectsUnreadable",
                non_retryable=True,
            )
        pages.append(page.data)
    earlier = earlier_part({"format": FORMAT, "data": "".join(pages)}) or {}
    return {**earlier, "undo": _settled(earlier["undo"], first), "asked": True}


def _settled(undo: Json, found: Effects) -> Json:
    """The log without what was never started, and with the ids of the children that were."""
    if not found.never and not found.children:
        return undo
    log = UndoLog.load(undo)
    for part, name, armed in list(log.at_hand()):
        if armed.path in found.never and armed.outcome == "unknown":
            part.remove(name, armed)
        elif armed.child is not None and armed.child["run"] in found.children:
            armed.child = {**armed.child, "execution_id": found.children[armed.child["run"]]}
    return log.dump()


async def _read(request: UndoRequest, page: int) -> Effects:
    try:
        answer = await start_activity(
            EFFECTS_ACTIVITY,
            [ReadEffects(of=request.of, page=page).model_dump(mode="json")],
            id=f"effects[{page}]",
            summary=f"what {request.of.workflow_id} left",
            timeout=_READ_TIMEOUT,
            total_timeout=_READ_TOTAL,
            retries=LOOK_AGAIN,
            cancellation=workflow.ActivityCancellationType.TRY_CANCEL,
        )
    except ActivityError as error:
        cause = failure_of_activity(error, EFFECTS_ACTIVITY).error
        message = (
            f"what run {request.of.workflow_id!r} did cannot be read, so nothing of it was undone: {cause.message}"
        )
        raise ApplicationError(message, type=cause.type, non_retryable=True) from error
    return Effects.model_validate(cast("dict[str, Any]", decode_own(answer, "what is to be undone")))
