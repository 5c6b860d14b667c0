"""`on_failure: pause`: a step whose failure would fail the run is held for an operator, who runs it again or skips it."""

from __future__ import annotations

from advanced_workflow.workflows.contract import SkipReason
from advanced_workflow.workflows.engine.monitoring.display import OPERATOR
from advanced_workflow.workflows.engine.step.context import Done, RunStep, StepContext
from advanced_workflow.workflows.engine.step.failures import StepFailure, StepSkipped


async def held_for_an_operator(step: StepContext, inner: RunStep) -> Done:
    """Run the step as often as an operator asks for it; a failure that nobody holds ends the run."""
    run, record = step.run, step.record
    while True:
        try:
            return await inner(step)
        except StepFailure:
            if step.may_fail:
                raise
            if run.plan.workflow.on_failure != "pause":
                run.continuation.begin_ending()
                raise
            await _hold(step)
        run.withdrawals.done(record.path)
        run.state.reset(record)
        record.retry_count += 1
        step.handled.clear()


async def _hold(step: StepContext) -> None:
    """Wait until the step is to run again. Raises `StepSkipped` where it is not to."""
    run, record = step.run, step.record
    record.waiting_for = "an operator: retry_step or skip_step"
    run.display.waits_for(record.path, (OPERATOR,))
    try:
        remedy = await run.operations.hold(record.path)
    finally:
        record.waiting_for = None
        run.display.waits_no_longer(record.path)
    if remedy == "skip":
        raise StepSkipped(SkipReason.BY_OPERATOR)
