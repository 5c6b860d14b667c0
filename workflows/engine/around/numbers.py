"""Numbers that expressions give: times, counts. They are asked once, when the step starts, and hold until it ends."""

from __future__ import annotations

from collections.abc import Mapping

from advanced_workflow.workflows.definition.check.rules.local import LONGEST_ATTEMPT_SECONDS, LONGEST_TOTAL_SECONDS
from advanced_workflow.workflows.engine.graph.limits import Computed
from advanced_workflow.workflows.engine.step.context import NUMBERS, Done, RunStep, StepContext
from advanced_workflow.workflows.errors import DataInvalid

_OF_LOCAL: Mapping[str, int] = {"timeout": LONGEST_ATTEMPT_SECONDS, "total_timeout": LONGEST_TOTAL_SECONDS}


async def with_its_numbers(step: StepContext, inner: RunStep) -> Done:
    """Ask the expressions, unless they were asked in an earlier history, and run the step."""
    if step.plan.computed and NUMBERS not in step.record.cursor:
        step.record.cursor[NUMBERS] = {one.place: _number(step, one) for one in step.plan.computed}
    return await inner(step)


def _number(step: StepContext, one: Computed) -> object:
    with step.reading(one.place):
        try:
            number = one.read(one.expression.evaluate(step.scope()))
        except ValueError as error:
            raise DataInvalid(f"{error}.") from None
        most = _OF_LOCAL.get(one.place) if step.plan.is_local else None
        if most is not None and isinstance(number, int | float) and number > most:
            raise DataInvalid(f"{number:g} s are too long for a local step, which has at most {most} s.")
        return number
