"""A step that nobody needs any more is cancelled, and counts as skipped."""

from __future__ import annotations

import asyncio

from advanced_workflow.workflows.engine.step.context import Done, RunStep, StepContext
from advanced_workflow.workflows.engine.step.failures import StepSkipped


async def skipped_when_withdrawn(step: StepContext, inner: RunStep) -> Done:
    """Tell a step that was withdrawn from one that ends with the run."""
    withdrawals = step.run.withdrawals
    try:
        return await inner(step)
    except asyncio.CancelledError:
        reason = withdrawals.reason(step.path)
        if reason is None:
            raise
        raise StepSkipped(reason) from None
    finally:
        withdrawals.done(step.path)
