"""Undoing what a run did, with the run's own services."""

from __future__ import annotations

from advanced_workflow.workflows.contract import UndoEntry, UndoOutcome
from advanced_workflow.workflows.engine.actions.children import undo_child
from advanced_workflow.workflows.engine.actions.undo_calls import call_undo
from advanced_workflow.workflows.engine.step.context import RunContext
from advanced_workflow.workflows.engine.undo.saga import Limit, UndoCall


async def unwind(run: RunContext, *, only: Limit | None = None, parent: str = "") -> int:
    """Undo everything, or what `only` says; gives how many undo actions failed. `parent` is the `rollback` step it is for."""

    async def call(undo: UndoCall) -> list[UndoEntry] | None:
        if run.continuation.is_ending:  # A `rollback` step leaves the rest to the run's own rollback.
            return None
        if not undo.action:
            return await undo_child(run, undo)
        error = await call_undo(run, undo, parent)
        return [undo.entry(UndoOutcome.FAILED if error else UndoOutcome.UNDONE, error)]

    return await run.saga.unwind(run.plan.root, call, only=only)
