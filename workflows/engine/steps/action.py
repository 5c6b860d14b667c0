"""`sequential` and `worker`: one action as one activity."""

from __future__ import annotations

import asyncio

from temporalio.common import RawValue
from temporalio.exceptions import ActivityError

from workflows.contract import Json
from workflows.definition.schema import value_problems
from workflows.engine.calls import call_action, is_being_cancelled
from workflows.engine.context import Done, StepContext
from workflows.engine.failures import StepFailure, failure_of, failure_of_activity
from workflows.engine.payloads import encode
from workflows.engine.saga import Armed
from workflows.errors import InputInvalid, WorkflowError


async def run_action(step: StepContext) -> Done:
    """Call the action and give its result. Its undo is armed before it is scheduled."""
    async with step.run.slots.hold():
        value, arguments = _mapped_input(step)
        await step.run.budget.reserve(sum(len(one.payload.data) for one in arguments))
        armed = step.run.saga.arm(step.plan, step.path, step.run.idempotency_key(step.path), value)
        step.begin()
        try:
            output = await call_action(step, arguments)
        except ActivityError as error:
            failure = failure_of_activity(error, step.plan.step.action or "")
            _mark(armed, failure)
            if is_being_cancelled():
                raise asyncio.CancelledError from failure
            raise failure from error
        except WorkflowError as error:
            # The action did run; only what it returned cannot be used.
            _complete(armed, None)
            raise failure_of(error) from error
        except asyncio.CancelledError:
            if armed is not None:
                armed.outcome = "unknown"
            raise
        _complete(armed, output)
        return Done(output)


def _mapped_input(step: StepContext) -> tuple[Json, list[RawValue]]:
    if step.plan.input is None:
        return None, []
    with step.reading("input_mapping"):
        value = step.plan.input.evaluate(step.scope())
        problems = value_problems(step.plan.step.input_validation, value) if step.plan.step.input_validation else []
        if problems:
            raise InputInvalid(f"the mapped input does not fit 'input_validation': {'; '.join(problems)}.")
        return value, [encode(value, "the mapped input")]


def _mark(armed: Armed | None, failure: StepFailure) -> None:
    if armed is not None:
        armed.outcome = failure.effect


def _complete(armed: Armed | None, output: Json) -> None:
    if armed is not None:
        armed.outcome = "completed"
        armed.output = output
