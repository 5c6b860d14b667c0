"""`rollback`: undoes what was done so far, and the run goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from workflows.contract import ErrorInfo
from workflows.engine.calls import call_undo
from workflows.engine.context import Done, StepContext
from workflows.engine.driver import ended
from workflows.engine.failures import failure_of
from workflows.engine.plan import Plan
from workflows.engine.saga import UndoCall
from workflows.errors import RollbackIncomplete


async def run_rollback(step: StepContext) -> Done:
    """Undo the settled steps, or only those after `rollback_to`, which keeps its effect. Once begun, it is finished."""
    step.begin()
    run = step.run
    already = len(run.saga.entries)
    only = _steps_after(run.plan, step.plan.step.rollback_to) if step.plan.step.rollback_to else None

    async def call(undo: UndoCall) -> ErrorInfo | None:
        return await call_undo(run, undo, step.path)

    unwinding = asyncio.ensure_future(run.saga.unwind(run.plan.root, call, only=only))
    cancelled = await ended(unwinding)
    failed = unwinding.result()
    entries = run.saga.entries[already:]
    if cancelled:
        raise asyncio.CancelledError
    if failed:
        names = ", ".join(f"{one.path} ({one.action})" for one in entries if one.outcome == "failed")
        raise failure_of(RollbackIncomplete(f"step {step.path!r}: {failed} undo actions failed: {names}."))
    return Done({"undone": [{"step_id": one.step_id, "path": one.path, "action": one.action} for one in entries]})


def _steps_after(plan: Plan, step_id: str) -> Callable[[str], bool]:
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
    return after.__contains__
