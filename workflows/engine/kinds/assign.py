"""`assign`: gives what its `input_mapping` gives; no activity runs."""

from __future__ import annotations

from advanced_workflow.workflows.engine.actions.mapped_input import mapped_input
from advanced_workflow.workflows.engine.step.context import Done, StepContext


async def run_assign(step: StepContext) -> Done:
    """Build the output; `output_mapping` may write it to variables."""
    step.begin()
    await step.run.state.thinking.pause()
    with step.reading("input_mapping"):
        return Done(await mapped_input(step))
