"""`sequential` and `worker`: one action as one activity."""

from __future__ import annotations

from advanced_workflow.workflows.engine.actions.armed_call import ArmedCall
from advanced_workflow.workflows.engine.step.context import Done, StepContext


async def run_action(step: StepContext) -> Done:
    """Call the action and give its result."""
    return Done(await ArmedCall(step, step.plan.step.action or "", step.path, step.frame.undo, step.key).run())
