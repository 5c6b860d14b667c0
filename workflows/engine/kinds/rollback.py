"""`rollback`: undoes what was done so far, and the run continues."""

from __future__ import annotations

import asyncio

from advanced_workflow.workflows.contract import UndoOutcome
from advanced_workflow.workflows.engine.actions.undo import undo_run
from advanced_workflow.workflows.engine.graph.driver import ended
from advanced_workflow.workflows.engine.graph.plan import Plan
from advanced_workflow.workflows.engine.step.context import Done, StepContext
from advanced_workflow.workflows.engine.step.failures import failure_of
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.engine.undo.armed import Armed
from advanced_workflow.workflows.engine.undo.backwards import Limit
from advanced_workflow.workflows.errors import RollbackIncomplete

_BEFORE = "before"
"""In the cursor: how many lines the report had when the step began, and how many undo actions had failed."""


async def run_rollback(step: StepContext) -> Done:
    """Undo the settled steps, or only those after `rollback_to`, which keeps its effect. Once begun, it is finished.

    Run again by an operator, it tries again what could not be undone.
    """
    step.begin()
    run, target = step.run, step.plan.step.rollback_to
    only = Limit(_steps_after(run.plan, target), step.frame.inside) if target else None
    if _BEFORE not in step.record.cursor and step.record.retry_count and patched(Patch.RULES_2):
        run.saga.reopen(lambda armed: only is None or _is_within(run.plan, armed, only))
    before = step.record.cursor.setdefault(_BEFORE, [len(run.saga.entries), run.saga.counts[UndoOutcome.FAILED]])
    undoing = asyncio.ensure_future(undo_run(run, only=only, parent=step.path))
    cancelled = await ended(undoing)
    undoing.result()
    failed = run.saga.counts[UndoOutcome.FAILED] - before[1]
    entries = run.saga.entries[before[0] :]
    if cancelled:
        raise asyncio.CancelledError
    if failed:
        names = ", ".join(f"{one.path} ({one.action})" for one in entries if one.outcome == "failed")
        raise failure_of(RollbackIncomplete(f"step {step.path!r}: {failed} undo actions failed: {names}."))
    undone = [one for one in entries if one.outcome == "undone"]
    return Done({"undone": [{"step_id": one.step_id, "path": one.path, "action": one.action} for one in undone]})


def _is_within(plan: Plan, armed: Armed, only: Limit) -> bool:
    return not only.steps.isdisjoint((*plan.runnable[armed.step_id].containers, armed.step_id))


def _steps_after(plan: Plan, step_id: str) -> frozenset[str]:
    """The steps that come after this one by the definition's edges, in its own graph and those around it."""
    after: set[str] = set()
    graph = plan.root
    for one in (*plan.steps[step_id].containers, step_id):
        waiting = [one]
        while waiting:
            node = graph.shape[waiting.pop()]
            for later in (*node.dependents, *node.handlers):
                if later not in after:
                    after.add(later)
                    waiting.append(later)
        graph = graph.steps[one].children or graph
    return frozenset(after)
