"""A step that nobody needs any more is cancelled, and counts as skipped."""

from __future__ import annotations

import asyncio

from advanced_workflow.workflows.engine.step.context import Done, RunStep, StepContext
from advanced_workflow.workflows.engine.step.failures import StepSkipped
from advanced_workflow.workflows.engine.step.starting import require_wanted


async def skipped_when_withdrawn(step: StepContext, inner: RunStep) -> Done:
    """Tell a step that was withdrawn from one that ends with the run, and begin none that was."""
    withdrawals = step.run.withdrawals
    try:
        if not step.record.resumed:  # One that was under way takes up its place, and is cancelled there.
            require_wanted(step)
        return await inner(step)
    except asyncio.CancelledError:
        reason = withdrawals.reason(step.path)
        if reason is None:
            raise
        raise StepSkipped(reason) from None
    finally:
        withdrawals.done(step.path)
