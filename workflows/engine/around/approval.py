"""`approve` of an agent's tool: people see the exact call, and it is made only as they approved it."""

from __future__ import annotations

from advanced_workflow.workflows.contract import Json
from advanced_workflow.workflows.engine.actions.mapped_input import APPROVED, ARGUMENTS, mapped_input
from advanced_workflow.workflows.engine.kinds.webhook import request_of
from advanced_workflow.workflows.engine.step.asking import approval_of, ask, exact_call, rejected
from advanced_workflow.workflows.engine.step.context import Done, RunStep, StepContext
from advanced_workflow.workflows.errors import DataInvalid


async def approved_by_people(step: StepContext, inner: RunStep) -> Done:
    """Ask where the call of a tool has to be approved; from then on its arguments are those that were asked about."""
    tool, cursor = step.plan.tool, step.record.cursor
    if tool is None or not (ARGUMENTS in cursor or _must_be_approved(step)):
        return await inner(step)
    if not cursor.get(APPROVED):
        if ARGUMENTS not in cursor:
            cursor[ARGUMENTS] = await _arguments(step)
        answer = await ask(step, approval_of(step), lambda: exact_call(step, cursor[ARGUMENTS]))
        if answer.verdict == "rejected":
            raise rejected(answer)
        cursor[APPROVED] = True
    return await inner(step)


async def _arguments(step: StepContext) -> Json:
    """What the call is made with."""
    if step.plan.step.webhook is not None:
        return request_of(step)
    with step.reading("input_mapping"):
        return await mapped_input(step)


def _must_be_approved(step: StepContext) -> bool:
    if step.run.plan.is_asked_for(step.plan):
        return True
    if step.plan.tool is None or step.plan.approve is None:
        return False
    with step.reading("approve"):
        value: object = step.plan.approve.evaluate(step.scope())
        if not isinstance(value, bool):
            raise DataInvalid(f"the expression must give true or false, not {value!a}.")
        return value
