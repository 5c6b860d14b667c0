"""What may keep a step from starting now: a pause, a workflow task that has done enough, an operator who skips it."""

from __future__ import annotations

from advanced_workflow.workflows.contract import SkipReason
from advanced_workflow.workflows.engine.step.context import Done, RunStep, StepContext
from advanced_workflow.workflows.engine.step.failures import StepSkipped


async def through_the_gate(step: StepContext, inner: RunStep) -> Done:
    """Wait until steps may start; one that was under way when the run continued as new does not start again."""
    run = step.run
    if not run.operations.is_open and not step.record.resumed:
        await run.operations.gate()
    await run.budget.breathe()
    if step.path in run.operations.to_skip:
        raise StepSkipped(SkipReason.BY_OPERATOR)
    return await inner(step)
