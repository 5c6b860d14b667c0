"""`output_mapping`: a step's output goes to its record, and to the run's variables."""

from __future__ import annotations

from advanced_workflow.workflows.engine.step.context import Done, RunStep, StepContext


async def writing_outputs(step: StepContext, inner: RunStep) -> Done:
    """Keep what the step gave, and write what the definition takes from it."""
    done, record = await inner(step), step.record
    record.output, record.has_output, record.routed = done.output, True, done.routed
    if step.plan.outputs is not None:
        with step.reading("output_mapping"):
            step.plan.outputs.apply(step.scope(result=record.output), step.run.state.variables)
    return done
