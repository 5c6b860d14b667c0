"""Undoes the runs of children, each by a run of its own."""

from __future__ import annotations

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy

from advanced_workflow.workflows.contract import (
    UNDO_WORKFLOW_TYPE,
    EffectsOf,
    ErrorInfo,
    Json,
    UndoEntry,
    UndoOutcome,
    UndoRequest,
)
from advanced_workflow.workflows.contract.paths import old_undo_run_id, undo_run_id
from advanced_workflow.workflows.engine.actions.children import (
    CHILD_EVENTS,
    Child,
    child_end,
    child_entries,
    start_child,
    watch_run,
)
from advanced_workflow.workflows.engine.step.context import RunContext
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.engine.temporal.payloads import encode
from advanced_workflow.workflows.engine.undo.action import UndoAction


async def undo_child(run: RunContext, undo: UndoAction) -> list[UndoEntry]:
    """Undo a child's run by a run of its own; gives its entries, or one that says why it could not be.

    The id of that run is the same whoever asks for it, and the server runs one of an id: where another has begun to undo the child, its
    end is awaited, and only what it left is tried again.
    """
    child: dict[str, Json] = undo.armed.child
    execution_id, completed = child.get("execution_id"), child.get("completed") is True
    if "carried" in child and (execution_id is None or not patched(Patch.RULES_2)):
        return await _undo_as_before(run, undo)
    if not execution_id:
        message = f"it is not known whether run {child['run']!r} began; 'adw show {child['run']}' tells, 'adw rollback' undoes it."
        return [undo.entry(UndoOutcome.FAILED, ErrorInfo(type="ChildUnknown", message=message))]
    source = EffectsOf(workflow_id=child["run"], run_id=execution_id)
    # What another has begun to undo is no longer as the child handed it over.
    carried: Json = child.get("carried")
    attempt = 0
    while True:
        attempt += 1
        id = undo_run_id(child["run"], execution_id, attempt, completed=completed)
        request = UndoRequest(of=source, run=child["run"], by=workflow.info().workflow_id).model_dump(mode="json")
        argument: Json = request if carried is None else carried
        async with run.continuation.flight(CHILD_EVENTS, undo=True):
            undoing = _undo_run(run, undo, id, argument, again=False)
            await run.budget.room_for(undoing.size)
            handle = await start_child(undoing)
            watching = watch_run(id, f"{undo.activity_id}~{attempt}", undoes=True) if handle is None else None
            end = await (child_end(handle, id) if watching is None else watching)
        if end.passed_over:
            continue
        report: Json = (end.result or {}).get("rollback")
        if end.result is not None and report is None:
            return [undo.entry(UndoOutcome.FAILED, _taken(end.result, child["run"]))]
        if report is not None and (handle is not None or report["complete"]):
            return child_entries(report, id)
        if handle is not None:
            return [undo.entry(UndoOutcome.FAILED, end.error)]
        source, carried = EffectsOf(workflow_id=id, run_id=end.execution_id), None


async def _undo_as_before(run: RunContext, undo: UndoAction) -> list[UndoEntry]:
    id = old_undo_run_id(undo.armed.child["run"])
    async with run.continuation.flight(CHILD_EVENTS, undo=True):
        end = await child_end(await start_child(_undo_run(run, undo, id, undo.armed.child["carried"], again=True)), id)
    if end.error is not None or end.result is None:
        return [undo.entry(UndoOutcome.FAILED, end.error)]
    return child_entries(end.result.get("rollback"), id)


def _undo_run(run: RunContext, undo: UndoAction, id: str, argument: Json, *, again: bool) -> Child:
    given = encode(argument, f"what undoes {undo.armed.path!r}", run.prepared.payload_limit)
    reuse = WorkflowIDReusePolicy.ALLOW_DUPLICATE if again else WorkflowIDReusePolicy.REJECT_DUPLICATE
    return Child(UNDO_WORKFLOW_TYPE, id, [given], f"undo {undo.plan.step.label}", reuse=reuse)


def _taken(record: dict[str, Json], run: str) -> ErrorInfo:
    by = record.get("by", "another run")
    message = f"what run {run!r} did belongs to {by!r} now, which kept its results; 'adw rollback {by}' undoes it."
    return ErrorInfo(type="EffectsTaken", message=message)
