"""One undo action: what is called, for which step, and its line in the report."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from advanced_workflow.workflows.contract import ErrorInfo, UndoEntry, UndoOutcome
from advanced_workflow.workflows.engine.graph.step_plan import StepPlan
from advanced_workflow.workflows.engine.undo.armed import Armed


@dataclass(frozen=True, slots=True)
class UndoAction:
    """One undo action to run; `action` is empty where it is a child's run that is undone."""

    plan: StepPlan
    armed: Armed
    action: str
    activity_id: str
    task_queue: str | None
    """Where it runs; None for the run's own queue."""
    number: int
    """Its place among all undo actions of the step; a child's run comes first."""

    @property
    def is_local(self) -> bool:
        """Whether it is tried beside the run first, as its step ran."""
        return self.plan.is_local and self.task_queue is None

    def entry(self, outcome: UndoOutcome, error: ErrorInfo | None = None) -> UndoEntry:
        """Its line in the report."""
        known = self.armed.outcome in ("completed", "failed")
        return UndoEntry(
            path=self.armed.path,
            step_id=self.plan.step_id,
            action=self.action,
            activity_id=self.activity_id,
            outcome=outcome,
            step_outcome=self.armed.outcome if known else "unknown",  # pyright: ignore[reportArgumentType]
            idempotency_key=self.armed.idempotency_key,
            error=error,
        )


Undo = Callable[[UndoAction], Awaitable[list[UndoEntry] | None]]
"""Runs one undo action; gives its entries for the report (a child's run has many), and never raises.

None means that it did not run, and no other is to: the run ends meanwhile, and undoes the rest then.
"""


def actions_left(plan: StepPlan, armed: Armed) -> list[UndoAction]:
    """The undo actions of a step that have not run, in their order; a child's run is undone first."""
    named = [
        (one.action, armed.path.undo_id(number), one.agent_capability)
        for number, one in enumerate(plan.step.undo_calls)
    ]
    if armed.child is not None:
        named.insert(0, ("", armed.path.child_undo_id, None))
    actions = [UndoAction(plan, armed, *one, number) for number, one in enumerate(named)]
    if armed.left is not None:
        actions = [actions[number] for number in armed.left]
    return actions[armed.undone :]
