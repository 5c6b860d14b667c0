"""Undoing what a run did, with the run's own services."""

from __future__ import annotations

from advanced_workflow.workflows.contract import UndoEntry, UndoOutcome
from advanced_workflow.workflows.engine.actions.children import undo_child
from advanced_workflow.workflows.engine.actions.undo_actions import run_undo_action
from advanced_workflow.workflows.engine.step.context import RunContext
from advanced_workflow.workflows.engine.undo.action import UndoAction
from advanced_workflow.workflows.engine.undo.backwards import Limit, undo_graph


async def undo_run(run: RunContext, *, only: Limit | None = None, parent: str = "") -> int:
    """Undo everything, or what `only` says; gives how many undo actions failed. `parent` is the `rollback` step it is for."""

    async def undo(action: UndoAction) -> list[UndoEntry] | None:
        if run.continuation.is_ending:  # A `rollback` step leaves the rest to the run's own rollback.
            return None
        if not action.action:
            return await undo_child(run, action)
        error = await run_undo_action(run, action, parent)
        return [action.entry(UndoOutcome.FAILED if error else UndoOutcome.UNDONE, error)]

    return await undo_graph(run.saga, run.plan.root, undo, only=only, starts=run.budget)
