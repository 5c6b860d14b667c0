"""`orchestrator`: `check` knows it, and this release does not run it yet."""

from __future__ import annotations

from advanced_workflow.workflows.engine.step.context import Done, StepContext
from advanced_workflow.workflows.errors import NotSupportedYet


async def refuse(step: StepContext) -> Done:
    """Fail the run: nothing in the definition may recover from it."""
    raise NotSupportedYet(f"step {step.path!r}: step type {step.plan.step.step_type.value!r} is not supported yet.")
