"""Which events are meant for a step, and waiting for one."""

from __future__ import annotations

from datetime import datetime

from advanced_workflow.workflows.contract import EventMessage, Json
from advanced_workflow.workflows.engine.step.context import StepContext
from advanced_workflow.workflows.engine.step.waiting import wait_or_skip
from advanced_workflow.workflows.engine.temporal.clock import timestamp
from advanced_workflow.workflows.errors import ExpressionError
from advanced_workflow.workflows.expressions import Expression


async def await_event(
    step: StepContext, name: str, deadline: datetime | None, *, transient: bool = False
) -> EventMessage | None:
    """Wait for the event this step takes; None when the deadline passed."""
    match = step.plan.event_match
    answer = step.run.events.wait(name, lambda data: event_fits(step, match, data), transient=transient)
    step.wait(f"event {name!r}" + (f" until {timestamp(deadline)}" if deadline else ""))
    try:
        return await wait_or_skip(step, answer, deadline, step.plan.step.label)
    finally:
        step.run.events.leave(name, answer)


def event_fits(step: StepContext, match: Expression | None, data: Json) -> bool:
    """Whether an event is the one a step means."""
    if match is None:
        return True
    try:
        return match.evaluate(step.scope(event=data)) is True
    except ExpressionError:
        # An event of another shape is somebody else's: it stays for the step it was meant for.
        return False
