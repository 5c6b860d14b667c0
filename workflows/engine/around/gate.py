"""What may keep a step from starting now: a pause, a workflow task that has done enough, an operator who skips it."""

from __future__ import annotations

from advanced_workflow.workflows.engine.step.context import Done, RunStep, StepContext
from advanced_workflow.workflows.engine.step.starting import may_start, skip_if_told


async def through_the_gate(step: StepContext, inner: RunStep) -> Done:
    """Wait until steps may start; one that was under way when the run continued as new does not start again."""
    run = step.run
    if not run.operations.is_open and not step.record.resumed:
        await run.operations.gate()
    await run.budget.breathe()
    while not step.record.resumed and not may_start(step):  # It was paused while the step waited for room.
        await run.operations.gate()
        await run.budget.breathe()
    skip_if_told(step)
    return await inner(step)
