"""The run's half of circuit breakers: a worker that refuses to call an action says for how long, and the step waits it out."""

from __future__ import annotations

from datetime import datetime

from pydantic import ValidationError
from temporalio.exceptions import ActivityError, ApplicationError

from advanced_workflow.workflows.contract import CIRCUIT_OPEN, BreakerState, CircuitRefusal
from advanced_workflow.workflows.engine.step.context import StepContext
from advanced_workflow.workflows.engine.step.waiting import sleep_or_skip
from advanced_workflow.workflows.engine.temporal.clock import moment_after, timestamp

LEAST_WAIT = 0.1
"""Seconds; a refusal in the very moment the window ends must not become a busy loop."""


def circuit_refusal(error: ActivityError) -> CircuitRefusal | None:
    """What the worker said, where it refused to call the action."""
    cause = error.cause
    if not isinstance(cause, ApplicationError) or cause.type != CIRCUIT_OPEN or not cause.details:
        return None
    try:
        return CircuitRefusal.model_validate(cause.details[0])
    except ValidationError:
        return None


def window_end(refusal: CircuitRefusal) -> datetime:
    """When the breaker lets a probe through."""
    return moment_after(max(LEAST_WAIT, refusal.retry_after))


async def wait_for_breaker(step: StepContext, action: str, until: datetime) -> None:
    """Wait until the breaker lets a probe through, or the step's time is up; an operator may skip the step meanwhile."""
    seen = BreakerState(action=action, state="open", until=timestamp(until))
    step.run.breakers[step.path] = seen
    step.wait(f"the circuit breaker of action {action!r}, open until {timestamp(until)}")
    try:
        await sleep_or_skip(step, until, f"circuit breaker of {action}")
    finally:
        del step.run.breakers[step.path]
