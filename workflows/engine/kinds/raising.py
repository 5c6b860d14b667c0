"""`raise`: fails with a type and a sentence of the author's own."""

from __future__ import annotations

from typing import cast

from advanced_workflow.workflows.contract import ErrorInfo, Json
from advanced_workflow.workflows.engine.step.context import Done, StepContext
from advanced_workflow.workflows.engine.step.failures import StepFailure
from advanced_workflow.workflows.errors import DataInvalid


async def run_raise(step: StepContext) -> Done:
    """Raise the failure that the step's `error` says. There is no effect to undo."""
    step.begin()
    await step.run.state.thinking.pause()
    raised = step.plan.step.error
    if raised is None or step.plan.request is None:
        raise AssertionError(f"step {step.path!r} has no 'error'")
    with step.reading("error"):
        built = cast("dict[str, Json]", step.plan.request.evaluate(step.scope()))
        message = built["message"]
        if not isinstance(message, str):
            raise DataInvalid("'message' must give text.")
    raise StepFailure(ErrorInfo(type=raised.type, message=message, details=built["details"]))
