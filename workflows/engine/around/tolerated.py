"""A container that fails and that the run goes on without: what it did is undone by itself."""

from __future__ import annotations

from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.engine.containers.tolerated import settle_tolerated
from advanced_workflow.workflows.engine.step.context import Done, RunStep, StepContext
from advanced_workflow.workflows.engine.step.failures import StepFailure
from advanced_workflow.workflows.engine.undo.backwards import Part


async def undoing_what_it_left(step: StepContext, inner: RunStep) -> Done:
    """Undo all passes of a container with `continue_on_failure` that nothing recovered, before it settles."""
    try:
        return await inner(step)
    except StepFailure:
        passes = step.frame.undo.inner.get(step.key)
        if passes is None or not step.plan.retries.continue_on_failure or not _is_container(step):
            raise
        try:
            await settle_tolerated(step, Part(step.plan, passes), {})
        except StepFailure as incomplete:
            incomplete.error.step_id, incomplete.error.path = step.plan.step_id, step.path
            step.record.error = incomplete.error
            raise
        raise


def _is_container(step: StepContext) -> bool:
    return step.plan.step.step_type in (StepType.PARALLEL, StepType.LOOP, StepType.REACT, StepType.ORCHESTRATOR)
