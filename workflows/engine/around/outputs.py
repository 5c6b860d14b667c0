"""`output_mapping`: a step's output goes to its record, and to the run's variables."""

from __future__ import annotations

from advanced_workflow.workflows.engine.step.context import Done, RunStep, StepContext
from advanced_workflow.workflows.engine.step.outputs import keep_output


async def writing_outputs(step: StepContext, inner: RunStep) -> Done:
    """Keep what the step gave, and write what the definition takes from it."""
    done, record = await inner(step), step.record
    if step.plan.outputs is not None:
        await step.run.state.thinking.pause()
    record.routed = done.routed
    keep_output(step, done.output)
    record.forget_copies()
    return done
