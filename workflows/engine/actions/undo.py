"""Undoing what a run did, with the run's own services."""

from __future__ import annotations

from collections.abc import Callable

from advanced_workflow.workflows.contract import UndoEntry, UndoOutcome
from advanced_workflow.workflows.engine.actions.undo_actions import run_undo_action
from advanced_workflow.workflows.engine.actions.undo_children import undo_child
from advanced_workflow.workflows.engine.step.context import RunContext
from advanced_workflow.workflows.engine.undo.action import Undo, UndoAction
from advanced_workflow.workflows.engine.undo.backwards import Limit, Part, undo_graph, undo_part

Note = Callable[[UndoEntry], None]
"""Hears of what became of an undo action."""


async def undo_run(run: RunContext, *, only: Limit | None = None, parent: str = "") -> int:
    """Undo everything, or what `only` says; gives how many undo actions failed. `parent` is the `rollback` step it is for."""
    return await undo_graph(run.saga, run.plan.root, _undo(run, parent, lambda _: None), only=only, starts=run.budget)


async def undo_tolerated_part(run: RunContext, part: Part, parent: str, note: Note) -> None:
    """Undo what a tolerated failure left; `parent` is the path of the container, and `note` hears what became of it."""
    await undo_part(run.saga, part, _undo(run, parent, note), run.budget)


def _undo(run: RunContext, parent: str, note: Note) -> Undo:
    async def undo(action: UndoAction) -> list[UndoEntry] | None:
        if run.continuation.is_ending:  # A `rollback` step leaves the rest to the run's own rollback.
            return None
        if action.action:
            error = await run_undo_action(run, action, parent)
            entries = [action.entry(UndoOutcome.FAILED if error else UndoOutcome.UNDONE, error)]
        else:
            entries = await undo_child(run, action)
        for entry in entries:
            note(entry)
        return entries

    return undo
