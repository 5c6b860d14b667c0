"""A step that had failed when the run continued as new continues with what follows its failure."""

from __future__ import annotations

from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.engine.step.context import Done, RunStep, StepContext
from advanced_workflow.workflows.engine.step.failures import StepFailure

RUN_CODE = "run_code"
"""In the cursor of a failed step: the run's failure type if nothing recovers the step."""


async def failing_again(step: StepContext, inner: RunStep) -> Done:
    """Raise the failure of the earlier history instead of running the step again."""
    record = step.record
    if record.resumed and record.status is StepStatus.FAILED and record.error is not None:
        record.resumed = False
        raise StepFailure(record.error, run_code=record.cursor.get(RUN_CODE, ""))
    return await inner(step)
