"""`cancel_on`: an event that ends a step while it runs."""

from __future__ import annotations

import asyncio

from advanced_workflow.workflows.contract import Json, SkipReason
from advanced_workflow.workflows.definition.model.events import CancelOn
from advanced_workflow.workflows.engine.people.events import Listener
from advanced_workflow.workflows.engine.step.context import Done, RunStep, StepContext
from advanced_workflow.workflows.engine.step.events import event_fits
from advanced_workflow.workflows.engine.step.failures import StepFailure, StepSkipped, failure_of
from advanced_workflow.workflows.errors import CancelledByEvent


async def ending_at_its_event(step: StepContext, inner: RunStep) -> Done:
    """Run a step, or end it with all that runs inside when its event comes; the step then counts as `outcome` says."""
    cancel_on = step.plan.step.cancel_on
    if cancel_on is None:
        return await inner(step)
    task = asyncio.ensure_future(inner(step))
    heard = False

    def hear(_: Json) -> None:
        nonlocal heard
        heard = True
        step.run.withdrawals.empty(step.path, SkipReason.CANCELLED)
        task.cancel()

    listener = Listener(lambda data: event_fits(step, step.plan.cancel_match, data), hear, shared=True)
    step.run.events.listen(cancel_on.event, listener)
    try:
        return await task
    except (asyncio.CancelledError, StepFailure):
        if not heard or step.run.withdrawals.reason(step.path) is not None:
            raise
        return _ended(step, cancel_on)
    finally:
        step.run.withdrawals.emptied(step.path)
        step.run.events.stop_listening(cancel_on.event, listener)


def _ended(step: StepContext, cancel_on: CancelOn) -> Done:
    match cancel_on.outcome:
        case "complete":
            return Done(step.record.output, routed=frozenset())
        case "fail":
            raise failure_of(CancelledByEvent(f"step {step.path!r}: event {cancel_on.event!r} ended it."), "unknown")
        case "skip":
            raise StepSkipped(SkipReason.CANCELLED)
