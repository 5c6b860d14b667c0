"""What a step's `input_mapping` gives, checked by its `input_validation`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, cast

from temporalio.exceptions import FailureError

from advanced_workflow.workflows.contract import FITS_ACTIVITY, Json
from advanced_workflow.workflows.definition.schema import COST_OF_STEP
from advanced_workflow.workflows.engine.state.task_budget import LOCAL_STEPS
from advanced_workflow.workflows.engine.step.context import StepContext
from advanced_workflow.workflows.engine.step.failures import failure_of_activity
from advanced_workflow.workflows.engine.temporal.activities import own_activity
from advanced_workflow.workflows.engine.temporal.fitting import verdict_on
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.engine.temporal.payloads import decode_own, encode
from advanced_workflow.workflows.errors import InputInvalid

_ATTEMPT = timedelta(seconds=60)
"""What may be checked takes seconds; a busy worker takes longer."""
_TOTAL = timedelta(minutes=10)


ARGUMENTS = "arguments"
"""In the cursor of a tool's call that people are asked about: its arguments from then on."""
APPROVED = "approved"
"""In the cursor of such a call: whether it was approved."""


async def mapped_input(step: StepContext) -> Json:
    """What the step's `input_mapping` gives; null without one. Raises `InputInvalid` and expression errors.

    Of a tool's call it is what the model chose, with what the mapping binds.
    """
    if step.plan.tool is not None:
        return _arguments(step)
    if step.plan.input is None:
        return None
    value = step.plan.input.evaluate(step.scope())
    schema = step.plan.step.input_validation
    problems = await misfits_of(step, schema, value, "the mapped input") if schema else []
    if problems:
        raise InputInvalid(f"the mapped input does not fit 'input_validation': {'; '.join(problems)}.")
    return value


def _arguments(step: StepContext) -> Json:
    if ARGUMENTS in step.record.cursor:
        return step.record.cursor[ARGUMENTS]
    bound: dict[str, Json] = step.plan.input.evaluate(step.scope()) if step.plan.input is not None else {}
    chosen = cast("dict[str, Json]", step.frame.names["call"])
    return {**chosen, **bound}


async def misfits_of(step: StepContext, schema: Mapping[str, Any], value: Json, what: str) -> list[str]:
    """Say where a value does not fit, as `temporal/fitting.py` says: here where it takes little, else beside the run."""
    verdict = verdict_on(schema, value)
    step.run.state.thinking.spend(verdict.steps * COST_OF_STEP)
    if not verdict.is_open or not patched(Patch.RULES_2):
        return verdict.problems
    limit = step.run.prepared.payload_limit
    arguments = [encode(schema, "the schema", limit), encode(value, what, limit)]
    step.run.budget.settled(LOCAL_STEPS)
    try:
        with step.run.continuation.staying():
            answer = await own_activity(
                FITS_ACTIVITY,
                arguments,
                summary=f"check {what} of {step.path}",
                attempt_timeout=_ATTEMPT,
                total_timeout=_TOTAL,
            )
    except FailureError as error:
        cause = failure_of_activity(error, FITS_ACTIVITY).error
        raise InputInvalid(f"{what} could not be checked by its schema: {cause.message}") from error
    problems: list[str] = decode_own(answer, f"the verdict on {what}")
    return problems
