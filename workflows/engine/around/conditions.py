"""`conditions`: what must hold when a step's turn comes; otherwise it is skipped."""

from __future__ import annotations

from advanced_workflow.workflows.contract import Json, SkipReason
from advanced_workflow.workflows.engine.step.context import Done, RunStep, StepContext
from advanced_workflow.workflows.engine.step.failures import StepSkipped
from advanced_workflow.workflows.errors import DataInvalid


async def where_conditions_hold(step: StepContext, inner: RunStep) -> Done:
    """Run the step if all its conditions hold; they are not asked again of a step that had begun in an earlier history."""
    resumed, step.record.resumed = step.record.resumed, False
    if not resumed:
        _require_join(step)
        if not await _conditions_hold(step):
            raise StepSkipped(SkipReason.CONDITION_FALSE)
    return await inner(step)


async def _conditions_hold(step: StepContext) -> bool:
    await step.run.state.thinking.pause()
    if not step.plan.conditions:
        return True
    scope = step.scope()
    for number, condition in enumerate(step.plan.conditions):
        await step.run.state.thinking.pause()
        with step.reading(f"conditions[{number}]"):
            if not condition.holds(scope):
                return False
    return True


def _require_join(step: StepContext) -> None:
    """A join whose expression fails let the step start; here it fails with the reason."""
    if step.plan.join is not None:
        with step.reading("join"):
            value: Json = step.plan.join.evaluate(step.scope())
            if not isinstance(value, bool | int | float):
                raise DataInvalid("the expression must give a number, or a bool that says whether to start.")
